// What the tests of clients share.
import assert from 'node:assert/strict'
import { test } from 'node:test'

export const url = process.env.SHARDPLEX_URL
assert.ok(url, 'SHARDPLEX_URL names the router')

/// What this release refuses over shards. Such a case expects what PostgREST answers, and has to fail by the code that is given: the
/// day it no longer does, it becomes a `test`.
export function refused(code, name, cases) {
  test(`refused with ${code}: ${name}`, async () => {
    let failure
    try {
      await cases()
    } catch (error) {
      failure = error
    }
    assert.ok(failure, 'it is served: make it a test')
    assert.equal(failure.code === 'ERR_ASSERTION' ? failure.message : code_of(failure), code)
  })
}

/// Where the router is known to answer otherwise than PostgREST. Such a case expects what PostgREST answers, and has to fail.
export function differs(name, cases) {
  test(`differs: ${name}`, async () => {
    await assert.rejects(cases, { code: 'ERR_ASSERTION' }, 'it is as by PostgREST: make it a test')
  })
}

/// The code in an answer that a client has made an exception of.
function code_of(failure) {
  return failure.code ?? failure.body?.code ?? String(failure)
}
