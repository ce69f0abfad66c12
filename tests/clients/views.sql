-- With the slot column that `shardplex cluster init` has added to the table. (A role called shardplex makes what it does not place
-- elsewhere in the schema of its own name.)
CREATE VIEW public.dramas AS SELECT * FROM films WHERE genre = 'Drama';
CREATE FUNCTION public.double(number integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * number';
CREATE FUNCTION public.films_of(genre_name text) RETURNS SETOF films LANGUAGE sql STABLE AS 'SELECT * FROM films WHERE genre = genre_name';
CREATE FUNCTION public.steps_of(task bigint) RETURNS SETOF steps LANGUAGE sql STABLE AS 'SELECT * FROM steps WHERE task_id = task';
