"""Runs of load generators on a router, and on PostgreSQL alone for comparison."""
import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile

from sampling import take_until
from verdict import judge_pairs, judge_runs

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = 64
RUN_SECONDS = 2  # of the yardstick, then of ours: long enough to count, short enough that the machine stays the same for both
RUNS_OF_A_SIZE = 3
IN_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}
# As the lists of wrk/top_twenty.lua and filtered_top.lua.
RANDOM_GENRE = "('{Drama,Comedy,Action,Adventure,Horror,Musical,Documentary,Western}'::text[])[:genre]"


class Load:
    """What one run of wrk came to."""

    def __init__(self, output, cpu):
        self.requests = int(re.search(r"(\d+) requests in", output).group(1))
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
        self.cpu_us = cpu * 1e6 / self.requests if self.requests else float("nan")
        median = re.search(r"^\s*50%\s+([\d.]+)(us|ms|s|m)$", output, re.M)
        self.p50_ms = float(median.group(1)) * IN_MILLISECONDS[median.group(2)]
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
        errors = re.search(r"Socket errors: (.*)", output)
        if bad or errors:
            sys.exit("bench: the router failed under load: " + (bad or errors).group(0))


class Loads:
    """Load on a router, and on the one PostgreSQL that its figures are compared with, if any."""

    def __init__(self, router, movies, single=None):
        self.router, self.movies, self.single = router, movies, single
        self.seeds = itertools.count(7)

    def wrk(self, path, script, clients=CLIENTS):
        command = ["wrk", "-t1", "-c%d" % clients, "-d%ds" % RUN_SECONDS, "--latency", "-s", os.path.join(HERE, "wrk", script)]
        before = self.router.cpu_seconds()
        # Each run asks for other rows, as pgbench does.
        environment = dict(os.environ, MOVIES=str(self.movies), SEED=str(next(self.seeds)))
        output = subprocess.run(command + [self.router.url(path)], check=True, capture_output=True, text=True, env=environment)
        return Load(output.stdout, self.router.cpu_seconds() - before)

    def pgbench(self, script, clients=CLIENTS):
        """Transactions per second of a script by as many clients as wrk has, on the one PostgreSQL."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            os.chmod(file.name, 0o644)
            command = ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(2, clients)), "-T", str(RUN_SECONDS),
                       "-f", file.name, "-h", "127.0.0.1", "-p", str(self.single.primaries[0]), "-U", "shardplex", "movies"]
            environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/lib/postgresql/15/bin")
            output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
        failed = re.search(r"number of failed transactions: (\d+)", output)
        if failed and int(failed.group(1)):
            sys.exit("bench: pgbench had failed transactions")
        return float(re.search(r"tps = ([\d.]+)", output).group(1))

    def against_pgbench(self, bar, budget, show, script, path, wrk_script, clients=CLIENTS):
        """Requests per second over transactions per second, and both in words."""
        judgement = against(bar, budget, show, lambda: self.pgbench(script, clients),
                            lambda: self.wrk(path, wrk_script, clients).rate)
        return judgement, "%.0f/s routed, %.0f/s pgbench" % medians(judgement)


def row_query(cluster, rows, also=""):
    """The query that the router asks for `rows`, a FROM item's text, without what sharding adds: rows as JSON, all columns but the
    slot's, and `also`, a SELECT item about the row `m`."""
    columns = cluster.sql("SELECT string_agg(format('m.%I', attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid ="
                          " 'movies'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'shardplex_slot'")
    if also:
        columns += ", " + also
    return "SELECT row_to_json(r.*)::text FROM (%s) m CROSS JOIN LATERAL (SELECT %s) r;\n" % (rows, columns)


def against(bar, budget, show, yardstick, ours):
    """Judges runs of the yardstick and of ours in turn, after one of each that does not count."""
    yardstick(), ours()
    return take_until(lambda pairs: judge_pairs(pairs, bar), lambda: (yardstick(), ours()), budget, show)


def repeated(bar, budget, show, run):
    """A size hardly varies: a few runs, and fewer where the time is short."""
    least = 2 if budget.quick else RUNS_OF_A_SIZE
    return take_until(lambda values: judge_runs(values, bar), run, budget, show, least, RUNS_OF_A_SIZE)


def medians(judgement):
    """(ours, yardstick), each by itself; the ratio of these is not the figure."""
    return statistics.median(ours for _, ours in judgement.samples), statistics.median(
        yardstick for yardstick, _ in judgement.samples)
