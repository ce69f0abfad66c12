// Writes by @supabase/postgrest-js. Each goes on from what those before it have left.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differs, refused } from '../cases.mjs'
import { answer, data, db, expect_data, expect_error, ids } from './requests.mjs'

const tasks = () => db.from('tasks')
const steps = () => db.from('steps')
const films = () => db.from('films')
const whole = { done: false, priority: null, labels: null, details: null, due: null, 'Two Words': null, 'kebab-name': null }

test('insert says nothing', async () => {
  const got = await answer(tasks().insert({ id: 1, title: 'write' }))
  assert.deepEqual([got.data, got.status, got.statusText], [null, 201, 'Created'])
  assert.deepEqual(await data(tasks().select().eq('id', 1)), [{ id: 1, title: 'write', ...whole }])
})
expect_data(
  'insert and select',
  () =>
    tasks()
      .insert({ id: 2, title: 'read', labels: ['a', 'b c'], details: { deep: [1, null] }, due: '2030-01-02' })
      .select(),
  [{ id: 2, title: 'read', ...whole, labels: ['a', 'b c'], details: { deep: [1, null] }, due: '2030-01-02' }]
)
expect_data('insert, columns of one row', () => tasks().insert({ id: 3, title: 'count' }).select('key:id,title').single(), {
  key: 3,
  title: 'count'
})
test('insert without a key', async () => {
  const row = await data(tasks().insert({ title: 'no key' }).select('id,title').single())
  assert.equal(row.title, 'no key')
  assert.ok(Number.isSafeInteger(row.id))
  assert.deepEqual(await data(tasks().select('title').eq('id', row.id)), [{ title: 'no key' }])
})
test('insert of several rows of a shard', async () => {
  const got = await answer(
    steps()
      .insert(
        [
          { task_id: 1, number: 1, note: 'plan' },
          { task_id: 1, number: 2, note: 'do' }
        ],
        { count: 'exact' }
      )
      .select()
  )
  assert.deepEqual(
    [got.data, got.count, got.status],
    [
      [
        { task_id: 1, number: 1, note: 'plan' },
        { task_id: 1, number: 2, note: 'do' }
      ],
      2,
      201
    ]
  )
})
test('insert of rows with different columns has nulls', async () => {
  const got = await steps()
    .insert([
      { task_id: 1, number: 3 },
      { task_id: 1, number: 4, note: 'check' }
    ])
    .select()
  assert.equal(got.error.code, '23502')
})
refused('SHARD400', 'insert of rows of several shards', async () => {
  const got = await data(
    tasks()
      .insert([
        { id: 11, title: 'a' },
        { id: 12, title: 'b' },
        { id: 13, title: 'c' },
        { id: 14, title: 'd' }
      ])
      .select('id')
  )
  assert.deepEqual(
    got.map((row) => row.id),
    [11, 12, 13, 14]
  )
})
refused('SHARD400', 'insert of several rows without keys', async () => {
  assert.equal(
    (
      await data(
        tasks()
          .insert(Array.from({ length: 40 }, (_, number) => ({ title: `${number}` })))
          .select('id')
      )
    ).length,
    40
  )
})
refused('SHARD400', 'insert with defaults for what is missing', async () => {
  assert.deepEqual(
    await data(
      steps()
        .insert(
          [
            { task_id: 1, number: 5 },
            { task_id: 1, number: 6, note: 'check' }
          ],
          { defaultToNull: false }
        )
        .select('note')
    ),
    [{ note: 'to do' }, { note: 'check' }]
  )
})
test('insert and select with an embed', async () => {
  assert.deepEqual(await data(steps().insert({ task_id: 1, number: 7 }).select('number,tasks(title)')), [
    { number: 7, tasks: { title: 'write' } }
  ])
})
test('delete and select with an embed', async () => {
  assert.deepEqual(await data(steps().delete().eq('task_id', 1).eq('number', 7).select('number,...tasks(title)')), [
    { number: 7, title: 'write' }
  ])
})
test('insert with an order', async () => {
  const got = await data(
    steps()
      .insert([
        { task_id: 1, number: 21, note: 'x' },
        { task_id: 1, number: 22, note: 'x' }
      ])
      .select('number')
      .order('number', { ascending: false })
  )
  await answer(steps().delete().eq('task_id', 1).gt('number', 20))
  assert.deepEqual(got, [{ number: 22 }, { number: 21 }])
})
differs('insert of a key that is null', async () => {
  const got = await tasks().insert({ id: null, title: 'null' }).select('id')
  if (got.data) await answer(tasks().delete().eq('id', got.data[0].id))
  assert.equal(got.error?.code, '23502')
})
test('names of columns', async () => {
  const row = { 'Two Words': 'b', 'kebab-name': 'a' }
  assert.deepEqual(
    await data(
      tasks()
        .insert([{ id: 7, title: 'names', ...row }])
        .select('"Two Words",kebab-name')
    ),
    [row]
  )
  assert.deepEqual(
    await ids(tasks().select('id').eq('Two Words', 'b').eq('kebab-name', 'a').order('Two Words').order('kebab-name')),
    [7]
  )
  await answer(tasks().delete().eq('id', 7))
})
test('a large row', async () => {
  const title = '0123456789'.repeat(30000)
  await answer(tasks().insert({ id: 8, title }))
  assert.equal((await data(tasks().select('title').eq('id', 8).single())).title, title)
  await answer(tasks().delete().eq('id', 8))
})
expect_data('insert of no rows', () => tasks().insert([]).select(), [])
test('insert of several rows as one keeps none', async () => {
  const got = await steps()
    .insert([
      { task_id: 1, number: 8, note: 'x' },
      { task_id: 1, number: 9, note: 'x' }
    ])
    .select('number')
    .single()
  assert.deepEqual([got.status, got.error.code, got.error.details], [406, 'PGRST116', 'The result contains 2 rows'])
  assert.deepEqual(await data(steps().select().gte('number', 8)), [])
})
expect_error(
  'insert of a key twice',
  () =>
    tasks().insert([
      { id: 71, title: 'x' },
      { id: 71, title: 'y' }
    ]),
  409,
  { code: '23505' }
)
expect_data('insert of a key as a text', () => tasks().insert({ id: '6', title: 'six' }).select('id'), [{ id: 6 }])
expect_data('delete of it', () => tasks().delete().eq('id', '6').select('id'), [{ id: 6 }])
expect_error('insert of a key that is no number', () => tasks().insert({ id: 6.5, title: 'x' }), 400, {
  code: '22P02',
  message: 'invalid input syntax for type bigint: "6.5"'
})
expect_error('insert of a key that is taken', () => tasks().insert({ id: 1, title: 'again' }), 409, {
  code: '23505',
  details: 'Key (id)=(1) already exists.'
})
expect_error('insert without what is needed', () => tasks().insert({ id: 5 }), 400, { code: '23502' })
expect_error('insert against a check', () => tasks().insert({ id: 5, title: 'x', priority: 0 }), 400, { code: '23514' })
expect_error('insert of an unknown column', () => tasks().insert({ id: 5, nothing: 1 }), 400, {
  code: 'PGRST204',
  message: "Could not find the 'nothing' column of 'tasks' in the schema cache"
})
expect_error('insert against a foreign key', () => steps().insert({ task_id: 404, number: 1 }), 409, { code: '23503' })
expect_error('insert of a wrong value', () => tasks().insert({ id: 5, title: 'x', due: 'soon' }), 400, { code: '22007' })
refused('SHARD400', 'upsert', async () => {
  assert.deepEqual(await data(tasks().upsert({ id: 1, title: 'write more' }).select('id,title')), [
    { id: 1, title: 'write more' }
  ])
})
refused('SHARD400', 'upsert that ignores what is there', async () => {
  assert.deepEqual(
    await data(tasks().upsert({ id: 1, title: 'ignored' }, { ignoreDuplicates: true, onConflict: 'id' }).select('id')),
    []
  )
})
test('update says nothing', async () => {
  const got = await answer(tasks().update({ title: 'written', done: true }).eq('id', 1))
  assert.deepEqual([got.data, got.status], [null, 204])
  assert.deepEqual(await data(tasks().select('title,done').eq('id', 1)), [{ title: 'written', done: true }])
})
test('update, select and count', async () => {
  const got = await answer(tasks().update({ priority: 3, due: null }, { count: 'exact' }).eq('id', 2).select('id,priority,due'))
  assert.deepEqual([got.data, got.count, got.status], [[{ id: 2, priority: 3, due: null }], 1, 200])
})
expect_data(
  'update of one row',
  () =>
    tasks()
      .update({ details: { a: [] } })
      .eq('id', 2)
      .select('details')
      .single(),
  { details: { a: [] } }
)
expect_data(
  'update of several rows of a shard',
  () => steps().update({ note: 'done' }).eq('task_id', 1).lte('number', 2).select('number,note'),
  [
    { number: 1, note: 'done' },
    { number: 2, note: 'done' }
  ]
)
test('update with an order', async () => {
  assert.deepEqual(await data(steps().update({ note: 'sorted' }).eq('task_id', 1).select('number').order('number')), [
    { number: 1 },
    { number: 2 }
  ])
})
expect_data('update of nothing', () => tasks().update({}).eq('id', 2).select(), [])
expect_error('update of several rows as one', () => steps().update({ note: 'x' }).eq('task_id', 1).select().single(), 406, {
  code: 'PGRST116',
  details: 'The result contains 2 rows'
})
expect_data('update of no row', () => tasks().update({ title: 'x' }).eq('id', 99).select(), [])
expect_error('update of no row, as one', () => tasks().update({ title: 'x' }).eq('id', 99).select().single(), 406, {
  code: 'PGRST116',
  details: 'The result contains 0 rows'
})
test('update of no row, maybe', async () => {
  const got = await tasks().update({ title: 'x' }).eq('id', 99).select().maybeSingle()
  assert.deepEqual([got.data, got.error, got.status], [null, null, 200])
})
refused('SHARD400', 'update of a key', async () =>
  assert.deepEqual(await data(tasks().update({ id: 70 }).eq('id', 2).select('id')), [{ id: 70 }])
)
refused('SHARD400', 'insert into a reference table', async () => {
  assert.deepEqual(await data(db.from('genres').insert({ name: 'Noir', position: 5 }).select()), [{ name: 'Noir', position: 5 }])
})
expect_data(
  'update of an array',
  () =>
    tasks()
      .update({ labels: ['a', 'b,c', 'd"e', null] })
      .eq('id', 2)
      .select('labels'),
  [{ labels: ['a', 'b,c', 'd"e', null] }]
)
expect_data(
  'update of a date',
  () =>
    tasks()
      .update({ due: new Date('2030-05-06T07:08:09Z') })
      .eq('id', 2)
      .select('due'),
  [{ due: '2030-05-06' }]
)
expect_data('update of a key to what it is', () => tasks().update({ id: 2, title: 'same' }).eq('id', 2).select('id,title'), [
  { id: 2, title: 'same' }
])
expect_error('update of what is generated', () => films().update({ words: 'x' }).eq('id', 1), 400, { code: '428C9' })
expect_error('update of an unknown column', () => tasks().update({ nothing: 1 }).eq('id', 2), 400, { code: 'PGRST204' })
refused('SHARD400', 'update of a row that is not named by its key', async () => {
  assert.deepEqual(await data(tasks().update({ priority: 1 }).eq('title', 'same').select('id')), [{ id: 2 }])
})
differs('what is told of a row that fails', async () => {
  const got = await steps().insert({ task_id: 1, number: 30, note: null })
  assert.equal(got.error.details, 'Failing row contains (1, 30, null).')
})
refused('SHARD400', 'update of rows of several shards', async () => {
  assert.deepEqual(
    (await data(tasks().update({ priority: 9 }).in('id', [1, 2, 3]).select('id'))).map((row) => row.id).sort(),
    [1, 2, 3]
  )
})
expect_error('maxAffected that is passed', () => steps().update({ note: 'x' }).eq('task_id', 1).maxAffected(1), 400, {
  code: 'PGRST124'
})
expect_data('maxAffected that is kept', () => steps().update({ note: 'kept' }).eq('task_id', 1).maxAffected(2).select('note'), [
  { note: 'kept' },
  { note: 'kept' }
])
refused('SHARD400', 'rollback', async () => {
  assert.deepEqual(await data(tasks().update({ title: 'not kept' }).eq('id', 1).rollback().select('title')), [
    { title: 'not kept' }
  ])
})
expect_data('delete and select', () => steps().delete().eq('task_id', 1).eq('number', 2).select(), [
  { task_id: 1, number: 2, note: 'kept' }
])
test('delete says nothing', async () => {
  const got = await answer(steps().delete({ count: 'exact' }).eq('task_id', 1))
  assert.deepEqual([got.data, got.count, got.status], [null, 1, 204])
  assert.deepEqual(await data(steps().select().eq('task_id', 1)), [])
})
expect_data('delete of one row', () => tasks().delete().eq('id', 3).select('id').single(), { id: 3 })
expect_data('delete of no row', () => tasks().delete().eq('id', 99).select(), [])
refused('SHARD400', 'delete of rows of several shards', async () => {
  assert.deepEqual((await data(tasks().delete().gt('id', 0).select('id'))).length, 3)
})
