// A router beside that of all clients.
import assert from 'node:assert/strict'
import { Program } from './process.mjs'

const READY_SECONDS = 60

/// Of SHARDPLEXD and SHARDPLEX_MAP, with flags of its own. Gives { program, url } once it is ready.
export async function start_router(flags) {
  const { SHARDPLEXD: file, SHARDPLEX_MAP: map } = process.env
  assert.ok(file && map, 'SHARDPLEXD names the program, and SHARDPLEX_MAP a map')
  const program = new Program(file, ['--map', map, '--port', '0', '--admin-port', '0', ...flags])
  try {
    const ports = await program.until('say its ports', READY_SECONDS, () =>
      /"port":(\d+),.*"admin_port":(\d+)/.exec(program.output)
    )
    await program.until('be ready', READY_SECONDS, () => is_served(`http://127.0.0.1:${ports[2]}/ready?strict`))
    return { program, url: `http://127.0.0.1:${ports[1]}` }
  } catch (error) {
    await program.stop()
    throw error
  }
}

async function is_served(url) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok
  } catch {
    return false
  }
}
