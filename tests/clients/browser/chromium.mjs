// Chromium, without a window.
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Program } from './process.mjs'

const NAMES = ['chromium-headless-shell', 'chromium']
const FLAGS = [
  '--headless',
  '--no-sandbox', // which root has to do without, and nobody needs for pages of one's own
  '--disable-gpu',
  '--disable-dev-shm-usage', // small in containers
  '--no-first-run',
  '--remote-debugging-port=0', // or it might end as soon as the page is there
  // It calls nobody but this machine.
  '--no-proxy-server',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

/// Shows a page until `look` gives something (Program.until()), with a profile that is new.
export async function with_page(url, what, seconds, look) {
  const file = find_chromium()
  const profile = await mkdtemp(join(tmpdir(), 'shardplex-chromium-'))
  const chromium = new Program(file, [...FLAGS, `--user-data-dir=${profile}`, url], { HOME: profile })
  try {
    return await chromium.until(what, seconds, look)
  } finally {
    await chromium.stop()
    // What it has started ends a little later, and may still write.
    await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
}

function find_chromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM
  for (const name of NAMES)
    for (const folder of (process.env.PATH ?? '').split(delimiter))
      if (is_program(join(folder, name))) return join(folder, name)
  throw new Error(`None of these is here: ${NAMES.join(', ')}. scripts/setup installs one; CHROMIUM may name another.`)
}

function is_program(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
