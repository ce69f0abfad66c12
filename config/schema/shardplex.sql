-- The schema `shardplex`: who this shard is, which slots it owns, and the checks every statement passes.
-- Made by `shardplex cluster init`; safe to run again. The truth about ownership lives here, next to the data, so that it is
-- transactional with it and replicates with it.

CREATE SCHEMA IF NOT EXISTS shardplex;

-- Identity and epoch: one row.
CREATE TABLE IF NOT EXISTS shardplex.shard (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  cluster   text   NOT NULL,
  name      text   NOT NULL,
  epoch     bigint NOT NULL DEFAULT 1,
  -- The node numbers under which this shard promises ids. No two shards have one in common, ever; NULL: it promises none.
  first_node integer,
  last_node  integer,
  -- The last statement of an operator on this shard's timeline (cluster accept-timeline) that this history has. A server without it is
  -- of a history that was given up, whatever its timeline.
  ruling bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);

-- Every statement of a router reads this table, and would queue behind an ALTER that waits for one long read: so it is altered only
-- where it has to be, and not for long. Where that fails, `cluster init` is to be run again.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'shardplex.shard'::regclass AND attname = 'last_node') THEN
    PERFORM set_config('lock_timeout', '1s', true);
    ALTER TABLE shardplex.shard ADD COLUMN first_node integer, ADD COLUMN last_node integer;
    PERFORM set_config('lock_timeout', '0', true);
  END IF;
END $$;

-- A slot that has never been here has no row. incoming and moved slots may have rows of data, which nobody sees.
CREATE TABLE IF NOT EXISTS shardplex.slots (
  grp        text        NOT NULL,
  slot       integer     NOT NULL CHECK (slot >= 0),
  state      text        NOT NULL CHECK (state IN ('incoming', 'owned', 'fenced', 'moved')),
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (grp, slot)
);

-- How keys become slots, as the cluster was made: of each group its slot count and strategy, of each table its group and key,
-- and the form of its keys. A row never changes, since the data was placed by it; a map that says otherwise is refused. Only labels are
-- added, to those of an enum that decides slots.
CREATE TABLE IF NOT EXISTS shardplex.definitions (
  subject    text PRIMARY KEY,  -- 'group catalog', 'table movies', 'key movies', 'labels movies "mood"'
  definition text NOT NULL
);

-- Journal of every change of ownership, an entry per epoch. (It was called `moves` before moves had a table of their own.)
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('shardplex.moves') AND attname = 'epoch') THEN
    ALTER TABLE shardplex.moves RENAME TO changes;
  END IF;
END $$;
CREATE TABLE IF NOT EXISTS shardplex.changes (
  epoch      bigint      PRIMARY KEY,
  grp        text        NOT NULL,
  slots      integer[]   NOT NULL,
  state      text        NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);

-- The servers of every shard of the cluster, as connection strings that say where a server is and not who connects: a router learns
-- of an added shard from here, and connects with credentials of its own.
CREATE TABLE IF NOT EXISTS shardplex.shards (
  name       text    PRIMARY KEY,
  position   integer NOT NULL,  -- order in the map
  "primary"  text    NOT NULL,
  replicas   text[]  NOT NULL DEFAULT '{}'
);

-- Moves of slots that this shard takes part in. A row is here before the first object of the move is made, and on the target it goes
-- when the last is gone: the cleanup record. The row on the source is the truth about the phase, and stays as history.
CREATE TABLE IF NOT EXISTS shardplex.moves (
  id              text        PRIMARY KEY,  -- objects are called shardplex_<id>_f and shardplex_<id>_r
  number          integer     NOT NULL,     -- order within what was asked for at once
  grp             text        NOT NULL,
  slots           integer[]   NOT NULL,     -- ascending
  source          text        NOT NULL,
  target          text        NOT NULL,
  phase           text        NOT NULL,     -- operations/shard/move_entry.hpp
  wanted          text        NOT NULL DEFAULT 'run' CHECK (wanted IN ('run', 'pause', 'abort')),
  source_timeline integer,                  -- source: the timelines of both shards when the copy began; another one means that
  target_timeline integer,                  --   acknowledged changes may be missing from what was copied
  copied          boolean     NOT NULL DEFAULT false,  -- target: committed with the copied rows
  reverse_from    pg_lsn,                   -- target: everything before it came from the source
  identities      jsonb       NOT NULL DEFAULT '{}',   -- table -> replica identity before the move: d, n, f, or an index's name
  progress        jsonb       NOT NULL DEFAULT '{}',   -- source: for people; rows, bytes, lag and so on, about once a second
  problem         text,                     -- source: why the mover stopped
  created_at      timestamptz NOT NULL DEFAULT now(),
  changed_at      timestamptz NOT NULL DEFAULT now(),
  -- The move's fence on this shard is a lease: since when it stands, and from when on anybody may end it (end_overdue_fences). Both
  -- null: this shard has no fence of the move, or one of a version that knew no leases.
  fenced_at       timestamptz,
  fence_until     timestamptz
);
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'shardplex.moves'::regclass AND attname = 'fence_until') THEN
    ALTER TABLE shardplex.moves ADD COLUMN fenced_at timestamptz, ADD COLUMN fence_until timestamptz;
  END IF;
END $$;

-- Imports of unsharded databases. Every shard has a row from before the first object of the import is made there; that of the first
-- shard of the map is the truth about the phase.
CREATE TABLE IF NOT EXISTS shardplex.imports (
  id          text        PRIMARY KEY,  -- publication and slot on the source are called shardplex_import_<id>
  source      text        NOT NULL,     -- its connection string, without a password
  database    text        NOT NULL,     -- its identity: another database under the same name is refused
  phase       text        NOT NULL DEFAULT 'prepare',  -- first shard; operations/import/journal.hpp
  step        text        NOT NULL DEFAULT 'begun',    -- this shard: begun, made, copied, indexed
  made        text[]      NOT NULL DEFAULT '{}',       -- this shard: the statements that remove what the import has made here
  applied     pg_lsn,                                  -- this shard: the last transaction of the source that is in its rows
  identities  jsonb       NOT NULL DEFAULT '{}',       -- first shard: table -> replica identity on the source before the import
  baseline    jsonb,                                   -- what the source was like; operations/import/baseline.hpp
  progress    jsonb       NOT NULL DEFAULT '{}',       -- first shard: for people, about once a second
  problem     text,                                    -- first shard: why the import stopped
  created_at  timestamptz NOT NULL DEFAULT now(),
  changed_at  timestamptz NOT NULL DEFAULT now(),
  -- This shard's way back to the source: the name of its publication and replication slot, and of the subscription on the source;
  -- empty: it is to be made; null: there is none. From reverse_from on its changes are to flow.
  way_back     text,
  reverse_from pg_lsn,
  -- While the import is reversed, all slots of this shard are fenced until then, or until anybody ends that (end_overdue_fences).
  fence_until  timestamptz
);
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'shardplex.imports'::regclass AND attname = 'way_back') THEN
    ALTER TABLE shardplex.imports ADD COLUMN baseline jsonb, ADD COLUMN way_back text, ADD COLUMN reverse_from pg_lsn, ADD COLUMN fence_until timestamptz;
  END IF;
END $$;

-- Published along with the rows of a move: a number seen on the subscriber tells that everything before it has been applied.
CREATE TABLE IF NOT EXISTS shardplex.markers (
  name   text   PRIMARY KEY,  -- shardplex_<id>_f, shardplex_<id>_r
  number bigint NOT NULL
) WITH (fillfactor = 10);

-- Who moves slots, at most one for the whole cluster: it holds the session's advisory lock (1936223345, 0) on every shard, and has
-- written its token here. A row is always there.
CREATE TABLE IF NOT EXISTS shardplex.mover (
  singleton boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
  token     text        NOT NULL DEFAULT '',
  holder    text        NOT NULL DEFAULT '',  -- "host, process 4711"
  since     timestamptz NOT NULL DEFAULT now()
);
INSERT INTO shardplex.mover DEFAULT VALUES ON CONFLICT DO NOTHING;

-- Node numbers of routers, and the first millisecond that this shard has not promised under each.
CREATE TABLE IF NOT EXISTS shardplex.nodes (
  node           integer PRIMARY KEY CHECK (node BETWEEN 0 AND 127),
  reserved_until bigint  NOT NULL
);

-- What is known of each shard's newest timeline, kept in all shards: a router that starts learns from the others that an old primary
-- is one, also while its successor is away. The row with the highest ruling counts, and of those with one ruling the highest timeline.
CREATE TABLE IF NOT EXISTS shardplex.timelines (
  shard    text        PRIMARY KEY,
  ruling   bigint      NOT NULL,  -- 0: as routers found it; each statement of an operator raises it
  timeline bigint      NOT NULL,
  noted_at timestamptz NOT NULL DEFAULT now()
);

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'shardplex.shard'::regclass AND attname = 'ruling') THEN
    PERFORM set_config('lock_timeout', '1s', true);
    ALTER TABLE shardplex.shard ADD COLUMN ruling bigint NOT NULL DEFAULT 0;
    PERFORM set_config('lock_timeout', '0', true);
    UPDATE shardplex.shard s SET ruling = t.ruling FROM shardplex.timelines t WHERE t.shard = s.name AND t.ruling > 0;
  END IF;
END $$;

-- Notes a timeline of a shard, unless more is known. A ruling on this shard itself, which nobody notes here but the command line,
-- becomes part of its history.
CREATE OR REPLACE FUNCTION shardplex.note_timeline(of_shard text, new_ruling bigint, new_timeline bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO shardplex.timelines AS t (shard, ruling, timeline) VALUES (of_shard, new_ruling, new_timeline)
    ON CONFLICT (shard) DO UPDATE SET ruling = excluded.ruling, timeline = excluded.timeline, noted_at = now()
    WHERE (t.ruling, t.timeline) < (excluded.ruling, excluded.timeline);
  IF new_ruling > (SELECT s.ruling FROM shardplex.shard s WHERE s.name = of_shard) THEN
    UPDATE shardplex.shard SET ruling = new_ruling;
  END IF;
END $$;

-- Routers that route to this shard, as they report themselves every two seconds. One that has not for 15 seconds is taken for dead.
CREATE TABLE IF NOT EXISTS shardplex.routers (
  id          text        PRIMARY KEY,  -- of the process
  name        text        NOT NULL,     -- "web3, process 4711"
  report      jsonb       NOT NULL,     -- shard_schema/router_report.hpp
  reported_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Reads: part of the WHERE clause. STABLE, so it is evaluated once per statement and in that statement's snapshot.
CREATE OR REPLACE FUNCTION shardplex.check_epoch(expected bigint) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE actual bigint;
BEGIN
  SELECT s.epoch INTO actual FROM shardplex.shard s;
  IF actual IS DISTINCT FROM expected THEN
    RAISE EXCEPTION 'stale epoch' USING ERRCODE = 'SX001', DETAIL = format('expected %s, the shard is at %s', expected, actual);
  END IF;
  RETURN true;
END $$;

-- Writes: a statement of its own before the write, in the same transaction. The shared lock is taken first and the epoch is
-- read after it in a fresh snapshot, so a fence, which takes the lock exclusively and then raises the epoch, either waits for
-- this transaction or is seen by it. The lock is tried, not awaited: a wait would hold up the statements behind it in the pipeline.
CREATE OR REPLACE FUNCTION shardplex.begin_write(g text, expected bigint) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE actual bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock_shared(1936223344, hashtext(g)) THEN
    RAISE EXCEPTION 'slots are being fenced' USING ERRCODE = 'SX002', DETAIL = format('group %s', g);
  END IF;
  SELECT s.epoch INTO actual FROM shardplex.shard s;
  IF actual IS DISTINCT FROM expected THEN
    RAISE EXCEPTION 'stale epoch' USING ERRCODE = 'SX001', DETAIL = format('expected %s, the shard is at %s', expected, actual);
  END IF;
END $$;

-- In a write whose client allows so many rows and no others: part of the statement itself, so that one that touches fewer or more
-- keeps nothing. `most` may be null.
CREATE OR REPLACE FUNCTION shardplex.check_rows(touched bigint, fewest bigint, most bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF touched < fewest OR touched > most THEN
    RAISE EXCEPTION 'the write touches % rows', touched USING ERRCODE = 'SX010', DETAIL = touched::text;
  END IF;
  RETURN true;
END $$;

-- Reads: called for a row of a view that shows no slot, as an outer join makes them, or of a function that all shards answer. Nobody can
-- tell whose row it is. `view` says what it is of, such as 'the view halves'.
CREATE OR REPLACE FUNCTION shardplex.refuse_row_without_slot(view text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RAISE EXCEPTION '% has a row without a slot', view USING ERRCODE = 'SX013';
END $$;

-- Writes: called for a row that a trigger has given another key, list or slot than it was to have. Nobody would look for it there.
CREATE OR REPLACE FUNCTION shardplex.refuse_misplaced_row(rel oid) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE names text;
BEGIN
  SELECT string_agg(t.tgname, ', ' ORDER BY t.tgname) INTO names FROM pg_catalog.pg_trigger t
    WHERE t.tgrelid = rel AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 3 = 3;  -- for each row, before
  RAISE EXCEPTION 'a trigger changes the columns that decide where a row is stored'
    USING ERRCODE = 'SX007', DETAIL = format('Triggers of %s that run before a row is written: %s.', rel::regclass, coalesce(names, 'none'));
END $$;

-- The trigger shardplex_place of every sharded table, for rows that another trigger, or the action of a foreign key, inserts or
-- updates: no router has decided their slot. A row keeps what decides it. A new one is let in where its key and slot (and list) are those
-- of a row of another table of the group, which a router has placed. Either has to be in a slot that the shard owns: the statement's own
-- slots are not these, so nobody has looked. While the slot is fenced the statement is to be tried again. It runs as its owner, since
-- whoever writes need not have the right to look. Arguments: the table, its group, the columns of its key and, under list, the list's
-- column. The columns of the tables' keys are in shardplex.definitions as "a","b"; those at one place mean the same.
CREATE OR REPLACE FUNCTION shardplex.check_place() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE deciding text[]; before jsonb; after jsonb; other record; keys integer; known boolean; found_state text; stack text;
        writers text;
BEGIN
  deciding := TG_ARGV[2:] || 'shardplex_slot'::text;
  SELECT s.state INTO found_state FROM shardplex.slots s WHERE s.grp = TG_ARGV[1] AND s.slot = NEW.shardplex_slot;
  IF found_state = 'fenced' THEN
    RAISE EXCEPTION 'slots are being fenced' USING ERRCODE = 'SX002', DETAIL = format('group %s', TG_ARGV[1]);
  END IF;
  IF found_state IS DISTINCT FROM 'owned' THEN
    NULL;  -- wherever the row is looked for, it is not here
  ELSIF TG_OP = 'UPDATE' THEN
    before := to_jsonb(OLD);
    after := to_jsonb(NEW);
    IF NOT EXISTS (SELECT FROM unnest(deciding) AS c WHERE before -> c IS DISTINCT FROM after -> c) THEN
      RETURN NULL;
    END IF;
  ELSE
    FOR other IN
      SELECT q.name AS qualified, d.key_columns FROM (
        SELECT substr(subject, 7) AS table_name, said.parts[1] AS of_group,
               ARRAY(SELECT regexp_replace(m.quoted[1], '\\(.)', '\1', 'g')
                       FROM regexp_matches(said.parts[2], '"((?:[^"\\]|\\.)*)"', 'g') WITH ORDINALITY AS m(quoted, place)
                      ORDER BY m.place) AS key_columns
          FROM shardplex.definitions CROSS JOIN LATERAL regexp_match(definition, '^(group="(?:[^"\\]|\\.)*") key=(.*)$') AS said(parts)
         WHERE subject LIKE 'table %') AS d
        CROSS JOIN LATERAL (SELECT CASE WHEN d.table_name ~ '^[^.]+[.][^.]+$'
            THEN format('%I.%I', split_part(d.table_name, '.', 1), split_part(d.table_name, '.', 2))
            ELSE format('public.%I', d.table_name) END) AS q(name)  -- what the map calls catalog.movies is of the schema catalog
       WHERE d.table_name <> TG_ARGV[0] AND to_regclass(q.name) IS NOT NULL
         AND d.of_group = (SELECT substring(definition FROM '^(group="(?:[^"\\]|\\.)*") key=') FROM shardplex.definitions
                            WHERE subject = 'table ' || TG_ARGV[0])
    LOOP
      keys := cardinality(other.key_columns);  -- as many as this table's
      EXECUTE format('SELECT EXISTS (SELECT FROM %s t WHERE ', other.qualified)
              || (SELECT string_agg(format('t.%I = ($1).%I', k.theirs, k.ours), ' AND ' ORDER BY k.place)
                    FROM unnest(other.key_columns, deciding[:keys]) WITH ORDINALITY AS k(theirs, ours, place))
              || (SELECT string_agg(format(' AND t.%1$I IS NOT DISTINCT FROM ($1).%1$I', c), '' ORDER BY c)
                    FROM unnest(deciding[keys + 1:]) AS c)
              || ')' INTO known USING NEW;
      IF known THEN
        RETURN NULL;
      END IF;
    END LOOP;
  END IF;
  GET DIAGNOSTICS stack = PG_CONTEXT;
  SELECT string_agg(f[1], ', ') INTO writers
    FROM regexp_matches(stack, 'function ([^\n]*?\)) line', 'g') AS f WHERE f[1] !~ '(^|[.])check_place[(]';
  RAISE EXCEPTION 'a trigger, or the action of a foreign key, writes a row where it is not looked for'
    USING ERRCODE = 'SX007', DETAIL = format('Table %s, written by %s.', TG_RELID::regclass, coalesce(writers, 'a trigger or the action of a foreign key'));
END $$;

-- Every change of ownership goes through here: it locks out writers, moves slots from one state to the next, raises the epoch
-- and journals it, and returns the new epoch. A slot that is not in one of the states `before` (NULL element: absent) fails it whole.
CREATE OR REPLACE FUNCTION shardplex.change_slots(g text, which integer[], before text[], after text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE wrong integer[]; new_epoch bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(1936223344, hashtext(g));
  SELECT array_agg(w.slot ORDER BY w.slot) INTO wrong
    FROM unnest(which) AS w(slot) LEFT JOIN shardplex.slots s ON s.grp = g AND s.slot = w.slot
    WHERE NOT EXISTS (SELECT FROM unnest(before) b WHERE b IS NOT DISTINCT FROM s.state);
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'slots % of group % cannot become %', wrong, g, coalesce(after, 'absent')
      USING ERRCODE = 'SX003', HINT = format('They have to be %s.', array_to_string(before, ' or ', 'absent'));
  END IF;
  IF after IS NULL THEN
    DELETE FROM shardplex.slots WHERE grp = g AND slot = ANY (which);
  ELSE
    INSERT INTO shardplex.slots AS s (grp, slot, state) SELECT g, w, after FROM unnest(which) w
      ON CONFLICT (grp, slot) DO UPDATE SET state = excluded.state, changed_at = now();
  END IF;
  UPDATE shardplex.shard SET epoch = epoch + 1 RETURNING epoch INTO new_epoch;
  INSERT INTO shardplex.changes (epoch, grp, slots, state) VALUES (new_epoch, g, which, coalesce(after, 'absent'));
  RETURN new_epoch;
END $$;

-- The life of a slot on its target: receive_slots, (copy), own_slots. On its source: fence_slots, hand_over_slots, (delete the
-- rows), forget_slots. unfence_slots and forget_slots give up.
CREATE OR REPLACE FUNCTION shardplex.receive_slots(g text, which integer[]) RETURNS bigint LANGUAGE sql AS
$$ SELECT shardplex.change_slots(g, which, ARRAY[NULL, 'moved'], 'incoming') $$;
CREATE OR REPLACE FUNCTION shardplex.own_slots(g text, which integer[]) RETURNS bigint LANGUAGE sql AS
$$ SELECT shardplex.change_slots(g, which, ARRAY['incoming'], 'owned') $$;
CREATE OR REPLACE FUNCTION shardplex.fence_slots(g text, which integer[]) RETURNS bigint LANGUAGE sql AS
$$ SELECT shardplex.change_slots(g, which, ARRAY['owned'], 'fenced') $$;
CREATE OR REPLACE FUNCTION shardplex.unfence_slots(g text, which integer[]) RETURNS bigint LANGUAGE sql AS
$$ SELECT shardplex.change_slots(g, which, ARRAY['fenced'], 'owned') $$;
CREATE OR REPLACE FUNCTION shardplex.hand_over_slots(g text, which integer[]) RETURNS bigint LANGUAGE sql AS
$$ SELECT shardplex.change_slots(g, which, ARRAY['fenced'], 'moved') $$;
CREATE OR REPLACE FUNCTION shardplex.forget_slots(g text, which integer[]) RETURNS bigint LANGUAGE sql AS
$$ SELECT shardplex.change_slots(g, which, ARRAY['incoming', 'moved'], NULL) $$;

-- First in each transaction of a mover: refused where another has taken over, and held off from taking over until this one ends.
CREATE OR REPLACE FUNCTION shardplex.as_mover(mine text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE found record;
BEGIN
  SELECT m.token, m.holder, m.since INTO found FROM shardplex.mover m FOR SHARE;
  IF found.token IS DISTINCT FROM mine THEN
    RAISE EXCEPTION 'another mover has taken over' USING ERRCODE = 'SX004', DETAIL = format('%s, since %s', found.holder, found.since);
  END IF;
END $$;

-- Promises a router a range of milliseconds under a node number: nobody else gets ids of that number in that range, however
-- its clock stands. `preferred` is the node it had here (NULL: any). `now_ms` and the result count from 2024-01-01 UTC. Each shard
-- has node numbers of its own (shardplex.shard), so that any shard may promise while others are down.
CREATE OR REPLACE FUNCTION shardplex.promise_ids(preferred integer, now_ms bigint, span_ms bigint,
                                                 OUT node integer, OUT from_ms bigint, OUT until_ms bigint)
LANGUAGE plpgsql AS $$
DECLARE mine record;
BEGIN
  SELECT s.first_node, s.last_node INTO mine FROM shardplex.shard s;
  IF mine.first_node IS NULL THEN
    RAISE EXCEPTION 'this shard promises no ids' USING ERRCODE = 'SX005', HINT = 'It has no node numbers: run shardplex cluster init.';
  END IF;
  IF preferred BETWEEN mine.first_node AND mine.last_node THEN
    node := preferred;
  ELSE
    LOCK TABLE shardplex.nodes IN EXCLUSIVE MODE;
    SELECT n INTO node FROM generate_series(mine.first_node, mine.last_node) n LEFT JOIN shardplex.nodes t ON t.node = n
      ORDER BY coalesce(t.reserved_until, 0) > now_ms, t.node IS NOT NULL, t.reserved_until, n LIMIT 1;
  END IF;
  INSERT INTO shardplex.nodes AS t (node, reserved_until) VALUES (promise_ids.node, now_ms + span_ms)
    ON CONFLICT ON CONSTRAINT nodes_pkey DO UPDATE SET reserved_until = greatest(t.reserved_until, now_ms) + span_ms
    RETURNING t.reserved_until INTO until_ms;
  from_ms := until_ms - span_ms;
END $$;

-- By its name of before, which earlier versions of the programs call on the first shard of the map.
CREATE OR REPLACE FUNCTION shardplex.reserve_ids(preferred integer, now_ms bigint, span_ms bigint,
                                                 OUT node integer, OUT from_ms bigint, OUT until_ms bigint)
LANGUAGE sql AS $$ SELECT * FROM shardplex.promise_ids(preferred, now_ms, span_ms) $$;

-- A router's word of itself. It runs as its owner, so that a router needs no more than USAGE on the schema.
CREATE OR REPLACE FUNCTION shardplex.report_router(router text, router_name text, what jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM shardplex.routers WHERE reported_at < clock_timestamp() - interval '1 hour';
  INSERT INTO shardplex.routers AS r (id, name, report, reported_at) VALUES (router, router_name, what, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, report = excluded.report, reported_at = excluded.reported_at;
END $$;

-- Lets writes in again where a fence has outlived its lease, as that of a mover that hangs does; returns the moves and imports whose
-- fence was ended. Anybody may call it: it takes nothing from a mover that is alive. It is safe whatever the mover does next, since the mover's
-- hand-over is one transaction with change_slots(), which refuses slots that are not fenced any more. The lock is that of
-- change_slots(), so the slots are looked at when no hand-over is under way. What a shard cannot know is whether it failed over and
-- has forgotten a hand-over: a router calls this only where no other shard owns the slots.
CREATE OR REPLACE FUNCTION shardplex.end_overdue_fences() RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE overdue record; still integer[]; fenced record;
BEGIN
  FOR overdue IN SELECT i.id FROM shardplex.imports i WHERE i.fence_until < clock_timestamp() LOOP
    FOR fenced IN SELECT DISTINCT s.grp FROM shardplex.slots s ORDER BY s.grp LOOP
      PERFORM pg_advisory_xact_lock(1936223344, hashtext(fenced.grp));
    END LOOP;
    UPDATE shardplex.imports SET fence_until = NULL WHERE id = overdue.id AND fence_until < clock_timestamp();
    IF NOT FOUND THEN
      CONTINUE;
    END IF;
    FOR fenced IN SELECT s.grp, array_agg(s.slot ORDER BY s.slot) AS slots FROM shardplex.slots s WHERE s.state = 'fenced' GROUP BY s.grp LOOP
      PERFORM shardplex.unfence_slots(fenced.grp, fenced.slots);
      RETURN NEXT overdue.id;
    END LOOP;
  END LOOP;
  FOR overdue IN SELECT m.id, m.grp, m.slots FROM shardplex.moves m WHERE m.fence_until < clock_timestamp() LOOP
    PERFORM pg_advisory_xact_lock(1936223344, hashtext(overdue.grp));
    UPDATE shardplex.moves SET fenced_at = NULL, fence_until = NULL WHERE id = overdue.id AND fence_until < clock_timestamp();
    IF NOT FOUND THEN
      CONTINUE;
    END IF;
    still := ARRAY(SELECT s.slot FROM shardplex.slots s
                    WHERE s.grp = overdue.grp AND s.slot = ANY (overdue.slots) AND s.state = 'fenced' ORDER BY s.slot);
    IF cardinality(still) > 0 THEN
      PERFORM shardplex.unfence_slots(overdue.grp, still);
      RETURN NEXT overdue.id;
    END IF;
  END LOOP;
END $$;
