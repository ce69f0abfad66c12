// A router that does not name the page's origin. Nothing that it answers can be read, and nothing can be written; what there is in
// the end is told by the router that all may call.
import { equal, expect_kept_away, named, open, rows, test } from './cases.mjs'

const as_json = { 'Content-Type': 'application/json' }
const task = (id) => rows(fetch(`${open}/tasks?id=eq.${id}&select=title`))
const body = JSON.stringify({ id: 9202, title: "a stranger's" })

test('rows and errors cannot be read', async () => {
  for (const path of ['/films?limit=1', '/film', `/films?title=eq.${'x'.repeat(9000)}`, '/', '/rpc/double?number=2'])
    for (const credentials of ['omit', 'include']) await expect_kept_away(fetch(named + path, { credentials }))
  await expect_kept_away(fetch(`${named}/films`, { headers: { Prefer: 'count=exact' } }))
  await expect_kept_away(fetch(`${named}/films`, { method: 'OPTIONS' }))
})
test('what is asked for without being read has no content', async () => {
  const answer = await fetch(`${named}/films?limit=1`, { mode: 'no-cors' })
  equal([answer.type, answer.status, await answer.text()], ['opaque', 0, ''])
})
test('what needs leave is not written', async () => {
  const row = JSON.stringify({ id: 9201, title: 'as it was' })
  equal((await fetch(`${open}/tasks`, { method: 'POST', headers: as_json, body: row })).status, 201)
  const change = JSON.stringify({ title: "a stranger's" })
  await expect_kept_away(fetch(`${named}/tasks?id=eq.9201`, { method: 'PATCH', headers: as_json, body: change }))
  await expect_kept_away(fetch(`${named}/tasks/9201`, { method: 'PUT', headers: as_json, body: change }))
  await expect_kept_away(fetch(`${named}/tasks?id=eq.9201`, { method: 'DELETE' }))
  await expect_kept_away(fetch(`${named}/tasks`, { method: 'POST', headers: as_json, body }))
  equal([await task(9201), await task(9202)], [[{ title: 'as it was' }], []])
  equal((await fetch(`${open}/tasks?id=eq.9201`, { method: 'DELETE' })).status, 204)
})
test('what any page may send unasked is not written either', async () => {
  const bodies = [body, new Blob([body]), new Blob([body], { type: 'text/plain' }), new URLSearchParams({ id: 9202, title: 'x' })]
  for (const each of bodies)
    for (const mode of ['no-cors', 'cors']) {
      const sent = fetch(`${named}/tasks`, { method: 'POST', mode, body: each })
      if (mode === 'cors') await expect_kept_away(sent)
      else equal((await sent).type, 'opaque')
    }
  equal(await task(9202), [])
})
