// Runs the module that the page's address names, and reports.
import { run_all } from './cases.mjs'

async function report() {
  try {
    await import(`./${new URLSearchParams(location.search).get('cases')}.mjs`)
    return await run_all()
  } catch (error) {
    return [{ name: 'the module of the cases', failure: String(error?.stack ?? error) }]
  }
}

await fetch('/report', { method: 'POST', body: JSON.stringify(await report()) })
