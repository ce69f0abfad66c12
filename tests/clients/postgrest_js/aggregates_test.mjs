// Aggregates by @supabase/postgrest-js.
import assert from 'node:assert/strict'
import { refused } from '../cases.mjs'
import { data, db, expect_data, films } from './requests.mjs'

expect_data(
  'aggregates of all rows',
  () => films('count(),score.avg(),first:year.min(),last:year.max(),score.sum()').gte('id', 7),
  [{ count: 4, avg: 6.475, first: 2015, last: 2022, sum: 25.9 }]
)
expect_data('aggregates by a column', () => films('genre,count(),score.max()').order('genre'), [
  { genre: 'Comedy', count: 3, max: 9.0 },
  { genre: 'Drama', count: 4, max: 8.1 },
  { genre: 'Horror', count: 2, max: 3.0 },
  { genre: null, count: 1, max: 7.4 }
])
expect_data('aggregates in an embed', () => films('id,reviews(count(),stars.avg())').in('id', [1, 3]).order('id'), [
  { id: 1, reviews: [{ count: 3, avg: 3.6666666666666667 }] },
  { id: 3, reviews: [{ count: 0, avg: null }] }
])
expect_data('a count of an embed, as Supabase has it', () => films('id,reviews(count)').in('id', [1, 3]).order('id'), [
  { id: 1, reviews: [{ count: 3 }] },
  { id: 3, reviews: [{ count: 0 }] }
])

expect_data('aggregates by a column of an embed', () => films('id, reviews(stars.sum(), count())').lte('id', 3).order('id'), [
  { id: 1, reviews: [{ sum: 11, count: 3 }] },
  { id: 2, reviews: [{ sum: 6, count: 2 }] },
  { id: 3, reviews: [{ sum: null, count: 0 }] }
])
expect_data('aggregates of texts and dates', () => db.from('people').select('name.min(), last:name.max(), born.max()'), [
  { min: 'Ada Berg', last: 'Eve Fox', max: '1980-02-29' }
])
expect_data('aggregates by an enum', () => db.from('posters').select('kind, count()').order('kind'), [
  { kind: 'print', count: 2 },
  { kind: 'digital', count: 1 }
])
expect_data('an aggregate as one row', () => films('count()').single(), { count: 10 })
expect_data('aggregates of numbers in documents', () => films('details->length::numeric.sum()'), [{ sum: 794 }])
expect_data('aggregates by what a cast makes', () => films('year::text, n:id.count()').order('year').limit(3), [
  { year: '1984', n: 1 },
  { year: '1991', n: 1 },
  { year: '2003', n: 2 }
])
expect_data('aggregates by a path', () => films('city:details->studio->>city, count()').order('details->studio->>city'), [
  { city: 'Bergen', count: 1 },
  { city: 'Nice', count: 2 },
  { city: 'Oslo', count: 2 },
  { city: 'Riga', count: 2 },
  { city: null, count: 3 }
])
expect_data('aggregates by a spread', () => films('count(), ...genres(position)').order('genres(position)'), [
  { count: 4, position: 1 },
  { count: 3, position: 2 },
  { count: 2, position: 3 },
  { count: 1, position: null }
])
expect_data('a count of all rows, as Supabase has it', () => films('count'), [{ count: 10 }])
expect_data(
  'a count of an embed on other shards',
  () => db.from('people').select('id,films!films_director(count)').lte('id', 2).order('id'),
  [
    { id: 1, films: [{ count: 2 }] },
    { id: 2, films: [{ count: 3 }] }
  ]
)
refused('SHARD400', 'aggregates by an embed of another shard', async () => {
  assert.deepEqual(await data(films('count(),...people!films_director(name)').lte('id', 3)), [
    { count: 2, name: 'Ada Berg' },
    { count: 1, name: 'Ben Cole' }
  ])
})
