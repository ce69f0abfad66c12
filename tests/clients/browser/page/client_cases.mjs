// What a page does with @supabase/postgrest-js. Each of its requests is one that the browser first asks the router for leave for.
import { PostgrestClient } from '@supabase/postgrest-js'
import { equal, ok, open, test } from './cases.mjs'

const db = new PostgrestClient(open)
const films = (columns = 'id', options) => db.from('films').select(columns, options)
const ids = async (request) => (await request.throwOnError()).data.map((row) => row.id)

test('a list with filters, in an order', async () => {
  equal(await ids(films('id,title').gt('year', 2003).not('genre', 'is', null).order('score', { ascending: false })), [7, 5, 9, 6, 10])
})
test('embeds of this shard and of others', async () => {
  const { data } = await films('title,genres(position),people!films_director(name)').eq('id', 1).throwOnError()
  equal(data, [{ title: 'The Harbour', genres: { position: 1 }, people: { name: 'Ada Berg' } }])
})
test('pages with a count, which is in a header', async () => {
  const got = await films('id', { count: 'exact' }).order('id').range(3, 5)
  equal([got.status, got.count, got.data.map((row) => row.id)], [206, 10, [4, 5, 6]])
})
test('a count alone', async () => {
  const got = await films('*', { count: 'exact', head: true }).eq('genre', 'Comedy')
  equal([got.status, got.count, got.data], [200, 3, null])
})
test('one row, and none', async () => {
  equal((await films('id,title').eq('id', 6).single()).data, { id: 6, title: 'Zebra Crossing' })
  const none = await films().eq('id', 99).single()
  equal([none.status, none.data, none.error.code, none.error.details], [406, null, 'PGRST116', 'The result contains 0 rows'])
  equal((await films().eq('id', 99).maybeSingle()).data, null)
})
test('csv', async () => {
  const got = await films('id,title,score').lte('id', 3).order('id').csv()
  equal(got.data, 'id,title,score\n1,"The Harbour",8.1\n2,"Paper Moons",7.4\n3,"Cold Iron",')
})
test("errors' bodies", async () => {
  const table = await db.from('film').select()
  equal([table.status, table.error.code, table.error.hint], [404, 'PGRST205', "Perhaps you meant the table 'public.films'"])
  const column = await films('nothing')
  equal([column.status, column.error.code, column.error.message], [400, '42703', 'column films.nothing does not exist'])
  const schema = await db.schema('private').from('films').select()
  equal([schema.status, schema.error.code], [406, 'PGRST106'])
  const over_shards = await films().order('tags')
  equal([over_shards.status, over_shards.error.code], [400, 'SHARD400'])
})
test('writes', async () => {
  const tasks = () => db.from('tasks')
  const row = { id: 9001, title: 'of a page', labels: ['ä', 'b,c'] }
  const inserted = await tasks().insert(row).select('id,title,labels,done').single()
  equal([inserted.status, inserted.data], [201, { ...row, done: false }])
  const again = await tasks().insert(row)
  equal([again.status, again.error.code], [409, '23505'])
  const changed = await tasks().update({ done: true }, { count: 'exact' }).eq('id', 9001).select('done')
  equal([changed.status, changed.count, changed.data], [200, 1, [{ done: true }]])
  const deleted = await tasks().delete().eq('id', 9001)
  equal([deleted.status, deleted.error], [204, null])
  equal(await ids(tasks().select('id').eq('id', 9001)), [])
})
test('calls of functions', async () => {
  equal((await db.rpc('double', { number: 21 })).data, 42)
  equal((await db.rpc('double', { number: 21 }, { get: true })).data, 42)
  equal((await db.rpc('treble', { number: 21 })).error.code, 'PGRST202')
})
test('a request that is aborted before it begins, and under way', async () => {
  const before = new AbortController()
  before.abort()
  const never = await films().abortSignal(before.signal)
  ok(/AbortError/.test(never.error?.message), 'it was sent')
  const under_way = new AbortController()
  const request = films('*,reviews(*),cast:people!roles(*)').abortSignal(under_way.signal)
  setTimeout(() => under_way.abort(), 0)
  const got = await request
  if (got.error) ok(/AbortError/.test(got.error.message), got.error.message)
  else equal(got.data.length, 10) // it was answered by then
  equal(await ids(films().eq('id', 1)), [1])
})
test('many requests at once', async () => {
  const wanted = Array.from({ length: 60 }, (_, number) => (number % 10) + 1)
  const got = await Promise.all(wanted.map((id) => films('id').eq('id', id).single().throwOnError()))
  equal(
    got.map((each) => each.data.id),
    wanted
  )
})
