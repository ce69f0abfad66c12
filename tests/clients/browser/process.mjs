// Programs that the test starts.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

const KILL_MS = 5000
const POLL_MS = 50

/// A program that runs, and all that it has printed so far.
export class Program {
  constructor(file, args, environment = {}) {
    this.output = ''
    this.failure = null
    // A group of its own: what is called Chromium is a script that starts it, and would end alone.
    this.child = spawn(file, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (this.output += text))
    this.child.on('error', (error) => (this.failure = error)) // it could not be started
  }

  has_ended() {
    return this.failure !== null || this.child.exitCode !== null || this.child.signalCode !== null
  }

  /// What `look` gives once that is neither false nor undefined. Throws where the program ends first, or `seconds` have passed.
  async until(what, seconds, look) {
    const end = Date.now() + seconds * 1000
    for (;;) {
      const found = await look()
      if (found) return found
      const why = this.has_ended() ? 'has ended' : Date.now() > end ? `has not, after ${seconds} s` : ''
      if (why) throw new Error(`${this.child.spawnfile} ${why}, and was to: ${what}\n${this.failure ?? ''}${this.output}`)
      await sleep(POLL_MS)
    }
  }

  async stop() {
    if (this.has_ended()) return
    const ended = once(this.child, 'exit')
    this.signal('SIGTERM')
    const late = setTimeout(() => this.signal('SIGKILL'), KILL_MS)
    await ended
    clearTimeout(late)
    this.signal('SIGKILL') // what it has started and left
  }

  /// To all of the group, where somebody is left in it.
  signal(name) {
    try {
      process.kill(-this.child.pid, name)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }
}
