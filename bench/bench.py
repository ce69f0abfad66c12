#!/usr/bin/env python3
"""Measures the router and its moves against named yardsticks. Called by scripts/bench, which sets things up.

Every figure is a ratio or a size; absolute rates are printed beside it for the curious, but only the figure is judged, by
verdict.py."""
import argparse
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

import moves
from sampling import Budget, Progress, take_until
from servers import Cluster, Router
from verdict import MET, MISSED, UNDECIDED, Bar, exit_code, judge_pairs, judge_runs

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = 64
RUN_SECONDS = 2  # of the yardstick, then of ours: long enough to count, short enough that the machine stays the same for both
RUNS_OF_A_SIZE = 3


class Load:
    """What one run of wrk came to."""

    def __init__(self, output, cpu):
        self.requests = int(re.search(r"(\d+) requests in", output).group(1))
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
        self.cpu_us = cpu * 1e6 / self.requests if self.requests else float("nan")
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
        errors = re.search(r"Socket errors: (.*)", output)
        if bad or errors:
            sys.exit("bench: the router failed under load: " + (bad or errors).group(0))


def row_query(cluster, rows):
    """The query that the router asks for `rows`, a FROM item's text, without what sharding adds: rows as JSON, all columns but the
    slot's."""
    columns = cluster.sql("SELECT string_agg(format('m.%I', attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid ="
                          " 'movies'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'shardplex_slot'")
    return "SELECT row_to_json(r.*)::text FROM (%s) m CROSS JOIN LATERAL (SELECT %s) r;\n" % (rows, columns)


class RouterFigures:
    """Each figure takes (bar, budget, show) and returns (judgement, what was measured)."""

    def __init__(self, arguments, cluster, single):
        self.movies, self.programs = arguments.movies, arguments.programs
        self.cluster, self.single = cluster, single
        self.seeds = itertools.count(7)
        for servers in (cluster, single):
            servers.forget_inserted(self.movies)
        self.router = Router(self.programs, cluster)

    def stop(self):
        self.router.stop()

    # --- One run

    def wrk(self, path, script):
        command = ["wrk", "-t1", "-c%d" % CLIENTS, "-d%ds" % RUN_SECONDS, "-s", os.path.join(HERE, "wrk", script)]
        before = self.router.cpu_seconds()
        # Each run asks for other rows, as pgbench does.
        environment = dict(os.environ, MOVIES=str(self.movies), SEED=str(next(self.seeds)))
        output = subprocess.run(command + [self.router.url(path)], check=True, capture_output=True, text=True, env=environment)
        return Load(output.stdout, self.router.cpu_seconds() - before)

    def pgbench(self, script):
        """Transactions per second of a script by as many clients as wrk has, on the one PostgreSQL."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            os.chmod(file.name, 0o644)
            command = ["pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(RUN_SECONDS), "-f", file.name,
                       "-h", "127.0.0.1", "-p", str(self.single.primaries[0]), "-U", "shardplex", "movies"]
            environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/lib/postgresql/15/bin")
            output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
        failed = re.search(r"number of failed transactions: (\d+)", output)
        if failed and int(failed.group(1)):
            sys.exit("bench: pgbench had failed transactions")
        return float(re.search(r"tps = ([\d.]+)", output).group(1))

    # --- Pairs of runs

    @staticmethod
    def against(bar, budget, show, yardstick, ours):
        """Judges runs of the yardstick and of ours in turn, after one of each that does not count."""
        yardstick(), ours()
        return take_until(lambda pairs: judge_pairs(pairs, bar), lambda: (yardstick(), ours()), budget, show)

    def against_pgbench(self, bar, budget, show, script, path, wrk_script):
        judgement = self.against(bar, budget, show, lambda: self.pgbench(script), lambda: self.wrk(path, wrk_script).rate)
        return judgement, "%.0f/s routed, %.0f/s pgbench" % medians(judgement)

    def point_reads(self, *how):
        script = "\\set id random(1, %d)\n" % self.movies + row_query(self.single, "SELECT * FROM movies WHERE id = :id")
        return self.against_pgbench(*how, script, "/", "point.lua")

    def point_cpu(self, *how):
        judgement = self.against(*how, lambda: self.wrk("/movies", "empty.lua").cpu_us, lambda: self.wrk("/", "point.lua").cpu_us)
        return judgement, "%.1f us a point read, %.1f us an empty request" % medians(judgement)

    def top_twenty(self, *how):
        genres = "('{Drama,Comedy,Action,Adventure,Horror,Musical,Documentary,Western}'::text[])[:genre]"
        script = "\\set genre random(1, 8)\n" + row_query(
            self.single, "SELECT * FROM movies WHERE primary_genre = %s ORDER BY imdb_score DESC NULLS LAST, id LIMIT 20" % genres)
        return self.against_pgbench(*how, script, "/", "top_twenty.lua")

    def inserts(self, *how):
        self.single.sql("CREATE SEQUENCE IF NOT EXISTS bench_ids START 1000000000000")
        script = ("INSERT INTO movies (id, name, director, primary_genre, genre, imdb_score) VALUES (nextval('bench_ids'),"
                  " 'A New Film', 'Somebody', 'Drama', '{Drama}', 7.1);\n")
        try:
            return self.against_pgbench(*how, script, "/movies", "insert.lua")
        finally:
            for servers in (self.cluster, self.single):
                servers.forget_inserted(self.movies)

    # --- Sizes

    def idle_memory(self, bar, budget, show):
        def run():
            router = Router(self.programs, self.cluster)
            held = subprocess.Popen([sys.executable, os.path.join(HERE, "idle_connections.py"), "127.0.0.1", str(router.port),
                                     "10000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            if held.stdout.readline().strip() != "ready":
                sys.exit("bench: could not open 10,000 connections")
            memory = router.memory_mb("VmRSS")
            held.stdin.close()
            held.wait()
            router.stop()
            return memory
        return repeated(bar, budget, show, run), "VmRSS"

    def big_answer(self, *how):
        return self.whole_table(*how, "application/json", lambda answer: answer.count(b'\n {"id":') + answer.endswith(b"]"))

    def big_csv(self, *how):
        return self.whole_table(*how, "text/csv", lambda answer: answer.count(b"\n"))  # the names, then each row behind one

    def big_ndjson(self, *how):
        return self.whole_table(*how, "application/x-ndjson", lambda answer: answer.count(b"}\n"))

    def whole_table(self, bar, budget, show, media_type, rows_in):
        took, size = [], 0

        def run():
            nonlocal size
            router = Router(self.programs, self.cluster)
            started = time.monotonic()
            answer = subprocess.run(["curl", "-sf", "-H", "Accept: " + media_type, router.url("/movies")], check=True, stdout=subprocess.PIPE)
            took.append(time.monotonic() - started)
            size = len(answer.stdout)
            rows = rows_in(answer.stdout)
            if rows != self.movies:
                sys.exit("bench: the big answer has %d rows, not %d" % (rows, self.movies))
            memory = router.memory_mb("VmHWM")
            router.stop()
            return memory
        judgement = repeated(bar, budget, show, run)
        return judgement, "VmHWM; %d MB in %.1f s" % (size >> 20, statistics.median(took))


def repeated(bar, budget, show, run):
    """A size hardly varies: a few runs, and fewer where the time is short."""
    least = 2 if budget.quick else RUNS_OF_A_SIZE
    return take_until(lambda values: judge_runs(values, bar), run, budget, show, least, RUNS_OF_A_SIZE)


def medians(judgement):
    """(ours, yardstick), each by itself; the ratio of these is not the figure."""
    return statistics.median(ours for _, ours in judgement.samples), statistics.median(
        yardstick for yardstick, _ in judgement.samples)


# name, as on the command line and of the method: (text, unit, bar).
FIGURES = {
    "point_reads": ("point reads/s / pgbench -M prepared on one PostgreSQL, same statement", "ratio", Bar(1.0, 1.5)),
    "point_cpu": ("router CPU per point read / CPU per empty request", "ratio", Bar(2.0, 1.4, less=True)),
    "top_twenty": ("top 20 of a genre by score / pgbench on one PostgreSQL holding all rows", "ratio", Bar(0.4, 0.8)),
    "inserts": ("single-row inserts/s / pgbench inserts/s", "ratio", Bar(0.7, 1.0)),
    "idle_memory": ("resident memory with 10,000 idle keep-alive connections", "MB", Bar(200, 100, less=True)),
    "big_answer": ("peak resident memory of the router over an answer of all rows", "MB", Bar(150, 64, less=True)),
    "big_csv": ("the same in CSV", "MB", Bar(64, 32, less=True)),
    "big_ndjson": ("the same in NDJSON", "MB", Bar(64, 32, less=True)),
}

COLOURS = {MET: "\033[32m", MISSED: "\033[31m", UNDECIDED: "\033[33m"}
LAYOUT = "%-15s %9s  %-17s %5s %5s  %s%-21s%s  %s"


def words(judgement):
    """The verdict as it is printed."""
    if judgement.must != MET:
        return judgement.must.upper()
    return "must met, aim " + judgement.aim


def measure(arguments):
    """Each figure that was asked for: its name, its row of the table, its judgement and what was measured, in words; instead of
    these two None and why it could not be measured."""
    for module_figures, of in ((FIGURES, lambda: RouterFigures(arguments, Cluster(arguments.cluster), Cluster(arguments.single))),
                               (moves.FIGURES, lambda: moves.MoveFigures(arguments, Cluster(arguments.moves)))):
        names = [name for name in module_figures if name in arguments.names]
        if not names:
            continue
        figures = of()
        try:
            for name in names:
                text, unit, bar = module_figures[name]
                show = Progress(name, arguments.seconds)
                try:
                    judgement, measured = getattr(figures, name)(bar, Budget(arguments.seconds, arguments.quick), show)
                except ValueError as error:
                    judgement, measured = None, str(error)
                finally:
                    show.end()
                yield name, (text, unit, bar), judgement, measured
        finally:
            figures.stop()


def rounded(sample):
    """Seven digits, of a value or of a pair."""
    return [rounded(value) for value in sample] if isinstance(sample, tuple) else float("%.7g" % sample)


def as_json(name, text, unit, bar, judgement, seconds):
    return {"name": name, "figure": text, "value": round(judgement.value, 3), "low": round(judgement.low, 3),
            "high": round(judgement.high, 3), "must": bar.must, "aim": bar.aim,
            "unit": unit + (", less is better" if bar.less else ""), "verdict": judgement.must, "aim_verdict": judgement.aim,
            "samples": [rounded(sample) for sample in judgement.samples], "seconds": round(seconds, 1), "command": "scripts/bench " + name}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+", choices=[*FIGURES, *moves.FIGURES])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=int, required=True, help="for each figure")
    parser.add_argument("--json")
    parser.add_argument("--movies", type=int, required=True)
    parser.add_argument("--programs", required=True, help="the folder of shardplexd and shardplex")
    parser.add_argument("--cluster", help="of the router's figures")
    parser.add_argument("--single")
    parser.add_argument("--moves", help="the cluster in which slots are moved")
    arguments = parser.parse_args()
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    results, judgements, open_, broken = [], [], [], False
    print(LAYOUT % ("figure", "median", "spread", "must", "aim", "", "verdict", "", "measured"), flush=True)
    begun = time.monotonic()
    for name, (text, unit, bar), judgement, measured in measure(arguments):
        ended = time.monotonic()
        if judgement is None:
            print("bench: %s could not be measured: %s" % (name, measured), file=sys.stderr, flush=True)
            broken, begun = True, ended
            continue
        mark = (COLOURS[judgement.must], "\033[0m") if colour else ("", "")
        spread = "%.2f to %.2f" % (judgement.low, judgement.high)
        print(LAYOUT % (name, "%.2f" % judgement.value, spread, "%g" % bar.must, "%g" % bar.aim, mark[0], words(judgement),
                        mark[1], "%s; %d sample%s, %.0f s" % (
                            measured, len(judgement.samples), "s"[len(judgement.samples) == 1:], ended - begun)), flush=True)
        results.append(as_json(name, text, unit, bar, judgement, ended - begun))
        judgements.append(judgement)
        if judgement.must == UNDECIDED:
            open_.append(name)
        if arguments.json:
            with open(arguments.json, "w", encoding="utf-8") as file:
                json.dump(results, file, indent=2)
                file.write("\n")
        begun = time.monotonic()
    if open_:
        print("bench: the spread does not allow a verdict on %s; more time may: scripts/bench %s --seconds %d" % (
            ", ".join(open_), " ".join(open_), min(3600, 4 * arguments.seconds)), file=sys.stderr)
    sys.exit(1 if broken else exit_code(judgements))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
