// Functions: of any shard, of all shards, and of the one that an argument is on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answer, data, db, expect_data, ids } from './requests.mjs'

const of_dramas = () => db.rpc('films_of', { genre_name: 'Drama' })

expect_data('a value', () => db.rpc('double', { number: 21 }), 42)
expect_data('a value by GET', () => db.rpc('double', { number: 21 }, { get: true }), 42)
test('rows of all shards are those of the view that shows the same', async () => {
  const expected = await ids(db.from('dramas').select('id').order('id'))
  assert.ok(expected.length > 1)
  assert.deepEqual(await ids(of_dramas().select('id').order('id')), expected)
  assert.deepEqual(await ids(of_dramas().select('id').order('id', { ascending: false }).limit(2)), expected.reverse().slice(0, 2))
  assert.deepEqual(await ids(of_dramas().select('id').eq('id', expected[0])), [expected[0]])
})
test('rows of all shards are counted', async () => {
  const expected = await ids(db.from('dramas').select('id'))
  const got = await answer(db.rpc('films_of', { genre_name: 'Drama' }, { head: true, count: 'exact' }))
  assert.equal(got.count, expected.length)
})
test('rows of a key', async () => {
  await answer(db.from('tasks').insert({ id: 70, title: 'of a function' }))
  await answer(db.from('steps').insert([{ task_id: 70, number: 1 }, { task_id: 70, number: 2 }]))
  assert.deepEqual(await data(db.rpc('steps_of', { task: 70 }).select('number').order('number')), [{ number: 1 }, { number: 2 }])
  assert.deepEqual(await data(db.rpc('steps_of', { task: 70 }).select('number').eq('number', 2).single()), { number: 2 })
  await answer(db.from('steps').delete().eq('task_id', 70))
  await answer(db.from('tasks').delete().eq('id', 70))
})
