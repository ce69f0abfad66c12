// Pages of other origins than the router's, in Chromium, with @supabase/postgrest-js and without. Their cases are in page/; each is a
// case of this program.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { url } from '../cases.mjs'
import { with_page } from './chromium.mjs'
import { PageServer } from './page_server.mjs'
import { start_router } from './router.mjs'

const PAGE_SECONDS = 120
const client = process.env.POSTGREST_JS
assert.ok(client, 'POSTGREST_JS names the file of the client')

/// Shows the page of a server, and makes a case of each of its own.
async function visit(t, server, cases, parameters) {
  server.report = null
  const report = await with_page(server.page(cases, parameters), `report the cases of ${cases}`, PAGE_SECONDS, () => server.report)
  assert.ok(report.length > 0, 'the page has no case')
  for (const { name, failure } of report) await t.test(name, () => assert.equal(failure, null))
}

test('pages of other origins', async (t) => {
  const shop = await PageServer.start(client)
  const stranger = await PageServer.start(client)
  let named = null
  try {
    named = await start_router(['--cors-allowed-origins', shop.origin])
    const routers = { open: url, named: named.url }
    await t.test('where all origins may call', (t) => visit(t, shop, 'open', routers))
    await t.test('of an origin that may call, with credentials', (t) => visit(t, shop, 'allowed', routers))
    await t.test('of an origin that may not', (t) => visit(t, stranger, 'stranger', routers))
  } finally {
    await named?.program.stop()
    shop.stop()
    stranger.stop()
  }
})
