// A router that names the page's origin as one that may call, with credentials. Origins of one host share their cookies, so the page
// has one to send.
import { PostgrestClient } from '@supabase/postgrest-js'
import { equal, named, ok, rows, test } from './cases.mjs'

document.cookie = 'session=of-the-page'
const with_credentials = (input, init) => fetch(input, { ...init, credentials: 'include' })
const db = new PostgrestClient(named, { fetch: with_credentials })

test('requests that need no leave', async () => {
  const path = `${named}/films?select=id&id=eq.5`
  equal(await rows(with_credentials(path)), [{ id: 5 }])
  equal(await rows(fetch(path, { credentials: 'omit' })), [{ id: 5 }])
})
test('rows, and headers', async () => {
  const got = await db.from('films').select('id', { count: 'exact' }).order('id').range(0, 1)
  equal([got.status, got.count, got.data], [206, 10, [{ id: 1 }, { id: 2 }]])
})
test("errors' bodies", async () => {
  equal((await db.from('film').select()).error.code, 'PGRST205')
  const long = await with_credentials(`${named}/films?title=eq.${'x'.repeat(9000)}`)
  equal([long.status, (await long.json()).code], [414, 'SHARD400'])
})
test('writes', async () => {
  const inserted = await db.from('tasks').insert({ id: 9101, title: 'with credentials' }).select('title').single()
  equal([inserted.status, inserted.data], [201, { title: 'with credentials' }])
  const changed = await db.from('tasks').update({ done: true }).eq('id', 9101).select('done')
  equal([changed.status, changed.data], [200, [{ done: true }]])
  equal((await db.from('tasks').delete().eq('id', 9101)).status, 204)
})
test('a call', async () => {
  const got = await db.rpc('double', { number: 4 })
  ok(got.error === null, JSON.stringify(got.error))
  equal(got.data, 8)
})
