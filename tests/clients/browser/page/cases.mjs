// What the cases of pages share.
const CASE_MS = 20000
const parameters = new URLSearchParams(location.search)

/// Routers over the same shards: one that all origins may call, and one that only named ones may.
export const open = parameters.get('open')
export const named = parameters.get('named')

const cases = []
export function test(name, run) {
  cases.push({ name, run })
}

export function ok(condition, what) {
  if (!condition) throw new Error(`${what}`)
}
/// As JSON.
export function equal(got, expected) {
  const [is, should] = [JSON.stringify(got), JSON.stringify(expected)]
  ok(is === should, `expected ${should}, got ${is}`)
}
/// The browser keeps the answer from the page, or has not even asked.
export async function expect_kept_away(request) {
  let answer
  try {
    answer = await request
  } catch (error) {
    equal(error.name, 'TypeError')
    return
  }
  throw new Error(`the page may read the answer: ${answer.status}`)
}

/// The rows of a request that has to succeed.
export async function rows(request) {
  const answer = await request
  ok(answer.ok, `status ${answer.status}`)
  return await answer.json()
}

async function in_time(run) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it takes longer than ${CASE_MS} ms`)), CASE_MS)
  })
  try {
    await Promise.race([run(), late])
    return null
  } catch (error) {
    return String(error?.stack ?? error)
  } finally {
    clearTimeout(timer)
  }
}

/// One after the other: [{ name, failure: null or a text }].
export async function run_all() {
  const report = []
  for (const { name, run } of cases) report.push({ name, failure: await in_time(run) })
  return report
}
