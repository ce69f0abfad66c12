// Errors, schemas, and what else @supabase/postgrest-js can do.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused, url } from '../cases.mjs'
import { PostgrestClient, PostgrestError, answer, data, db, expect_error, films, ids } from './requests.mjs'

expect_error('an unknown table', () => db.from('film').select(), 404, {
  code: 'PGRST205',
  message: "Could not find the table 'public.film' in the schema cache",
  hint: "Perhaps you meant the table 'public.films'"
})
expect_error('an unknown column', () => films('nothing'), 400, { code: '42703', message: 'column films.nothing does not exist' })
expect_error('an unknown column in a filter', () => films().eq('nothing', 1), 400, { code: '42703' })
expect_error('a value of a wrong type', () => films().eq('id', 'one'), 400, {
  code: '22P02',
  message: 'invalid input syntax for type bigint: "one"'
})
expect_error('an operator that is none', () => films().filter('id', 'equals', 1), 400, { code: 'PGRST100' })
expect_error('a select that is none', () => films('id,(').limit(1), 400, { code: 'PGRST100' })
expect_error('a column that is written otherwise', () => films('Title'), 400, { code: '42703' })
expect_error('a table that is written otherwise', () => db.from('Films').select(), 404, {
  code: 'PGRST205',
  hint: "Perhaps you meant the table 'public.films'"
})
expect_error('a value that no enum has', () => db.from('posters').select().eq('kind', 'stone'), 400, {
  code: '22P02',
  message: 'invalid input value for enum poster_kind: "stone"'
})
expect_error('a number that is out of range', () => films().eq('year', 99999999999), 400, { code: '22003' })
expect_error('a search that is none', () => films().textSearch('words', 'a & & b'), 400, { code: '42601' })
expect_error('is of what it cannot be', () => films().filter('genre', 'is', 'Drama'), 400, { code: 'PGRST100' })
test('an error that is thrown', async () => {
  await assert.rejects(
    async () => await films('nothing').throwOnError(),
    (error) => error instanceof PostgrestError && error.code === '42703'
  )
})
test('a request that is aborted', async () => {
  const controller = new AbortController()
  controller.abort()
  const got = await films().abortSignal(controller.signal)
  assert.match(got.error.message, /AbortError/)
  assert.deepEqual([got.status, got.data], [0, null])
})
test('a request that is aborted under way', async () => {
  const controller = new AbortController()
  const request = films('*,reviews(*),cast:people!roles(*)').abortSignal(controller.signal)
  const got = request.then((answered) => answered)
  controller.abort()
  assert.match((await got).error.message, /AbortError/)
  assert.deepEqual(await ids(films().eq('id', 1)), [1])
})
test('the schema by its name', async () => {
  assert.deepEqual(await data(db.schema('public').from('genres').select('name').eq('position', 4)), [{ name: 'Western' }])
  assert.deepEqual((await answer(db.schema('public').from('tasks').delete().eq('id', 99))).status, 204)
})
expect_error('another schema', () => db.schema('private').from('films').select(), 406, { code: 'PGRST106' })
test("headers of the client's own", async () => {
  const own = new PostgrestClient(url, {
    headers: { 'Shardplex-Consistency': 'strong', apikey: 'none', Authorization: 'Bearer none', 'X-Client-Info': 'test' }
  })
  assert.deepEqual(await ids(own.from('films').select('id').eq('id', 5)), [5])
})
test('many requests at once', async () => {
  const wanted = Array.from({ length: 200 }, (_, number) => (number % 10) + 1)
  const got = await Promise.all(wanted.map((id) => data(films('id').eq('id', id).single())))
  assert.deepEqual(
    got.map((row) => row.id),
    wanted
  )
})
refused('PGRST107', 'explain', async () => assert.match(await data(films().eq('id', 1).explain()), /films/))
refused('PGRST107', 'geojson', async () => assert.equal((await data(films().geojson())).type, 'FeatureCollection'))
expect_error('rpc of no function', () => db.rpc('treble', { number: 2 }), 404, { code: 'PGRST202' })
