// Reads by @raphiniert/ra-data-postgrest.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fails, ids, provider, provider_with } from './provider.mjs'

const list = (filter, more = {}) =>
  provider.getList('films', { pagination: { page: 1, perPage: 25 }, sort: { field: 'id', order: 'ASC' }, filter, ...more })

/// expect_list(NAME, FILTER, IDS): a case of getList, whose total is the number of rows.
function expect_list(name, filter, expected, more) {
  test(name, async () => {
    const got = await list(filter, more)
    assert.deepEqual(ids(got), expected)
    assert.equal(got.total, expected.length)
  })
}

// --- getList -----------------------------------------------------------------------------------------------------------

expect_list('getList', {}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
test('getList, a page', async () => {
  const got = await list({}, { pagination: { page: 3, perPage: 4 } })
  assert.deepEqual([ids(got), got.total], [[9, 10], 10])
})
test('getList, pages by another column cover all rows once', async () => {
  const seen = []
  for (let page = 1; page <= 4; page++) {
    seen.push(...ids(await list({}, { pagination: { page, perPage: 3 }, sort: { field: 'score', order: 'DESC' } })))
  }
  assert.deepEqual(seen, [3, 7, 1, 5, 2, 8, 9, 4, 6, 10])
})
test('getList, a page behind the end', async () => {
  await fails(list({}, { pagination: { page: 9, perPage: 10 } }), 416, 'PGRST103')
})
expect_list('getList, nulls last', {}, [7, 1, 5, 2, 8, 9, 4, 6, 10, 3], {
  sort: { field: 'score', order: 'DESC' },
  meta: { nullslast: true }
})
expect_list('getList, nulls first', {}, [3, 10, 6, 4, 9, 2, 8, 1, 5, 7], {
  sort: { field: 'score', order: 'ASC' },
  meta: { nullsfirst: true }
})
test("getList, nulls last by the provider's own order", async () => {
  const own = provider_with({ sortOrder: 'asc,desc.nullslast' })
  const got = await own.getList('films', {
    pagination: { page: 1, perPage: 2 },
    sort: { field: 'score', order: 'DESC' },
    filter: {}
  })
  assert.deepEqual([ids(got), got.total], [[7, 1], 10])
})
expect_list('getList, without an order', { year: 2003 }, [3, 4], { sort: undefined })
expect_list('getList, the default operator', { genre: 'Comedy' }, [2, 6, 7])
expect_list('getList, several filters', { 'year@gte': 2003, 'score@lt': 7, genre: 'Drama' }, [4, 9])
expect_list('getList, like', { 'title@like': 'arbour' }, [1, 9])
expect_list('getList, ilike', { 'title@ilike': 'HARBOUR' }, [1, 9])
expect_list('getList, in', { 'id@in': '(2,4,8)' }, [2, 4, 8])
expect_list('getList, is', { 'genre@is': null }, [8])
expect_list('getList, not', { 'watched@not.is': 'null' }, [1, 2, 4, 5, 7, 8, 9])
expect_list('getList, contains', { 'tags@cs': '{sea}' }, [1, 5, 9])
expect_list('getList, overlaps', { 'tags@ov': '{moon,wool}' }, [2, 7])
expect_list('getList, text search', { 'words@fts': 'sailor' }, [1, 5])
expect_list('getList, a range', { 'shown@adj': '[20,30)' }, [1, 5])
expect_list('getList, or', { '@or': { 'year@lt': 1990, 'score@gte': 9 } }, [1, 7])
expect_list('getList, and', { '@and': { 'year@gte': 2010, 'score@lt': 6 } }, [6, 10])
expect_list('getList, a path into a document', { 'details->studio->>name': 'Ost' }, [7, 10])
test('getList, columns', async () => {
  const got = await list({ id: 7 }, { meta: { columns: ['id', 'name:title', 'city:details->studio->>city'] } })
  assert.deepEqual(got.data, [{ id: 7, name: '100% Wool_Socks', city: 'Riga' }])
})
test('getList, with embeds', async () => {
  const got = await list({ 'id@in': '(1,2)' }, { meta: { columns: ['id'], embed: ['reviews', 'genres'] } })
  assert.deepEqual(got.data, [
    {
      id: 1,
      genres: { name: 'Drama', position: 1 },
      reviews: [
        { film_id: 1, number: 1, author: 'ann', stars: 5 },
        { film_id: 1, number: 2, author: 'bob', stars: 4 },
        { film_id: 1, number: 3, author: 'cyd', stars: 2 }
      ]
    },
    {
      id: 2,
      genres: { name: 'Comedy', position: 2 },
      reviews: [
        { film_id: 2, number: 1, author: 'ann', stars: 3 },
        { film_id: 2, number: 2, author: 'bob', stars: 3 }
      ]
    }
  ])
})
test('getList, prefetched from another shard', async () => {
  const got = await list({ 'id@in': '(2,5,6)' }, { meta: { columns: ['id'], prefetch: ['director_id'] } })
  assert.deepEqual(got.data, [{ id: 2 }, { id: 5 }, { id: 6 }])
  assert.deepEqual(got.meta.prefetched, {
    director_id: [
      { id: 2, name: 'Ben Cole', born: '1961-05-06' },
      { id: 3, name: 'Cleo Dunn', born: null }
    ]
  })
})
test('getList, by a key of two columns', async () => {
  const got = await provider.getList('reviews', {
    pagination: { page: 2, perPage: 3 },
    sort: { field: 'id', order: 'DESC' },
    filter: {}
  })
  assert.deepEqual([ids(got), got.total], [['[5,1]', '[2,2]', '[2,1]'], 9])
})
test('getList, a filter on an embed', async () => {
  const got = await list({ 'reviews.author': 'dee' }, { meta: { columns: ['id', 'reviews!inner(stars)'] } })
  assert.deepEqual([got.data, got.total], [[{ id: 7, reviews: [{ stars: 1 }] }], 1])
})
test('getList, a filter on an embed as an object', async () => {
  const got = await list({ people: { name: 'Ada Berg' } }, { meta: { columns: ['id', 'people!films_director!inner(name)'] } })
  assert.deepEqual([ids(got), got.total], [[1, 3], 2])
})
test('getList of an unknown table', async () => {
  await fails(
    provider.getList('nothing', { pagination: { page: 1, perPage: 5 }, sort: { field: 'id', order: 'ASC' }, filter: {} }),
    404,
    'PGRST205'
  )
})
test('getList by a value of a wrong type', async () => await fails(list({ id: 'one' }), 400, '22P02'))

// --- getOne, getMany, getManyReference ---------------------------------------------------------------------------------

test('getOne', async () => {
  const got = await provider.getOne('people', { id: 4 })
  assert.deepEqual(got.data, { id: 4, name: 'Dan Eck', born: '1975-12-31' })
})
test('getOne, by a key of two columns', async () => {
  const got = await provider.getOne('reviews', { id: '[7,2]' })
  assert.deepEqual(got.data, { id: '[7,2]', film_id: 7, number: 2, author: 'dee', stars: 1 })
})
test('getOne, by a text', async () => {
  const got = await provider.getOne('genres', { id: 'Horror' })
  assert.deepEqual(got.data, { id: 'Horror', name: 'Horror', position: 3 })
})
test('getOne, with an embed', async () => {
  const got = await provider.getOne('films', { id: 9, meta: { columns: ['title'], embed: ['genres'] } })
  assert.deepEqual(got.data, { title: 'harbour lights', genres: { name: 'Drama', position: 1 } })
})
test('getOne of none', async () => await fails(provider.getOne('films', { id: 99 }), 406, 'PGRST116'))
test('getMany', async () => {
  const got = await provider.getMany('people', { ids: [5, 1, 3, 99] })
  assert.deepEqual(ids(got).sort(), [1, 3, 5])
})
test('getMany of one', async () => assert.deepEqual(ids(await provider.getMany('people', { ids: [2] })), [2]))
test('getMany of none', async () => assert.deepEqual((await provider.getMany('people', { ids: [] })).data, []))
test('getMany, by a key of two columns', async () => {
  const got = await provider.getMany('reviews', { ids: ['[1,3]', '[9,1]', '[9,2]'] })
  assert.deepEqual(got.data, [
    { id: '[1,3]', film_id: 1, number: 3, author: 'cyd', stars: 2 },
    { id: '[9,1]', film_id: 9, number: 1, author: 'bob', stars: 4 }
  ])
})
test('getManyReference', async () => {
  const got = await provider.getManyReference('reviews', {
    target: 'film_id',
    id: 1,
    pagination: { page: 1, perPage: 2 },
    sort: { field: 'stars', order: 'ASC' },
    filter: {}
  })
  assert.deepEqual([got.data.map((row) => row.author), got.total], [['cyd', 'bob'], 3])
})
test('getManyReference, over all shards', async () => {
  const got = await provider.getManyReference('films', {
    target: 'director_id',
    id: 2,
    pagination: { page: 1, perPage: 10 },
    sort: { field: 'title', order: 'DESC' },
    filter: { 'score@gt': 6 }
  })
  assert.deepEqual([ids(got), got.total], [[2, 7], 2])
})
