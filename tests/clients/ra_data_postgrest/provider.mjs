// What the cases of @raphiniert/ra-data-postgrest share, react-admin's provider of data.
import assert from 'node:assert/strict'
import postgrest from '@raphiniert/ra-data-postgrest'
import { fetchUtils } from 'ra-core'
import { url } from '../cases.mjs'

const config = {
  apiUrl: url,
  httpClient: fetchUtils.fetchJson,
  defaultListOp: 'eq',
  primaryKeys: new Map([
    ['reviews', ['film_id', 'number']],
    ['steps', ['task_id', 'number']],
    ['genres', ['name']]
  ]),
  schema: () => ''
}
/// A provider with these members of the configuration.
export const provider_with = (more) => postgrest.default({ ...config, ...more })
export const provider = provider_with({})
export const ids = (got) => got.data.map((row) => row.id)
/// Expects a refusal.
export async function fails(request, status, code) {
  await assert.rejects(request, (error) => {
    assert.deepEqual([error.status, error.body.code], [status, code])
    return true
  })
}
