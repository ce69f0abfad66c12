-- Films, what is said of them and who made them, for public clients of PostgREST: a column of each kind that they have filters for.
CREATE TABLE genres (
  name     text PRIMARY KEY,
  position integer NOT NULL UNIQUE
);

CREATE TABLE people (
  id   bigint PRIMARY KEY,
  name text NOT NULL,
  born date
);

-- Whoever has directed a film is on another shard, and so is the film that a sequel goes on from: the map declares these relations,
-- and PostgreSQL keeps the others.
CREATE TABLE films (
  id          bigint PRIMARY KEY,
  title       text NOT NULL,
  year        integer NOT NULL,
  score       numeric(3,1),
  genre       text REFERENCES genres,
  director_id bigint,
  tags        text[] NOT NULL DEFAULT '{}',
  details     jsonb,
  shown       int4range,
  watched     boolean,
  sequel_of   bigint,
  summary     text,
  words       tsvector GENERATED ALWAYS AS (to_tsvector('english', coalesce(summary, ''))) STORED
);

CREATE TYPE poster_kind AS ENUM ('print', 'digital');

CREATE TABLE posters (
  film_id bigint PRIMARY KEY REFERENCES films,
  kind    poster_kind NOT NULL,
  up      tsrange
);

CREATE TABLE reviews (
  film_id bigint REFERENCES films,
  number  integer,
  author  text NOT NULL,
  stars   integer NOT NULL,
  PRIMARY KEY (film_id, number)
);

CREATE TABLE roles (
  film_id   bigint REFERENCES films,
  person_id bigint,
  part      text NOT NULL,
  PRIMARY KEY (film_id, person_id)
);

-- Written by the tests; empty before each of them.
CREATE TABLE tasks (
  id       bigint PRIMARY KEY,
  title    text NOT NULL,
  done     boolean NOT NULL DEFAULT false,
  priority integer CHECK (priority > 0),
  labels   text[],
  details  jsonb,
  due      date,
  "Two Words"  text,
  "kebab-name" text
);

CREATE TABLE steps (
  task_id bigint REFERENCES tasks,
  number  integer,
  note    text NOT NULL DEFAULT 'to do',
  PRIMARY KEY (task_id, number)
);
