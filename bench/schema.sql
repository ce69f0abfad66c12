-- Beside config/schema/movies.sql: the ratings once more, to be placed by who rated. A film's are on other shards than the film.
CREATE TABLE IF NOT EXISTS ratings_by_user (
  user_id  bigint,
  movie_id bigint,
  score    smallint NOT NULL,
  rated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, movie_id)
);
CREATE INDEX IF NOT EXISTS ratings_by_user_of_film ON ratings_by_user (movie_id);
