// Filters of @supabase/postgrest-js.
import assert from 'node:assert/strict'
import { refused } from '../cases.mjs'
import { db, expect_ids, films, ids } from './requests.mjs'

expect_ids('eq', () => films().eq('title', 'Night Ferry'), [5])
expect_ids('eq of a text with reserved characters', () => films().eq('title', 'A "Quoted", (odd) Name'), [4])
expect_ids('eq of a text that is not ASCII', () => films().eq('title', 'Éclair'), [8])
expect_ids('neq leaves out nulls', () => films().neq('genre', 'Drama').order('id'), [2, 3, 6, 7, 10])
expect_ids('gt', () => films().gt('score', 8).order('id'), [1, 5, 7])
expect_ids('gte', () => films().gte('score', 8.1).order('id'), [1, 5, 7])
expect_ids('lt', () => films().lt('year', 2003).order('id'), [1, 2])
expect_ids('lte', () => films().lte('year', 2003).order('id'), [1, 2, 3, 4])
expect_ids('like', () => films().like('title', '%arbour%').order('id'), [1, 9])
expect_ids('like with escaped characters', () => films().like('title', '100\\% Wool\\_%'), [7])
expect_ids('like of one character', () => films().like('title', 'Zebra_Crossing'), [6])
expect_ids('likeAllOf', () => films().likeAllOf('title', ['%Moons', 'Paper%']), [2])
expect_ids('likeAnyOf', () => films().likeAnyOf('title', ['%Moons', 'Zebra%']).order('id'), [2, 6])
expect_ids('ilike', () => films().ilike('title', '%HARBOUR%').order('id'), [1, 9])
expect_ids('ilikeAllOf', () => films().ilikeAllOf('title', ['%harbour%', '%lights']), [9])
expect_ids('ilikeAnyOf', () => films().ilikeAnyOf('title', ['ünd%', 'É%']).order('id'), [8, 10])
expect_ids('is null', () => films().is('score', null), [3])
expect_ids('is true', () => films().is('watched', true).order('id'), [1, 4, 7])
expect_ids('is false', () => films().is('watched', false).order('id'), [2, 5, 8, 9])
expect_ids('not is null', () => films().not('watched', 'is', null).order('id'), [1, 2, 4, 5, 7, 8, 9])
expect_ids('in by key', () => films().in('id', [9, 2, 5, 2]).order('id'), [2, 5, 9])
expect_ids(
  'in of texts with reserved characters',
  () => films().in('title', ['Ünder', 'The Harbour', '100% Wool_Socks', 'a,b', '(x)']).order('id'),
  [1, 7, 10]
)
expect_ids('in of nothing', () => films().in('id', []), [])
expect_ids('not in', () => films().not('id', 'in', '(1,2,3,4,5,6,7)').order('id'), [8, 9, 10])
expect_ids('contains of an array', () => films().contains('tags', ['sea', 'night']), [1])
expect_ids('contains of an array with spaces and commas', () => films().contains('tags', ['"two words"', '"comma,here"']), [4])
expect_ids(
  'contains of a document',
  () =>
    films()
      .contains('details', { studio: { name: 'Nord' } })
      .order('id'),
  [1, 5, 9]
)
expect_ids('contains of a range', () => films().contains('shown', '[12,14)').order('id'), [1, 4, 7])
expect_ids(
  'containedBy of an array',
  () => films().containedBy('tags', ['sea', 'ferry', 'night', 'dark']).order('id'),
  [1, 3, 5, 8, 9, 10]
)
expect_ids('containedBy of a document', () => films().containedBy('details', { length: 12, more: true }), [8])
expect_ids('containedBy of a range', () => films().containedBy('shown', '[20,30)').order('id'), [2, 6])
expect_ids('rangeLt', () => films().rangeLt('shown', '[20,30)').order('id'), [1, 4])
expect_ids('rangeGt', () => films().rangeGt('shown', '[20,30)').order('id'), [5, 8, 10])
expect_ids('rangeGte', () => films().rangeGte('shown', '[20,30)').order('id'), [2, 5, 6, 8, 10])
expect_ids('rangeLte', () => films().rangeLte('shown', '[20,30)').order('id'), [1, 2, 4, 6, 9])
expect_ids('rangeAdjacent', () => films().rangeAdjacent('shown', '[20,30)').order('id'), [1, 5])
expect_ids('overlaps of an array', () => films().overlaps('tags', ['moon', 'ferry', 'none']).order('id'), [2, 5])
expect_ids('overlaps of a range', () => films().overlaps('shown', '[18,21)').order('id'), [1, 2, 6, 7, 9])
expect_ids('textSearch', () => films().textSearch('words', 'ship & sailor'), [1])
expect_ids('textSearch, plain', () => films().textSearch('words', 'crossing nights', { type: 'plain' }), [5])
expect_ids('textSearch, a phrase', () => films().textSearch('words', 'paper moon', { type: 'phrase', config: 'english' }), [2])
expect_ids(
  'textSearch, as on the web',
  () => films().textSearch('words', 'night -ferry or zebra', { type: 'websearch', config: 'english' }).order('id'),
  [6, 8]
)
expect_ids('textSearch in a text', () => films().textSearch('summary', 'ships', { config: 'english' }).order('id'), [1, 9])
expect_ids('match', () => films().match({ year: 2003, genre: 'Drama' }), [4])
expect_ids('filter', () => films().filter('year', 'in', '(1984,1991)').order('id'), [1, 2])
expect_ids('filter with not', () => films().filter('year', 'not.gt', '2003').order('id'), [1, 2, 3, 4])
expect_ids('several filters on a column', () => films().gte('year', 2003).lte('year', 2010).neq('id', 4).order('id'), [3, 5, 6])
expect_ids('eq of an array', () => films().eq('tags', '{sea,night}'), [1])
expect_ids('eq of null is no row', () => films().eq('genre', null), [])
expect_ids('a text of digits', () => films().in('title', ['1', '2']), [])
expect_ids('or', () => films().or('id.eq.2,title.eq.Zebra Crossing').order('id'), [2, 6])
expect_ids(
  'or with and and not',
  () => films().or('and(genre.eq.Drama,year.gt.2005),not.and(score.gte.5,id.lt.100),title.ilike.*moon*').order('id'),
  [2, 5, 9, 10]
)
expect_ids(
  'or with a list and quotes',
  () => films().or('title.in.("A \\"Quoted\\", (odd) Name",Éclair),tags.cs.{wool}').order('id'),
  [4, 7, 8]
)
expect_ids('or with null', () => films().or('score.is.null,genre.is.null').order('id'), [3, 8])
expect_ids('a path into a document', () => films().eq('details->studio->>name', 'Sud').order('id'), [2, 6])
expect_ids('a number in a document', () => films().gte('details->length', 101).order('id'), [1, 4, 9])
expect_ids('an element of a document', () => films().eq('details->awards->>0', 'gold').order('id'), [1, 4, 7, 9])

expect_ids('is unknown', () => films().is('watched', 'unknown').order('id'), [3, 6, 10])
expect_ids('isdistinct', () => films().filter('genre', 'isdistinct', 'Drama').order('id'), [2, 3, 6, 7, 8, 10])
expect_ids('a regular expression', () => films().filter('title', 'match', '^[A-P]').order('id'), [2, 3, 4, 5])
expect_ids('a regular expression in any case', () => films().filter('title', 'imatch', '^[a-h]').order('id'), [3, 4, 9])
expect_ids('contains of an array in a document', () => films().contains('details->awards', '["gold"]').order('id'), [1, 4, 7, 9])
expect_ids('not contains', () => films().not('tags', 'cs', '{sea}').gte('id', 5).order('id'), [6, 7, 8, 10])
expect_ids('not in of texts leaves out nulls', () => films().not('genre', 'in', '("Drama","Comedy")').order('id'), [3, 10])
expect_ids('not or', () => films().filter('not.or', '(id', 'gt.2,id.lt.1)').order('id'), [1, 2])
refused('SHARD400', 'a URL of more than 8 KiB', async () => {
  assert.equal(
    (
      await ids(
        films().in(
          'id',
          Array.from({ length: 3000 }, (_, number) => number)
        )
      )
    ).length,
    10
  )
})
const posters = () => db.from('posters').select('id:film_id')
expect_ids('eq of an enum', () => posters().eq('kind', 'print').order('film_id'), [1, 5])
expect_ids('contains of a range of times', () => posters().contains('up', '[1984-01-01 11:00, 1984-01-01 11:30)'), [1])
expect_ids('overlaps of a range of times', () => posters().overlaps('up', '[1991-05-31, 1991-07-01)'), [2])
expect_ids('rangeGt of a range of times', () => posters().rangeGt('up', '[1984-01-01 12:00, 1984-01-01 12:30)'), [2])
expect_ids('in with null', () => films().in('genre', ['Horror', null]).order('id'), [3, 10])
expect_ids('contains of nothing', () => films().contains('tags', []).order('id').limit(2), [1, 2])
expect_ids('not textSearch', () => films().not('words', 'fts', 'night').gt('id', 4).order('id'), [6, 7, 9, 10])
expect_ids('a document that is null', () => films().is('details->studio->>name', null).order('id'), [3, 4, 8])
