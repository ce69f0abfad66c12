// Writes by @raphiniert/ra-data-postgrest, each going on from what those before it have left; and schemas.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fails, provider, provider_with } from './provider.mjs'

const whole = { done: false, priority: null, labels: null, details: null, due: null, 'Two Words': null, 'kebab-name': null }
test('create', async () => {
  const got = await provider.create('tasks', { data: { id: 1, title: 'one', labels: ['x'] } })
  assert.deepEqual(got.data, { id: 1, title: 'one', ...whole, labels: ['x'] })
})
test('create without a key', async () => {
  const got = await provider.create('tasks', { data: { title: 'no key' } })
  assert.ok(Number.isSafeInteger(got.data.id))
  assert.equal((await provider.getOne('tasks', { id: got.data.id })).data.title, 'no key')
  await provider.delete('tasks', { id: got.data.id })
})
test('create, by a key of two columns', async () => {
  for (const number of [1, 2, 3]) {
    const got = await provider.create('steps', { data: { task_id: 1, number } })
    assert.deepEqual(got.data, { id: `[1,${number}]`, task_id: 1, number, note: 'to do' })
  }
})
test('create, columns', async () => {
  const got = await provider.create('tasks', { data: { id: 2, title: 'two' }, meta: { columns: ['id', 'done'] } })
  assert.deepEqual(got.data, { id: 2, done: false })
})
test('create of a key that is taken', async () =>
  await fails(provider.create('tasks', { data: { id: 1, title: 'x' } }), 409, '23505'))
test('create without what is needed', async () => await fails(provider.create('tasks', { data: { id: 4 } }), 400, '23502'))
test('update', async () => {
  const previousData = { id: 1, title: 'one', ...whole, labels: ['x'] }
  const got = await provider.update('tasks', {
    id: 1,
    previousData,
    data: { ...previousData, done: true, labels: ['y', 'z'], due: '2031-02-03' }
  })
  assert.deepEqual(got.data, { id: 1, title: 'one', ...whole, done: true, labels: ['y', 'z'], due: '2031-02-03' })
})
test('update of nothing', async () => {
  const previousData = { id: 1, title: 'one' }
  assert.deepEqual((await provider.update('tasks', { id: 1, previousData, data: { ...previousData } })).data, previousData)
})
test('update to null', async () => {
  const got = await provider.update('tasks', {
    id: 1,
    previousData: { id: 1, due: '2031-02-03' },
    data: { id: 1, due: null },
    meta: { columns: 'id,due' }
  })
  assert.deepEqual(got.data, { id: 1, due: null })
})
test('update, by a key of two columns', async () => {
  const got = await provider.update('steps', { id: '[1,2]', previousData: { note: 'to do' }, data: { note: 'done' } })
  assert.deepEqual(got.data, { id: '[1,2]', task_id: 1, number: 2, note: 'done' })
})
test('update of none', async () =>
  await fails(provider.update('tasks', { id: 99, previousData: {}, data: { title: 'x' } }), 406, 'PGRST116'))
test('updateMany of rows of a shard', async () => {
  const got = await provider.updateMany('steps', { ids: ['[1,1]', '[1,3]'], data: { note: 'both' } })
  assert.deepEqual(got.data.sort(), ['[1,1]', '[1,3]'])
  assert.equal((await provider.getOne('steps', { id: '[1,3]' })).data.note, 'both')
})
test('updateMany of one row', async () =>
  assert.deepEqual((await provider.updateMany('tasks', { ids: [2], data: { priority: 4 } })).data, [2]))
test('updateMany of rows of several shards', async () => {
  assert.deepEqual((await provider.updateMany('tasks', { ids: [1, 2, 3], data: { priority: 5 } })).data.sort(), [1, 2])
})
test('delete', async () => {
  const got = await provider.delete('tasks', { id: 2, previousData: { id: 2 } })
  assert.deepEqual([got.data.id, got.data.title, got.data.priority], [2, 'two', 5])
  await fails(provider.getOne('tasks', { id: 2 }), 406, 'PGRST116')
})
test('delete, by a key of two columns', async () => {
  assert.deepEqual((await provider.delete('steps', { id: '[1,2]' })).data, { id: '[1,2]', task_id: 1, number: 2, note: 'done' })
})
test('delete of none', async () => await fails(provider.delete('tasks', { id: 99 }), 406, 'PGRST116'))
test('delete of what is referred to', async () => await fails(provider.delete('tasks', { id: 1 }), 409, '23503'))
test('deleteMany of rows of a shard', async () => {
  assert.deepEqual((await provider.deleteMany('steps', { ids: ['[1,1]', '[1,3]'] })).data.sort(), ['[1,1]', '[1,3]'])
})
test('deleteMany of one row', async () => assert.deepEqual((await provider.deleteMany('tasks', { ids: [1] })).data, [1]))
test('deleteMany of rows of several shards', async () => {
  assert.deepEqual((await provider.deleteMany('tasks', { ids: [1, 2, 3] })).data, [])
})

test('the schema by its name', async () => {
  const named = provider_with({ schema: () => 'public' })
  assert.equal((await named.getOne('films', { id: 1 })).data.title, 'The Harbour')
  assert.equal((await named.create('tasks', { data: { id: 6, title: 'six' } })).data.id, 6)
  assert.equal((await named.delete('tasks', { id: 6 })).data.id, 6)
})
test('another schema', async () => await fails(provider.getOne('films', { id: 1, meta: { schema: 'private' } }), 406, 'PGRST106'))
