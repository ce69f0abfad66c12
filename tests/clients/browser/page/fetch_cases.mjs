// What a page sees of answers: bodies, and the headers that it may read.
import { equal, expect_kept_away, ok, open, rows, test } from './cases.mjs'

const as_json = { 'Content-Type': 'application/json' }

/// get(PATH, HEADERS): the answer.
const get = (path, headers = {}) => fetch(open + path, { headers })
/// The fields of an answer, and whether they match.
function expect_headers(answer, patterns) {
  for (const [name, pattern] of Object.entries(patterns)) {
    const value = answer.headers.get(name)
    ok(value !== null && pattern.test(value), `${name} is ${value}`)
  }
}

test('a request that needs no leave', async () => {
  equal(await rows(fetch(`${open}/films?id=in.(1,2)&select=id&order=id`)), [{ id: 1 }, { id: 2 }])
})
test('headers of a page of rows', async () => {
  const answer = await get('/films?order=id&limit=2', { Prefer: 'count=exact', 'Accept-Profile': 'public' })
  equal([answer.status, (await answer.json()).length], [206, 2])
  expect_headers(answer, {
    'Content-Type': /^application\/json; charset=utf-8$/,
    'Content-Range': /^0-1\/10$/,
    'Preference-Applied': /^count=exact$/,
    'Content-Profile': /^public$/,
    'Shardplex-Shards': /^(alpha|beta|gamma)(,(alpha|beta|gamma)){2}$/,
    'Server-Timing': /^parse;dur=[0-9.]+, plan;/,
    Date: / GMT$/
  })
  equal(answer.headers.get('Vary'), null) // nobody has use for it
})
test('pages by cursor, which Link leads to', async () => {
  const seen = []
  let path = '/films?select=id&order=year,id&limit=4&after='
  while (path && seen.length < 20) {
    const answer = await get(path)
    seen.push(...(await answer.json()).map((row) => row.id))
    path = /<([^>]+)>; rel="next"/.exec(answer.headers.get('Link') ?? '')?.[1]
  }
  equal(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})
test('headers of writes', async () => {
  const row = { method: 'POST', headers: { ...as_json, Prefer: 'return=headers-only' }, body: '{"id":9010,"title":"here"}' }
  const answer = await fetch(`${open}/tasks`, row)
  equal(answer.status, 201)
  expect_headers(answer, { Location: /^\/tasks\?id=eq\.9010$/, 'Preference-Applied': /return=headers-only/ })
  equal(await rows(get(answer.headers.get('Location') + '&select=title')), [{ title: 'here' }])
  equal((await fetch(`${open}/tasks/9010`, { method: 'DELETE' })).status, 204)
})
test('a row that is put', async () => {
  const put = (title) => fetch(`${open}/tasks/9011`, { method: 'PUT', headers: as_json, body: JSON.stringify({ id: 9011, title }) })
  equal([(await put('new')).status, (await put('newer')).status], [201, 204])
  equal((await rows(get('/tasks/9011'))).title, 'newer')
  equal((await fetch(`${open}/tasks/9011`, { method: 'DELETE' })).status, 204)
})
test('methods of a path', async () => {
  const options = await fetch(`${open}/films`, { method: 'OPTIONS' })
  equal(options.status, 200)
  expect_headers(options, { Allow: /\bPATCH\b/ })
  const refused = await fetch(`${open}/films/1`, { method: 'POST', headers: as_json, body: '{}' })
  equal([refused.status, (await refused.json()).code], [405, 'PGRST101'])
  expect_headers(refused, { Allow: /\bPUT\b/ })
})
test('errors, with a body and without', async () => {
  const got = await get('/film')
  const body = await got.json()
  equal([got.status, Object.keys(body), body.code], [404, ['code', 'details', 'hint', 'message'], 'PGRST205'])
  expect_headers(got, { 'Proxy-Status': /error=PGRST205/, 'Content-Type': /^application\/json/ })
  const head = await fetch(`${open}/films?nothing=eq.1`, { method: 'HEAD' })
  equal([head.status, await head.text()], [400, ''])
  expect_headers(head, { 'Proxy-Status': /error=42703/ })
  const behind = await get('/films?offset=50', { Prefer: 'count=exact' })
  equal([behind.status, (await behind.json()).code], [416, 'PGRST103'])
  expect_headers(behind, { 'Content-Range': /^\*\/10$/ })
})
test('errors of what is no request for rows', async () => {
  const long = await get(`/films?title=eq.${'x'.repeat(9000)}`)
  equal([long.status, (await long.json()).code], [414, 'SHARD400'])
  const headers = await get('/films', { 'X-Long': 'x'.repeat(30000) })
  equal([headers.status, (await headers.json()).code], [431, 'SHARD400'])
  const untyped = await fetch(`${open}/tasks`, { method: 'POST', body: new Blob(['{"id":9012,"title":"untyped"}']) })
  equal([untyped.status, (await untyped.json()).code], [415, 'PGRST102'])
})
test('a warning', async () => {
  const answer = await get('/films?select=id,kind:genres(position)&genres.position=gt.0&limit=1')
  equal(answer.status, 200)
  expect_headers(answer, { Warning: /genres/ })
})
test('rows that come compressed, and in parts', async () => {
  const columns = Array.from({ length: 500 }, (_, number) => `c${number}:summary`)
  const answer = await get(`/films?select=id,${columns}&order=id`)
  const got = await answer.json()
  equal([answer.status, got.length, got[0].c499], [200, 10, 'A sailor waits for a ship that never comes.'])
  expect_headers(answer, { 'Content-Encoding': /^(zstd|br|gzip)$/ })
})
test('other formats', async () => {
  const lines = await get('/films?select=id&order=id&limit=2', { Accept: 'application/x-ndjson' })
  equal(await lines.text(), '{"id":1}\n{"id":2}\n')
  const object = await get('/films?id=eq.1&select=id', { Accept: 'application/vnd.pgrst.object+json' })
  equal([object.headers.get('Content-Type'), await object.json()], ['application/vnd.pgrst.object+json; charset=utf-8', { id: 1 }])
  const api = await get('/')
  equal([api.status, (await api.json()).swagger], [200, '2.0'])
})
test('credentials are for origins that are named', async () => {
  await expect_kept_away(fetch(`${open}/films?limit=1`, { credentials: 'include' }))
})
