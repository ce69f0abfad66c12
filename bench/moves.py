"""The figures of moving slots between two shards: what clients notice of it, and how fast it is."""
import contextlib
import functools
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

from servers import Router

HERE = os.path.dirname(os.path.abspath(__file__))
REQUESTS_PER_SECOND = 200  # of the foreground: a tenth of two cores, so that it is not their own queue that they wait in
GROUP = "catalog"


def percentile(values, percent):
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def busy_seconds():
    """CPU seconds that all cores together have spent on anything, by anyone."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


class Foreground:
    """Requests at a fixed rate while it lives (foreground_load.py), and what became of them afterwards."""

    class Request:
        def __init__(self, line):
            sent, took, self.kind, status, self.problem = line.rstrip("\n").split("\t")
            self.sent, self.took_ms, self.status = float(sent), float(took), int(status)

        def failed(self):
            return not 200 <= self.status < 300

    def __init__(self, router, movies):
        self.output = tempfile.TemporaryFile("w+")
        command = [sys.executable, os.path.join(HERE, "foreground_load.py"), str(router.port), str(movies),
                   str(REQUESTS_PER_SECOND)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self.output)
        self.requests = []

    def stop(self):
        self.process.stdin.close()
        if self.process.wait(90):
            sys.exit("bench: the foreground load failed")
        self.output.seek(0)
        self.requests = [self.Request(line) for line in self.output]
        for request in [request for request in self.requests if request.failed()][:10]:
            print("bench: failed: %s, status %d after %.0f ms: %s" % (request.kind, request.status, request.took_ms,
                                                                     request.problem), file=sys.stderr)

    def latencies(self, windows):
        return [request.took_ms for request in self.requests
                if any(first <= request.sent < last for first, last in windows)]


class Watch:
    """What a mover is doing, by its own metrics, looked at 20 times a second from a thread."""

    def __init__(self):
        with socket.socket() as probe:  # a free port
            probe.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % probe.getsockname()[1]
        self.seen = []  # (activity, when it was first seen, CPU seconds by then), in order
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stopped.wait(0.05):
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
        sys.exit("bench: the mover was not seen %s" % activity)


class MoveFigures:
    """Each figure: (value, what was measured)."""

    def __init__(self, arguments, cluster):
        self.movies, self.quick = arguments.movies, arguments.quick
        self.build, self.cluster = arguments.build, cluster
        self.shardplex = os.path.join(arguments.build, "rebalance", "shardplex")
        left = json.loads(self.command("status", "--json"))["moves"]
        if left:
            sys.exit("bench: an interrupted run has left moves in %s; scripts/bench --stop, and again" % cluster.directory)

    # --- Moving

    def port(self, shard):
        return self.cluster.primaries[self.cluster.shards.index(shard)]

    def command(self, verb, *arguments):
        command = [self.shardplex, "rebalance", verb, "--map", self.cluster.map_file, *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit("bench: shardplex rebalance %s failed: %s" % (verb, done.stderr))
        return done.stdout

    def owned(self, shard):
        slots = self.cluster.sql("SELECT slot FROM shardplex.slots WHERE grp = '%s' AND state = 'owned' ORDER BY slot" % GROUP,
                                 self.port(shard))
        return [int(slot) for slot in slots.split()]

    def move(self, slots, source, target):
        """Moves the slots and rests in the reverse window."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as plan:
            plan.write("version: 1\ncluster: movies\nmoves:\n  - {group: %s, slots: [%s], from: %s, to: %s}\n" % (
                GROUP, ", ".join(map(str, slots)), source, target))
            plan.flush()
            watch = Watch()
            try:
                moves = json.loads(self.command("run", plan.name, "--json", "--metrics", watch.address))
            finally:
                watch.stop()
        return Move(moves[0], watch.seen)

    def there_and_back(self, slots):
        """The move there and the one back, each finished; and as they were, tidy servers."""
        moves = []
        for source, target in (("alpha", "beta"), ("beta", "alpha")):
            moves.append(self.move(slots, source, target))
            self.command("finish")
        return moves

    def tidy(self):
        for port in self.cluster.primaries:
            subprocess.run(self.cluster.psql(port, "VACUUM (ANALYZE) movies", "CHECKPOINT"), check=True)

    def half(self):
        slots = self.owned("alpha")
        return slots[:len(slots) // 2]

    # --- Under load

    @contextlib.contextmanager
    def foreground(self):
        router = Router(self.build, self.cluster)
        load = Foreground(router, self.movies)
        try:
            time.sleep(3)  # warm
            yield load
        finally:
            load.stop()
            router.stop()
            for port in self.cluster.primaries:
                self.cluster.sql("DELETE FROM movies WHERE id > %d" % self.movies, port)
            self.tidy()

    @functools.cached_property
    def big_moves_under_load(self):
        """(load, moves, windows before their copies, cores busy in those)"""
        moves, before, cores = [], [], []
        with self.foreground() as load:
            for _ in range(1 if self.quick else 3):
                slots = self.half()
                for source, target in (("alpha", "beta"), ("beta", "alpha")):
                    self.tidy()
                    begun, cpu = time.monotonic(), busy_seconds()
                    time.sleep(5 if self.quick else 15)
                    ended = time.monotonic()
                    cores.append((busy_seconds() - cpu) / (ended - begun))
                    moves.append(self.move(slots, source, target))
                    before.append((max(begun, ended - moves[-1].stretch("copying").seconds), ended))
                    self.command("finish")
        return load, moves, before, cores

    @functools.cached_property
    def small_moves_under_load(self):
        """(load, moves)"""
        count, size = (4, 8) if self.quick else (50, 8)
        moves = []
        with self.foreground() as load:
            slots = self.owned("alpha")
            for i in range(count // 2):
                moves += self.there_and_back(slots[i * size:(i + 1) * size])
        return load, moves

    def failed_requests(self):
        runs = [self.big_moves_under_load, self.small_moves_under_load]
        requests = [request for run in runs for request in run[0].requests]
        failed = sum(request.failed() for request in requests)
        slowest = max(request.took_ms for request in requests)
        return failed, "of %d requests during %d moves; the slowest took %.0f ms" % (
            len(requests), sum(len(run[1]) for run in runs), slowest)

    def write_pause(self):
        _, moves = self.small_moves_under_load
        pauses = [move.write_pause_ms for move in moves]
        return percentile(pauses, 99), "%d moves of %d rows; p50 %.0f ms" % (
            len(moves), statistics.mean(move.rows for move in moves), percentile(pauses, 50))

    def copy_latency(self):
        load, moves, windows, cores = self.big_moves_under_load
        copies = [move.stretch("copying") for move in moves]
        before = load.latencies(windows)
        during = load.latencies([(copy.first, copy.last) for copy in copies])
        return percentile(during, 99) / percentile(before, 99), (
            "p99 %.1f ms of %d requests, before %.1f ms of %d; p50 %.1f ms, before %.1f ms; %.1f cores busy, before %.1f" % (
                percentile(during, 99), len(during), percentile(before, 99), len(before), percentile(during, 50),
                percentile(before, 50), statistics.mean(copy.cores_busy for copy in copies), statistics.mean(cores)))

    # --- Alone

    @functools.cached_property
    def big_moves_alone(self):
        """[(seconds of a COPY pipe, move of the same rows, seconds of a scan of both copies)]"""
        rounds = []
        for _ in range(1 if self.quick else 3):
            slots = self.half()
            pipe = self.copy_by_pipe(slots)
            move = self.move(slots, "alpha", "beta")
            scan = self.scan(self.every_column(slots))
            self.command("finish")
            rounds.append((pipe, move, scan))
            self.move(slots, "beta", "alpha")
            self.command("finish")
            self.tidy()
        return rounds

    def copy_rate(self):
        def ratio(pipe, move, _):
            return pipe / move.stretch("copying").seconds
        rounds = sorted(self.big_moves_alone, key=lambda of: ratio(*of))
        pipe, move, _ = median = rounds[len(rounds) // 2]
        megabytes = move.bytes / 1e6
        return ratio(*median), "%.1f MB/s, %.1f MB/s by a pipe; %d rows, %.0f MB, median of %d" % (
            megabytes / move.stretch("copying").seconds, megabytes / pipe, move.rows, megabytes, len(rounds))

    def copy_by_pipe(self, slots):
        """Seconds to copy the rows of the slots from alpha into a table on beta that is just like the one they are moved to."""
        alpha, beta = self.port("alpha"), self.port("beta")
        self.cluster.sql("DROP TABLE IF EXISTS bench_copy", beta)
        self.cluster.sql("CREATE TABLE bench_copy (LIKE movies INCLUDING ALL)", beta)
        self.cluster.sql("INSERT INTO bench_copy SELECT * FROM movies", beta)
        rows = int(self.cluster.sql("SELECT count(*) FROM bench_copy", beta))
        self.tidy()
        began = time.monotonic()
        source = subprocess.Popen(self.cluster.psql(
            alpha, "COPY (SELECT * FROM movies WHERE shardplex_slot = ANY ('{%s}')) TO STDOUT (FORMAT binary)" %
            ",".join(map(str, slots))), stdout=subprocess.PIPE)
        target = subprocess.run(self.cluster.psql(beta, "COPY bench_copy FROM STDIN (FORMAT binary)"), stdin=source.stdout)
        took = time.monotonic() - began
        if source.wait() or target.returncode:
            sys.exit("bench: the COPY pipe failed")
        if int(self.cluster.sql("SELECT count(*) FROM bench_copy", beta)) == rows:
            sys.exit("bench: the COPY pipe copied nothing")
        self.cluster.sql("DROP TABLE bench_copy", beta)
        self.tidy()
        return took

    def verify_rate(self):
        """Of shardplex verify and the comparison that a move makes, the one that does worse against a scan of the same rows."""
        self.tidy()
        scan, count = self.scan(self.every_column()), self.scan("SELECT count(*) FROM movies")
        took = []
        for _ in range(3):
            began = time.monotonic()
            command = [self.shardplex, "verify", "--map", self.cluster.map_file]
            verified = subprocess.run(command, capture_output=True, text=True)
            took.append(time.monotonic() - began)
            if verified.returncode:
                sys.exit("bench: shardplex verify found something wrong: " + verified.stderr)
        verify = statistics.median(took)
        in_moves = [(scan_of_both / move.stretch("verifying").seconds, move) for _, move, scan_of_both in self.big_moves_alone]
        in_move, move = sorted(in_moves, key=lambda of: of[0])[len(in_moves) // 2]
        return min(scan / verify, in_move), (
            "shardplex verify %.2f: %.0f rows/s, %.0f rows/s by a scan of all columns, %.0f rows/s by count(*) alone; "
            "comparison in a move %.2f: %.0f rows/s of both copies" % (
                scan / verify, self.movies / verify, self.movies / scan, self.movies / count, in_move,
                2 * move.rows / move.stretch("verifying").seconds))

    def every_column(self, slots=None):
        """A query that takes every row's columns apart, of some slots or of all, and does no more with them than count."""
        columns = self.cluster.sql("SELECT string_agg(format('count(%I)', attname), ', ') FROM pg_attribute WHERE attrelid ="
                                   " 'movies'::regclass AND attnum > 0 AND NOT attisdropped")
        some = "" if slots is None else " WHERE shardplex_slot = ANY ('{%s}')" % ",".join(map(str, slots))
        return "SELECT " + columns + " FROM movies" + some

    def scan(self, query):
        """Seconds until all shards at once have answered, the median of a few; one process each reads the rows one by one."""
        times = []
        for _ in range(3 if self.quick else 5):
            began = time.monotonic()
            scans = [subprocess.Popen(self.cluster.psql(port, "SET max_parallel_workers_per_gather = 0", "SET jit = off", query),
                                      stdout=subprocess.DEVNULL) for port in self.cluster.primaries]
            if any([scan.wait() for scan in scans]):
                sys.exit("bench: a scan failed")
            times.append(time.monotonic() - began)
        return statistics.median(times)


# As those of bench.py.
FIGURES = {
    "failed_requests": ("failed requests during moves, under a mixed load of reads and writes", 0, 0, "requests, less is better"),
    "write_pause": ("write pause at cutover per slot set, p99 over 50 moves", 250, 50, "ms, less is better"),
    "copy_latency": ("p99 latency of foreground requests during copy / before", 3.0, 1.5, "ratio, less is better"),
    "copy_rate": ("moved MB/s without rate limit / a binary COPY pipe between the same servers", 0.6, 0.9, "ratio"),
    "verify_rate": ("verify: rows/s / a sequential scan's rows/s", 0.3, 0.6, "ratio"),
}
