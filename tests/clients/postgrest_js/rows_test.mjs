// Columns, order, pages, counts and formats by @supabase/postgrest-js.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused } from '../cases.mjs'
import { answer, db, expect_data, expect_error, expect_ids, films, ids } from './requests.mjs'

// --- Columns, order and pages -----------------------------------------------------------------------------------------

expect_data('columns, aliases and casts', () => films('key:id, title, year::text, score').eq('id', 1), [
  { key: 1, title: 'The Harbour', year: '1984', score: 8.1 }
])
expect_data('all columns', () => db.from('genres').select().order('position'), [
  { name: 'Drama', position: 1 },
  { name: 'Comedy', position: 2 },
  { name: 'Horror', position: 3 },
  { name: 'Western', position: 4 }
])
expect_data('arrays, documents, ranges and nulls', () => films('id,tags,details,shown,watched').in('id', [1, 3]).order('id'), [
  {
    id: 1,
    tags: ['sea', 'night'],
    details: { studio: { name: 'Nord', city: 'Oslo' }, length: 101, awards: ['gold', 'silver'] },
    shown: '[10,20)',
    watched: true
  },
  { id: 3, tags: [], details: null, shown: null, watched: null }
])
expect_data('paths into documents', () => films('details->studio->>city, first:details->awards->0').lte('id', 3).order('id'), [
  { city: 'Oslo', first: 'gold' },
  { city: 'Nice', first: null },
  { city: null, first: null }
])
expect_ids('order by two columns', () => films().order('year', { ascending: false }).order('title').limit(5), [10, 9, 8, 7, 5])
expect_ids('order ascending has nulls last', () => films().order('score').order('id'), [10, 6, 4, 9, 2, 8, 1, 5, 7, 3])
expect_ids(
  'order descending has nulls first',
  () => films().order('score', { ascending: false }).order('id'),
  [3, 7, 1, 5, 2, 8, 9, 4, 6, 10]
)
expect_ids(
  'order with nulls elsewhere',
  () => films().order('score', { ascending: false, nullsFirst: false }).order('id').limit(2),
  [7, 1]
)
expect_ids('order by a text', () => films().order('title').limit(4), [7, 4, 3, 5])
expect_ids(
  'order by a path',
  () => films().not('details->studio->>city', 'is', null).order('details->studio->>city').order('id'),
  [5, 2, 6, 1, 9, 7, 10]
)
expect_ids('order by an enum', () => db.from('posters').select('id:film_id').order('kind').order('film_id'), [1, 5, 2])
expect_ids('order by a truth', () => films().order('watched').order('id').limit(5), [2, 5, 8, 9, 1])
refused('SHARD400', 'order by an array', async () => assert.deepEqual(await ids(films().order('tags').limit(1)), [3]))
refused('SHARD400', 'order by a range', async () => assert.deepEqual(await ids(films().order('shown').limit(1)), [7]))
refused('SHARD400', 'order by a number in a document', async () =>
  assert.deepEqual(await ids(films().order('details->length').limit(1)), [8])
)
expect_ids('limit', () => films().order('id').limit(3), [1, 2, 3])
expect_ids('range', () => films().order('id').range(3, 5), [4, 5, 6])
expect_ids('range behind the end, without a count', () => films().order('id').range(50, 59), [])
test('a limit of none', async () => {
  const got = await answer(films('id', { count: 'exact' }).limit(0))
  assert.deepEqual([got.data, got.count], [[], 10])
})
expect_error('a range that ends before it begins', () => films().range(5, 2), 416, {
  code: 'PGRST103',
  details: 'Limit should be greater than or equal to zero.'
})
test('pages cover all rows once', async () => {
  const seen = []
  for (let from = 0; from < 12; from += 3)
    seen.push(
      ...(await ids(
        films()
          .order('year')
          .order('id')
          .range(from, from + 2)
      ))
    )
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

// --- Counts -----------------------------------------------------------------------------------------------------------

test('count, exact', async () => {
  const got = await answer(films('id', { count: 'exact' }).gt('year', 2003).order('id').limit(2))
  assert.deepEqual([got.data, got.count, got.status], [[{ id: 5 }, { id: 6 }], 6, 206])
})
test('count of all rows is 200', async () => {
  const got = await answer(films('id', { count: 'exact' }))
  assert.deepEqual([got.data.length, got.count, got.status], [10, 10, 200])
})
test('count, planned', async () => {
  const got = await answer(films('id', { count: 'planned' }).limit(1))
  assert.ok(got.count >= 1 && got.count <= 100, `${got.count}`)
  assert.equal(got.data.length, 1)
})
test('count, estimated', async () => {
  const got = await answer(films('id', { count: 'estimated' }).gt('year', 2003).limit(2))
  assert.deepEqual([got.data.length, got.count], [2, 6])
})
test('head and count', async () => {
  const got = await answer(films('*', { count: 'exact', head: true }).eq('genre', 'Comedy'))
  assert.deepEqual([got.data, got.count, got.status], [null, 3, 200])
})
test('head without a count', async () => {
  const got = await answer(films('*', { head: true }))
  assert.deepEqual([got.data, got.count, got.error], [null, null, null])
})
test('count of no rows', async () => {
  const got = await answer(films('id', { count: 'exact' }).eq('genre', 'Western'))
  assert.deepEqual([got.data, got.count, got.status], [[], 0, 200])
})
expect_error('a range behind the end, with a count', () => films('id', { count: 'exact' }).range(50, 59), 416, {
  code: 'PGRST103',
  message: 'Requested range not satisfiable',
  details: 'An offset of 50 was requested, but there are only 10 rows.'
})

// --- One row, and other formats ---------------------------------------------------------------------------------------

expect_data('single', () => films('id,title').eq('id', 6).single(), { id: 6, title: 'Zebra Crossing' })
expect_error('single of no rows', () => films().eq('id', 99).single(), 406, {
  code: 'PGRST116',
  message: 'Cannot coerce the result to a single JSON object',
  details: 'The result contains 0 rows',
  hint: null
})
expect_error('single of several rows', () => films().eq('genre', 'Comedy').single(), 406, {
  code: 'PGRST116',
  details: 'The result contains 3 rows'
})
expect_data('single of a page of one', () => films('id').order('id', { ascending: false }).limit(1).single(), { id: 10 })
expect_data('maybeSingle', () => films('title').eq('id', 2).maybeSingle(), { title: 'Paper Moons' })
test('maybeSingle of no rows', async () => {
  const got = await films().eq('id', 99).maybeSingle()
  assert.deepEqual([got.data, got.error, got.status], [null, null, 200])
})
expect_error('maybeSingle of several rows', () => films().eq('year', 2003).maybeSingle(), 406, { code: 'PGRST116' })
expect_data(
  'csv',
  () => films('id,title,score,tags').lte('id', 4).order('id').csv(),
  [
    'id,title,score,tags',
    '1,"The Harbour",8.1,"{sea,night}"',
    '2,"Paper Moons",7.4,"{moon,paper,night}"',
    '3,"Cold Iron",,{}',
    '4,"A ""Quoted"", (odd) Name",6.0,"{""two words"",""comma,here""}"'
  ].join('\n')
)
expect_data(
  'csv of embeds',
  () => films('id,genres(position),people!films_director(name)').in('id', [1, 8]).order('id').csv(),
  `id,genres,people
1,"{""position"":1}","{""name"":""Ada Berg""}"
8,,`
)
expect_data('csv of one row', () => films('id,title').eq('id', 9).csv(), 'id,title\n9,"harbour lights"')
