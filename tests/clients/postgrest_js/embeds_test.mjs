// Embeds by @supabase/postgrest-js.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused } from '../cases.mjs'
import { answer, db, expect_data, expect_error, expect_ids, films } from './requests.mjs'

expect_data(
  'an embed to one on another shard',
  () => films('id,director:people!films_director(name,born)').in('id', [1, 4, 9]).order('id'),
  [
    { id: 1, director: { name: 'Ada Berg', born: '1950-01-02' } },
    { id: 4, director: null },
    { id: 9, director: { name: 'Dan Eck', born: '1975-12-31' } }
  ]
)
expect_data('an embed by its column', () => films('id,director:director_id(name)').eq('id', 2), [
  { id: 2, director: { name: 'Ben Cole' } }
])
expect_data('an embed of a reference table', () => films('id,genres(position)').gte('id', 7).lte('id', 8).order('id'), [
  { id: 7, genres: { position: 2 } },
  { id: 8, genres: null }
])
expect_data('an embed to many', () => films('id,reviews(author,stars)').in('id', [1, 3]).order('id'), [
  {
    id: 1,
    reviews: [
      { author: 'ann', stars: 5 },
      { author: 'bob', stars: 4 },
      { author: 'cyd', stars: 2 }
    ]
  },
  { id: 3, reviews: [] }
])
expect_data(
  'an embed to many on other shards',
  () =>
    db.from('people').select('name,films!films_director(id)').lte('id', 2).order('id').order('id', { referencedTable: 'films' }),
  [
    { name: 'Ada Berg', films: [{ id: 1 }, { id: 3 }] },
    { name: 'Ben Cole', films: [{ id: 2 }, { id: 6 }, { id: 7 }] }
  ]
)
expect_data(
  'an embed from many to many',
  () => films('id,cast:people!roles(name)').in('id', [1, 6]).order('id').order('name', { referencedTable: 'cast' }),
  [
    { id: 1, cast: [{ name: 'Ben Cole' }, { name: 'Dan Eck' }] },
    { id: 6, cast: [] }
  ]
)
expect_data('embeds in embeds', () => films('id,roles(part,people(name,films!films_director(title)))').eq('id', 7), [
  { id: 7, roles: [{ part: 'a sheep', people: { name: 'Eve Fox', films: [] } }] }
])
expect_data(
  'an embed of several kinds',
  () => db.from('reviews').select('stars,films(title,genres(position),director:people!films_director(name))').eq('author', 'dee'),
  [{ stars: 1, films: { title: '100% Wool_Socks', genres: { position: 2 }, director: { name: 'Ben Cole' } } }]
)
expect_data('a filter on an embed', () => films('id,reviews(stars)').eq('reviews.author', 'bob').lte('id', 3).order('id'), [
  { id: 1, reviews: [{ stars: 4 }] },
  { id: 2, reviews: [{ stars: 3 }] },
  { id: 3, reviews: [] }
])
expect_data('a filter on an inner embed', () => films('id,reviews!inner(stars)').eq('reviews.author', 'bob').order('id'), [
  { id: 1, reviews: [{ stars: 4 }] },
  { id: 2, reviews: [{ stars: 3 }] },
  { id: 9, reviews: [{ stars: 4 }] }
])
expect_ids(
  'a filter on an inner embed of another shard',
  () => films('id,people!films_director!inner(name)').ilike('people.name', '%cole').order('id'),
  [2, 6, 7]
)
expect_ids(
  'a filter on an embed in an embed',
  () => films('id,roles!inner(people!inner(name))').eq('roles.people.name', 'Dan Eck').order('id'),
  [1, 5]
)
test('a count with an inner embed', async () => {
  const got = await answer(films('id,reviews!inner(stars)', { count: 'exact', head: true }).gte('reviews.stars', 4))
  assert.equal(got.count, 4)
})
expect_data(
  'or on an embed',
  () => films('id,reviews(author)').or('stars.lt.2,author.eq.ann', { referencedTable: 'reviews' }).eq('id', 7),
  [{ id: 7, reviews: [{ author: 'ann' }, { author: 'dee' }] }]
)
expect_data(
  'order and limit in an embed',
  () =>
    films('id,reviews(author)')
      .order('stars', { referencedTable: 'reviews' })
      .limit(1, { referencedTable: 'reviews' })
      .lte('id', 2)
      .order('id'),
  [
    { id: 1, reviews: [{ author: 'cyd' }] },
    { id: 2, reviews: [{ author: 'ann' }] }
  ]
)
expect_data('a range in an embed', () => films('reviews(number)').range(1, 2, { referencedTable: 'reviews' }).eq('id', 1), [
  { reviews: [{ number: 2 }, { number: 3 }] }
])
expect_ids('rows without an embed', () => films('id,reviews()').is('reviews', null).order('id'), [3, 4, 6, 8, 10])
expect_data('a spread', () => films('id,...genres(place:position)').lte('id', 2).order('id'), [
  { id: 1, place: 1 },
  { id: 2, place: 2 }
])
expect_data('a spread of another shard', () => films('id,...people!films_director(by:name)').in('id', [5, 8]).order('id'), [
  { id: 5, by: 'Cleo Dunn' },
  { id: 8, by: null }
])
expect_ids(
  'order by an embed',
  () => films('id,genres(position)').not('genre', 'is', null).order('genres(position)', { ascending: false }).order('id'),
  [3, 10, 2, 6, 7, 1, 4, 5, 9]
)
expect_data(
  'an embed to many by its column',
  () => db.from('people').select('name, films!director_id(title)').eq('id', 1).order('id', { referencedTable: 'films' }),
  [{ name: 'Ada Berg', films: [{ title: 'The Harbour' }, { title: 'Cold Iron' }] }]
)
expect_data(
  'an embed from many to many, of films',
  () => db.from('people').select('name, films!roles(title)').eq('id', 4).order('id', { referencedTable: 'films' }),
  [{ name: 'Dan Eck', films: [{ title: 'The Harbour' }, { title: 'Night Ferry' }] }]
)
expect_data(
  'an inner embed in a reference table',
  () => db.from('genres').select('name, films!inner(id)').eq('films.year', 2003).order('position'),
  [
    { name: 'Drama', films: [{ id: 4 }] },
    { name: 'Horror', films: [{ id: 3 }] }
  ]
)
expect_data(
  'rows with an embed, by null',
  () => db.from('genres').select('name, films()').not('films', 'is', null).order('position'),
  [{ name: 'Drama' }, { name: 'Comedy' }, { name: 'Horror' }]
)
expect_data(
  'order and limit in an embed by its alias',
  () =>
    db
      .from('genres')
      .select('name, f:films(id)')
      .order('id', { referencedTable: 'f', ascending: false })
      .limit(1, { referencedTable: 'f' })
      .order('position'),
  [
    { name: 'Drama', f: [{ id: 9 }] },
    { name: 'Comedy', f: [{ id: 7 }] },
    { name: 'Horror', f: [{ id: 10 }] },
    { name: 'Western', f: [] }
  ]
)
expect_data(
  'a spread in a spread',
  () => db.from('reviews').select('stars, ...films(title, ...genres(position))').eq('author', 'dee'),
  [{ stars: 1, title: '100% Wool_Socks', position: 2 }]
)
expect_data('a spread to many', () => films('id, ...reviews(stars)').eq('id', 1), [{ id: 1, stars: [5, 4, 2] }])
expect_data('an embed of the only one', () => films('id, posters(kind)').lte('id', 3).order('id'), [
  { id: 1, posters: { kind: 'print' } },
  { id: 2, posters: { kind: 'digital' } },
  { id: 3, posters: null }
])
expect_data(
  'an inner embed in an inner embed',
  () => db.from('reviews').select('stars, films!inner(posters!inner(kind))').eq('author', 'cyd').order('film_id'),
  [
    { stars: 2, films: { posters: { kind: 'print' } } },
    { stars: 5, films: { posters: { kind: 'print' } } }
  ]
)
expect_ids(
  'order by an embed of the only one',
  () => films('id, posters(kind)').order('posters(kind)').order('id').limit(4),
  [1, 5, 2, 3]
)
expect_data('rows of the same table that refer to a row', () => films('id, films(id)').in('id', [1, 2, 3]).order('id'), [
  { id: 1, films: [{ id: 9 }] },
  { id: 2, films: [{ id: 6 }] },
  { id: 3, films: [] }
])
expect_data(
  'rows of the same table that a row refers to',
  () => films('id, before:sequel_of(id, before:sequel_of(title))').in('id', [1, 7]).order('id'),
  [
    { id: 1, before: null },
    { id: 7, before: { id: 6, before: { title: 'Paper Moons' } } }
  ]
)
expect_data(
  'rows of the same table by a hint',
  () => films('id, after:films!sequel_of(id, after:films!sequel_of(id))').eq('id', 2),
  [{ id: 2, after: [{ id: 6, after: [{ id: 7 }] }] }]
)
expect_ids(
  'a filter on an inner embed of the same table',
  () => films('id, sequel_of!inner(id)').eq('sequel_of.title', 'The Harbour'),
  [9]
)
expect_ids(
  'two inner embeds',
  () => films('id, people!films_director!inner(name), reviews!inner(stars)').eq('people.name', 'Ada Berg').order('id'),
  [1]
)
expect_ids(
  'or on an embed to one on another shard',
  () =>
    films('id, people!films_director!inner(name)')
      .or('name.eq.Ada Berg,name.eq.Dan Eck', { referencedTable: 'people' })
      .order('id'),
  [1, 3, 9, 10]
)
expect_data('a spread from many to many', () => films('id, ...people!roles(cast:name)').eq('id', 1), [
  { id: 1, cast: ['Ben Cole', 'Dan Eck'] }
])
test('a count with an inner embed on other shards', async () => {
  const got = await answer(db.from('people').select('id, films!films_director!inner(id)', { count: 'exact', head: true }))
  assert.equal(got.count, 4)
})
refused('SHARD400', 'a planned count with an inner embed of another shard', async () => {
  assert.ok((await answer(films('id, people!films_director!inner(id)', { count: 'planned' }))).count > 0)
})
expect_data('all columns and an embed', () => db.from('reviews').select('*, films(id)').eq('author', 'dee'), [
  { film_id: 7, number: 2, author: 'dee', stars: 1, films: { id: 7 } }
])
expect_ids(
  'a filter on a document in an embed',
  () => db.from('people').select('id, films!films_director!inner(id)').eq('films.details->studio->>name', 'Nord').order('id'),
  [1, 3, 4]
)
expect_ids('or with an embed', () => films('id,reviews()').or('reviews.is.null,year.lt.1990').order('id'), [1, 3, 4, 6, 8, 10])
expect_data(
  'order and limit in an embed of an embed',
  () =>
    db
      .from('people')
      .select('id,roles(films(id,reviews(stars)))')
      .eq('id', 4)
      .order('stars', { referencedTable: 'roles.films.reviews' })
      .limit(1, { referencedTable: 'roles.films.reviews' })
      .order('film_id', { referencedTable: 'roles' }),
  [{ id: 4, roles: [{ films: { id: 1, reviews: [{ stars: 2 }] } }, { films: { id: 5, reviews: [{ stars: 5 }] } }] }]
)
expect_data(
  'embeds of a table twice',
  () => films('id,good:reviews(author),bad:reviews(author)').gte('good.stars', 4).lt('bad.stars', 4).eq('id', 1),
  [{ id: 1, good: [{ author: 'ann' }, { author: 'bob' }], bad: [{ author: 'cyd' }] }]
)
expect_ids(
  'order by an embed of another shard',
  () => films('id,people!films_director(name)').lte('id', 2).order('people(name)', { ascending: false }),
  [2, 1]
)
expect_error('an embed that could be several', () => films('id,people(name)'), 300, { code: 'PGRST201' })
expect_error('an embed without a relation', () => films('id,tasks(title)'), 400, { code: 'PGRST200' })
