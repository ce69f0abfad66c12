-- The database `movies`, the same on every shard; safe to run again. `shardplex cluster init --schema` runs it and then adds the
-- slot column to the tables that the shard map shards.
--
-- Text columns take the collation of the database, C.UTF-8: its order is that of the bytes, which the router can merge by.
-- Scores are numeric and not floating point, so that a sum of partial sums is the sum.

CREATE TABLE IF NOT EXISTS movies (
  id                bigint PRIMARY KEY,
  name              text,
  director          text,
  genre             text[] NOT NULL DEFAULT '{}',
  primary_genre     text,
  imdb_score        numeric(3,1) CHECK (imdb_score BETWEEN 0 AND 10),
  "99popularity"    double precision CHECK ("99popularity" BETWEEN 0 AND 99.9),
  release_date      date,
  mpaa_rating       text,
  running_time_min  integer CHECK (running_time_min > 0),
  distributor       text,
  production_budget bigint CHECK (production_budget >= 0),
  us_gross          bigint CHECK (us_gross >= 0),
  worldwide_gross   bigint CHECK (worldwide_gross >= 0),
  imdb_votes        integer CHECK (imdb_votes >= 0)
);

-- The best of a genre, the best of all, the films of a director. Where the order of a request ends in the primary key, the
-- index does too, so that a page is read from the index without a sort.
CREATE INDEX IF NOT EXISTS movies_best_of_genre ON movies (primary_genre, imdb_score DESC NULLS LAST, id);
CREATE INDEX IF NOT EXISTS movies_best ON movies (imdb_score DESC NULLS LAST, id);
CREATE INDEX IF NOT EXISTS movies_by_director ON movies (director);

-- No foreign key leads from here to movies: under the map by genre a film and its ratings are on different shards, and
-- PostgreSQL can only check a key within one database. Under the map by hash they are together, and the schema stays the same.
CREATE TABLE IF NOT EXISTS ratings (
  movie_id bigint,
  user_id  bigint,
  score    smallint NOT NULL CHECK (score BETWEEN 1 AND 10),
  rated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (movie_id, user_id)
);

-- Reference table: every shard has all of it. Nor does a foreign key lead here from movies, whose primary_genre is whatever
-- the client says, known to this table or not.
CREATE TABLE IF NOT EXISTS genres (
  name        text PRIMARY KEY,
  number      integer NOT NULL UNIQUE,
  description text
);
