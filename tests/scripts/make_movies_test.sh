#!/usr/bin/env bash
# make-movies maps the dirty values of its source on purpose, and always prints the same.
# shellcheck source=tests/scripts/expect.sh
source "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

# of_source MEMBERS FILTER: what a film with these members of the source becomes.
of_source() {
  echo "[{$1}]" >"$scratch/source.json"
  scripts/make-movies --data "$scratch/source.json" | jq -c "$2"
}

expect_equal 'a number as title' '"300"' "$(of_source '"Title": 300' .name)"
expect_equal 'no title' null "$(of_source '"Title": null' .name)"
expect_equal 'a title in the wrong character set' '"Léon"' "$(of_source '"Title": "LÈon"' .name)"
expect_equal 'a title in the right one' '"Alien³"' "$(of_source '"Title": "Alien³"' .name)"
expect_equal 'a title with quotes' '"\"Crocodile\" \\"' "$(of_source '"Title": "\"Crocodile\" \\"' .name)"

release_date() { of_source "\"Release Date\": $1" .release_date; }
expect_equal 'an American date' '"1998-06-12"' "$(release_date '"Jun 12 1998"')"
expect_equal 'a year of two digits' '"1998-06-12"' "$(release_date '"12-Jun-98"')"
expect_equal 'a year of two digits before 1969' '"1946-06-12"' "$(release_date '"12-Jun-46"')"
expect_equal 'a year in the future' '"1946-12-31"' "$(release_date '"Dec 31 2046"')"
expect_equal 'the newest year' '"2011-12-23"' "$(release_date '"Dec 23 2011"')"
expect_equal 'an ISO date' '"1998-06-12"' "$(release_date '"1998-06-12"')"
expect_equal 'a year alone' '"1998-01-01"' "$(release_date 1998)"
expect_equal 'Unix time 0' null "$(release_date '"Dec 31 1969"')"
expect_equal 'no date yet' null "$(release_date '"TBA"')"
expect_equal 'no such day' null "$(release_date '"Feb 30 1998"')"

expect_equal 'an unknown director' null "$(of_source '"Director": "Unknown"' .director)"
expect_equal 'spaces around' '"MGM"' "$(of_source '"Distributor": " MGM "' .distributor)"
expect_equal 'genres' '[["Drama","Fantasy"],"Drama"]' \
  "$(of_source '"Major Genre": "Drama", "Creative Type": "Fantasy"' '[.genre, .primary_genre]')"
expect_equal 'no genre' '[[],null]' "$(of_source '"Creative Type": "Contemporary Fiction"' '[.genre, .primary_genre]')"
expect_equal 'a score' 6.1 "$(of_source '"IMDB Rating": 6.1' .imdb_score)"
expect_equal 'no score' null "$(of_source '"IMDB Rating": null' .imdb_score)"
expect_equal 'every critic agrees' 99.9 "$(of_source '"Rotten Tomatoes Rating": 100' '.["99popularity"]')"
# shellcheck disable=SC2016  # a price in dollars
expect_equal 'a gross as text' 1234 "$(of_source '"US Gross": "$1,234"' .us_gross)"
expect_equal 'nobody counted' '[null,null]' "$(of_source '"US Gross": 0, "Worldwide Gross": 0' '[.us_gross, .worldwide_gross]')"
expect_equal 'shown elsewhere only' '[0,5]' "$(of_source '"US Gross": 0, "Worldwide Gross": 5' '[.us_gross, .worldwide_gross]')"
echo '{"Title": 1}' >"$scratch/source.json"
expect_exit 1 'is not the movies.json' scripts/make-movies --data "$scratch/source.json"

# From here on without the file.
expect_exit 0 'all films are invented' scripts/make-movies --data "$scratch/no-such-file" --count 1
films() { scripts/make-movies --count "$1" 2>/dev/null; }
films 8000 >"$scratch/films"
expect_equal 'two runs' "$(cksum <"$scratch/films")" "$(films 8000 | cksum)"
expect_equal 'a smaller count' "$(head -n 4000 "$scratch/films" | cksum)" "$(films 4000 | cksum)"
expect_equal 'ids' "$(seq 8000 | cksum)" "$(jq .id "$scratch/films" | cksum)"
columns='["99popularity","director","distributor","genre","id","imdb_score","imdb_votes","mpaa_rating","name","primary_genre","production_budget","release_date","running_time_min","us_gross","worldwide_gross"]'
expect_equal 'columns of every film' "$columns" "$(jq -c keys "$scratch/films" | sort -u)"
expect_equal 'titles unlike each other' yes "$(jq -r .name "$scratch/films" | sort -u | awk 'END { print (NR > 4000 ? "yes" : NR) }')"
expect_equal 'genres known to the table of genres' '' \
  "$(comm -23 <(jq -r '.genre[]' "$scratch/films" | sort -u) <(scripts/make-movies --genres | jq -r .name | sort))"

scripts/make-movies --count 100 --ratings 5000 >"$scratch/ratings"
expect_equal 'ratings' 5000 "$(wc -l <"$scratch/ratings")"
expect_equal 'one rating of a film by a user' 5000 "$(jq -c '[.movie_id, .user_id]' "$scratch/ratings" | sort -u | wc -l)"
expect_equal 'ratings of films there are' '[1,100]' "$(jq -cs 'map(.movie_id) | [min, max]' "$scratch/ratings")"
expect_equal 'scores' '[1,2,3,4,5,6,7,8,9,10]' "$(jq -cs 'map(.score) | unique' "$scratch/ratings")"
finish
