// What the cases of @supabase/postgrest-js share.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { url } from '../cases.mjs'

export const { PostgrestClient, PostgrestError } = await import(process.env.POSTGREST_JS ?? '@supabase/postgrest-js')
export const db = new PostgrestClient(url)
export const films = (columns = 'id', options) => db.from('films').select(columns, options)

/// The answer of a request that has to succeed.
export async function answer(request) {
  return await request.throwOnError()
}
/// Its rows.
export async function data(request) {
  return (await answer(request)).data
}
/// Its rows' ids.
export async function ids(request) {
  return (await data(request)).map((row) => row.id)
}
/// expect_ids(NAME, REQUEST, IDS): a case.
export function expect_ids(name, request, expected) {
  test(name, async () => assert.deepEqual(await ids(request()), expected))
}
export function expect_data(name, request, expected) {
  test(name, async () => assert.deepEqual(await data(request()), expected))
}
/// What is expected of an error may leave members out.
export function expect_error(name, request, status, expected) {
  test(name, async () => {
    const got = await request()
    assert.ok(got.error, 'no error')
    const named = Object.fromEntries(Object.keys(expected).map((key) => [key, got.error[key]]))
    assert.deepEqual(named, expected)
    assert.equal(got.status, status)
    assert.equal(got.data, null)
  })
}
