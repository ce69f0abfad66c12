"""The figures of moving slots between two shards: what clients notice of it, and how fast it is."""
import contextlib
import itertools
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from sampling import take_until
from servers import Router
from verdict import Bar, judge_count, judge_pairs, judge_percentile, percentile, weakest

HERE = os.path.dirname(os.path.abspath(__file__))
REQUESTS_PER_SECOND = 200  # of the foreground: a tenth of two cores, so that it is not their own queue that they wait in
GROUP = "catalog"
ALPHA, BETA = "alpha", "beta"
HOME = {ALPHA: range(0, 512), BETA: range(512, 1024)}  # the slots of each, as scripts/cluster places them
SMALL = 8  # slots of a move whose pause is looked at
BATCH = 10  # of those, in one run of the mover, two at a time: one by one, fifty would take more than a minute
BIG = 64  # slots of a move whose copy is looked at: an eighth of a shard
PAUSES = 50


def busy_seconds():
    """CPU seconds that all cores together have spent on anything, by anyone."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


class Foreground:
    """Requests at a fixed rate while it lives (foreground_load.py), and what became of those that are over."""

    class Request:
        def __init__(self, line):
            sent, took, self.kind, status, self.problem = line.rstrip("\n").split("\t")
            self.sent, self.took_ms, self.status = float(sent), float(took), int(status)

        def failed(self):
            return not 200 <= self.status < 300

    def __init__(self, router, movies):
        self.output = tempfile.NamedTemporaryFile("w+", prefix="shardplex-bench-")
        self.reader = open(self.output.name, encoding="utf-8")
        command = [sys.executable, os.path.join(HERE, "foreground_load.py"), str(router.port), str(movies),
                   str(REQUESTS_PER_SECOND)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self.output)
        self.requests, self.cut = [], ""

    def read(self):
        """Takes in what is over by now."""
        lines = (self.cut + self.reader.read()).split("\n")
        self.cut = lines.pop()  # half a line
        self.requests += [self.Request(line) for line in lines]

    def stop(self):
        self.process.stdin.close()
        if self.process.wait(90):
            sys.exit("bench: the foreground load failed")
        self.read()
        for request in [request for request in self.requests if request.failed()][:10]:
            print("bench: failed: %s, status %d after %.0f ms: %s" % (request.kind, request.status, request.took_ms,
                                                                     request.problem), file=sys.stderr)

    def latencies(self, first, last):
        return [request.took_ms for request in self.requests if first <= request.sent < last]


class Watch:
    """What a mover is doing, by its own metrics, looked at 50 times a second from a thread."""

    def __init__(self):
        with socket.socket() as probe:  # a free port
            probe.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % probe.getsockname()[1]
        self.seen = []  # (activity, when it was first seen, CPU seconds by then), in order
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stopped.wait(0.02):
            try:
                text = urllib.request.urlopen("http://%s/metrics" % self.address, timeout=5).read().decode()
            except OSError:
                continue  # the mover is not there yet, or not any more
            found = re.search(r'shardplex_move_phase\{.*activity="([^"]+)"', text)
            if found and (not self.seen or self.seen[-1][0] != found.group(1)):
                self.seen.append((found.group(1), time.monotonic(), busy_seconds()))

    def stop(self):
        self.stopped.set()
        self.thread.join()


class Move:
    """A move that has handed over, and what it came to."""

    class Stretch:
        def __init__(self, seen, next_seen):
            (_, self.first, cpu_first), (_, self.last, cpu_last) = seen, next_seen
            self.seconds = self.last - self.first
            self.cores_busy = (cpu_last - cpu_first) / self.seconds  # with anything

    def __init__(self, progress, seen):
        self.rows, self.bytes = progress["rows"], progress["bytes"]
        self.write_pause_ms = progress["write_pause_ms"]
        self.seen = seen

    def stretch(self, activity):
        """From when the activity was first seen until the next one was. A small move has gone on between two looks."""
        for seen, next_seen in zip(self.seen, self.seen[1:]):
            if seen[0] == activity:
                return self.Stretch(seen, next_seen)
        raise ValueError("a move of %d films was never seen %s; take more --movies" % (self.rows, activity))


class MoveFigures:
    """Each figure takes (bar, budget, show) and returns (judgement, what was measured)."""

    def __init__(self, arguments, cluster):
        self.movies, self.programs, self.cluster = arguments.movies, arguments.programs, cluster
        self.shardplex = os.path.join(arguments.programs, "shardplex")
        self.loads = []  # (foreground, number of moves) of the figures that were measured so far
        self.bring_home()
        cluster.forget_inserted(self.movies)
        if "copy_rate" in arguments.names:
            self.make_pipe_targets()

    def stop(self):
        self.bring_home()

    # --- Moving

    def port(self, shard):
        return self.cluster.primaries[self.cluster.shards.index(shard)]

    def command(self, verb, *arguments, may_fail=False):
        command = [self.shardplex, "rebalance", verb, "--map", self.cluster.map_file, *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode and not may_fail:
            sys.exit("bench: shardplex rebalance %s failed; where it stays so, scripts/bench --stop and again: %s" % (
                verb, done.stderr))
        return done.stdout

    def owned(self, shard):
        slots = self.cluster.sql("SELECT slot FROM shardplex.slots WHERE grp = '%s' AND state = 'owned' ORDER BY slot" % GROUP,
                                 self.port(shard))
        return [int(slot) for slot in slots.split()]

    def bring_home(self):
        """Ends what an interrupted run has begun, and gives each shard the slots it was loaded with."""
        if json.loads(self.command("status", "--json"))["moves"]:
            print("bench: ending the moves of an interrupted run", file=sys.stderr, flush=True)
            self.command("resume", may_fail=True)  # there may be nothing to resume but only to finish
            self.command("finish")
        for source, target in ((ALPHA, BETA), (BETA, ALPHA)):
            away = [slot for slot in self.owned(source) if slot in HOME[target]]
            if away:
                self.move([away], source, target)

    def move(self, slot_sets, source, target):
        """Moves each set of slots by itself, two at a time, and deletes the old copies."""
        with self.plan(slot_sets, source, target) as plan:
            return [Move(progress, []) for progress in json.loads(self.command("run", plan, "--json", "--finish", "--parallel", "2"))]

    def watched_move(self, slots, source, target, while_both_have_it=lambda: None):
        """Moves one set of slots, and knows when each activity began. `while_both_have_it` is called before the old copies go."""
        watch = Watch()
        try:
            with self.plan([slots], source, target) as plan:
                moves = json.loads(self.command("run", plan, "--json", "--metrics", watch.address))
        finally:
            watch.stop()
        while_both_have_it()
        self.command("finish")
        return Move(moves[0], watch.seen)

    @staticmethod
    @contextlib.contextmanager
    def plan(slot_sets, source, target):
        """A file with a plan of so many moves."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as plan:
            plan.write("version: 1\ncluster: movies\nmoves:\n")
            for slots in slot_sets:
                plan.write("  - {group: %s, slots: [%s], from: %s, to: %s}\n" % (GROUP, ", ".join(map(str, slots)), source, target))
            plan.flush()
            yield plan.name

    @staticmethod
    def routes(size):
        """(slots, source, target) of one move after the other: so many slots there, the same ones back, the next ones there..."""
        for first in itertools.cycle(range(0, len(HOME[ALPHA]) - size + 1, size)):
            slots = list(HOME[ALPHA])[first:first + size]
            yield slots, ALPHA, BETA
            yield slots, BETA, ALPHA

    def small_moves(self, route):
        """The slots of a route in BATCH moves."""
        slots, source, target = route
        return self.move([slots[first:first + SMALL] for first in range(0, len(slots), SMALL)], source, target)

    def tidy(self, *tables):
        """Before a figure; between its moves there is time for a checkpoint only, which keeps the dirt of one off the next."""
        vacuum = ["VACUUM (ANALYZE) " + table for table in tables or ("movies",)]
        self.on_both(*vacuum, "CHECKPOINT")

    def on_both(self, *statements):
        """Runs the statements on both shards at once."""
        running = [subprocess.Popen(self.cluster.psql(port, *statements), stdout=subprocess.DEVNULL)
                   for port in self.cluster.primaries]
        if any([psql.wait() for psql in running]):
            sys.exit("bench: a statement failed: " + "; ".join(statements))

    # --- Under load

    @contextlib.contextmanager
    def foreground(self):
        self.bring_home()
        self.tidy()
        router = Router(self.programs, self.cluster)
        load = Foreground(router, self.movies)
        try:
            time.sleep(2)  # warm
            yield load
        finally:
            load.stop()
            router.stop()
            self.cluster.forget_inserted(self.movies)

    def copy_latency(self, bar, budget, show):
        routes, copies, before, cores, pairs = self.routes(BIG), [], [], [], []

        def sample():
            """As long a stretch before the copy as the copy will take, and then the copy."""
            self.on_both("CHECKPOINT")
            begun, cpu = time.monotonic(), busy_seconds()
            time.sleep(1.2 * max([copy.seconds for copy in copies], default=2))
            ended = time.monotonic()
            cores.append((busy_seconds() - cpu) / (ended - begun))
            copies.append(self.watched_move(*next(routes)).stretch("copying"))
            before.append((max(begun, ended - copies[-1].seconds), ended))

        def judge(_):
            load.read()
            pairs[:] = [(load.latencies(*calm), load.latencies(copy.first, copy.last)) for calm, copy in zip(before, copies)]
            fewest = min(statistics.mean(map(len, of)) for of in zip(*pairs))
            if fewest < 100 or not all(calm and busy for calm, busy in pairs):
                raise ValueError("%d requests a copy have no 99th percentile; take more --movies" % fewest)
            return judge_pairs([(percentile(calm, 99), percentile(busy, 99)) for calm, busy in pairs], bar)

        with self.foreground() as load:
            take_until(judge, sample, budget, show)
        judgement = judge(None)  # again, with the answers that were still out
        self.loads.append((load, len(copies)))
        calm, busy = (sum(of, []) for of in zip(*pairs))
        return judgement, ("p99 %.1f ms, before %.1f ms; p50 %.1f ms, before %.1f ms; %d requests a copy; "
                           "%.1f cores busy, before %.1f") % (
            statistics.median(ours for _, ours in judgement.samples), statistics.median(before for before, _ in judgement.samples),
            percentile(busy, 50), percentile(calm, 50), len(busy) / len(pairs),
            statistics.mean(copy.cores_busy for copy in copies), statistics.mean(cores))

    def write_pause(self, bar, budget, show):
        routes, moves = self.routes(BATCH * SMALL), []

        def sample():
            moves.extend(self.small_moves(next(routes)))

        def judge(_):
            return judge_percentile([move.write_pause_ms for move in moves], 99, PAUSES, bar)
        with self.foreground() as load:
            judgement = take_until(judge, sample, budget, show)
        self.loads.append((load, len(moves)))
        return judgement, "%d moves of %d films, %d are enough" % (len(moves), statistics.mean(move.rows for move in moves), PAUSES)

    def failed_requests(self, bar, budget, show):
        """Of what copy_latency and write_pause have sent; where neither was measured, of moves of its own."""
        if not self.loads:
            big, small, moves = self.routes(BIG), self.routes(BATCH * SMALL), []

            def sample():
                for _ in range(2):  # there and back
                    slots, *ends = next(big)
                    moves.extend(self.move([slots], *ends))
                for _ in range(2):
                    moves.extend(self.small_moves(next(small)))

            def judge(_):
                load.read()
                return self.judge_failures([load], bar)
            with self.foreground() as load:
                take_until(judge, sample, budget, show, least=1 if budget.quick else sys.maxsize)
            self.loads.append((load, len(moves)))
        loads = [load for load, _ in self.loads]
        slowest = max((request.took_ms for load in loads for request in load.requests), default=0)
        return self.judge_failures(loads, bar), "of %d requests during %d moves; the slowest took %.0f ms" % (
            sum(len(load.requests) for load in loads), sum(moves for _, moves in self.loads), slowest)

    @staticmethod
    def judge_failures(loads, bar):
        requests = [request for load in loads for request in load.requests]
        return judge_count(sum(request.failed() for request in requests), len(requests), bar)

    # --- Alone

    def copy_rate(self, bar, budget, show):
        routes, moves = self.routes(BIG), []

        def sample():
            slots, source, target = next(routes)
            pipe = self.copy_by_pipe(slots, source, target)
            moves.append(self.watched_move(slots, source, target))
            self.on_both("CHECKPOINT")
            megabytes = moves[-1].bytes / 1e6
            return megabytes / pipe, megabytes / moves[-1].stretch("copying").seconds
        self.bring_home()
        self.tidy("movies", "bench.movies")
        sample()  # warm
        judgement = take_until(lambda pairs: judge_pairs(pairs, bar), sample, budget, show)
        if len(moves) % 2:  # the slots are away, and brought home at the end: so are the piped rows
            self.copy_by_pipe(*next(routes))
        return judgement, "%.1f MB/s, %.1f MB/s by a pipe; %d films, %.0f MB" % (
            statistics.median(ours for _, ours in judgement.samples), statistics.median(pipe for pipe, _ in judgement.samples),
            statistics.median(move.rows for move in moves), statistics.median(move.bytes for move in moves) / 1e6)

    def make_pipe_targets(self):
        """A table on each shard that is just like its own of the films, rows and indexes too. It is kept for the next run."""
        def counts(table):
            return [self.cluster.sql("SELECT count(*) FROM " + table, port) for port in self.cluster.primaries]
        made = [self.cluster.sql("SELECT to_regclass('bench.movies')", port) for port in self.cluster.primaries]
        if all(made) and counts("bench.movies") == counts("movies"):
            return
        print("bench: copying the films of each shard into a table for the COPY pipe", file=sys.stderr, flush=True)
        self.on_both("SET client_min_messages = warning", "DROP SCHEMA IF EXISTS bench CASCADE", "CREATE SCHEMA bench",
                     "CREATE TABLE bench.movies (LIKE public.movies INCLUDING ALL)",
                     "INSERT INTO bench.movies SELECT * FROM public.movies")
        self.tidy("bench.movies")

    def copy_by_pipe(self, slots, source, target):
        """Seconds to copy the rows of the slots into the table on the target that is like the one they are moved to."""
        some = "WHERE shardplex_slot = ANY ('{%s}')" % ",".join(map(str, slots))
        began = time.monotonic()
        out = subprocess.Popen(self.cluster.psql(
            self.port(source), "COPY (SELECT * FROM movies %s) TO STDOUT (FORMAT binary)" % some), stdout=subprocess.PIPE)
        into = subprocess.run(self.cluster.psql(self.port(target), "COPY bench.movies FROM STDIN (FORMAT binary)"),
                              stdin=out.stdout)
        took = time.monotonic() - began
        out.stdout.close()
        if out.wait() or into.returncode:
            sys.exit("bench: the COPY pipe failed")
        # As a move does; so the tables of the pipe stay like the real ones, and the way back is open.
        self.cluster.sql("DELETE FROM bench.movies " + some, self.port(source))
        return took

    def verify_rate(self, bar, budget, show):
        """Of shardplex verify and the comparison that a move makes, the one that does worse against a scan of the same rows."""
        everything, routes, moves = self.every_column(), self.routes(BIG), []

        def verify():
            scan = self.scan(everything)
            began = time.monotonic()
            verified = subprocess.run([self.shardplex, "verify", "--map", self.cluster.map_file], capture_output=True, text=True)
            took = time.monotonic() - began
            if verified.returncode:
                sys.exit("bench: shardplex verify found something wrong: " + verified.stderr)
            return self.movies / scan, self.movies / took

        def comparison():
            slots, source, target = next(routes)
            query, scans = self.every_column(slots), []
            move = self.watched_move(slots, source, target, lambda: scans.append(self.scan(query)))
            moves.append(move)
            return 2 * move.rows / scans[0], 2 * move.rows / move.stretch("verifying").seconds

        parts = {verify: [], comparison: []}

        def judge(_=None):
            return weakest([judge_pairs(pairs, bar) for pairs in parts.values()], bar)

        def sample():
            for part, pairs in parts.items():
                if not pairs or not judge_pairs(pairs, bar).settled(budget.quick):
                    pairs.append(part())
        self.bring_home()
        self.tidy()
        verify()  # warm
        judgement = take_until(judge, sample, budget, show)
        whole, in_moves = (judge_pairs(pairs, bar) for pairs in parts.values())
        return judgement, "shardplex verify %.2f: %.0f rows/s; comparison in a move of %d films %.2f: %.0f rows/s of both copies" % (
            whole.value, statistics.median(ours for _, ours in whole.samples), statistics.median(move.rows for move in moves),
            in_moves.value, statistics.median(ours for _, ours in in_moves.samples))

    def every_column(self, slots=None):
        """A query that takes every row's columns apart, of some slots or of all, and does no more with them than count."""
        columns = self.cluster.sql("SELECT string_agg(format('count(%I)', attname), ', ') FROM pg_attribute WHERE attrelid ="
                                   " 'movies'::regclass AND attnum > 0 AND NOT attisdropped")
        some = "" if slots is None else " WHERE shardplex_slot = ANY ('{%s}')" % ",".join(map(str, slots))
        return "SELECT " + columns + " FROM movies" + some

    def scan(self, query):
        """Seconds until all shards at once have answered; one process each reads the rows one by one."""
        began = time.monotonic()
        self.on_both("SET max_parallel_workers_per_gather = 0", "SET jit = off", query)
        return time.monotonic() - began


# As those of bench.py. Failed requests last, as the figures before have sent them.
FIGURES = {
    "write_pause": ("write pause at cutover per slot set, p99 over 50 moves", "ms", Bar(250, 50, less=True)),
    "copy_latency": ("p99 latency of foreground requests during copy / before", "ratio", Bar(3.0, 1.5, less=True)),
    "copy_rate": ("moved MB/s without rate limit / a binary COPY pipe between the same servers", "ratio", Bar(0.6, 0.9)),
    "verify_rate": ("verify: rows/s / a sequential scan's rows/s", "ratio", Bar(0.3, 0.6)),
    "failed_requests": ("failed requests during moves, under a mixed load of reads and writes", "requests", Bar(0, 0, less=True)),
}
