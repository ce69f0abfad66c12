#!/usr/bin/env python3
"""Measures the router and its moves against named yardsticks. Called by scripts/bench, which sets things up.

Every figure is a ratio or a size; absolute rates are printed beside it for the curious, but only the figure is judged, by
verdict.py."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import moves
import reads
from loads import RANDOM_GENRE, Loads, against, medians, repeated, row_query
from reads import PICK_GENRE, TOP_TWENTY
from sampling import Budget, Progress
from servers import Cluster, Router
from verdict import MET, MISSED, UNDECIDED, Bar, exit_code

HERE = os.path.dirname(os.path.abspath(__file__))


class RouterFigures:
    """Each figure takes (bar, budget, show) and returns (judgement, what was measured)."""

    def __init__(self, arguments, cluster, single):
        self.movies, self.programs = arguments.movies, arguments.programs
        self.cluster, self.single = cluster, single
        for servers in (cluster, single):
            servers.forget_inserted(self.movies)
        self.router = Router(self.programs, cluster)
        self.loads = Loads(self.router, self.movies, single)

    def stop(self):
        self.router.stop()

    def point_reads(self, *how):
        script = "\\set id random(1, %d)\n" % self.movies + row_query(self.single, "SELECT * FROM movies WHERE id = :id")
        return self.loads.against_pgbench(*how, script, "/", "point.lua")

    def point_cpu(self, *how):
        judgement = against(*how, lambda: self.loads.wrk("/movies", "empty.lua").cpu_us,
                            lambda: self.loads.wrk("/", "point.lua").cpu_us)
        return judgement, "%.1f us a point read, %.1f us an empty request" % medians(judgement)

    def top_twenty(self, *how):
        script = PICK_GENRE + row_query(self.single, TOP_TWENTY % RANDOM_GENRE)
        return self.loads.against_pgbench(*how, script, "/", "top_twenty.lua")

    def inserts(self, *how):
        self.single.sql("CREATE SEQUENCE IF NOT EXISTS bench_ids START 1000000000000")
        script = ("INSERT INTO movies (id, name, director, primary_genre, genre, imdb_score) VALUES (nextval('bench_ids'),"
                  " 'A New Film', 'Somebody', 'Drama', '{Drama}', 7.1);\n")
        try:
            return self.loads.against_pgbench(*how, script, "/movies", "insert.lua")
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


# name, as on the command line and of the method: (text, unit, bar).
FIGURES = {
    "point_reads": ("point reads/s / pgbench -M prepared on one PostgreSQL, same statement", "ratio", Bar(1.0, 1.5)),
    "point_cpu": ("router CPU per point read / CPU per empty request", "ratio", Bar(1.7, 1.4, less=True)),
    "top_twenty": ("top 20 of a genre by score / pgbench on one PostgreSQL holding all rows", "ratio", Bar(0.4, 0.8)),
    "inserts": ("single-row inserts/s / pgbench inserts/s", "ratio", Bar(0.7, 1.0)),
    "idle_memory": ("resident memory with 10,000 idle keep-alive connections", "MB", Bar(200, 100, less=True)),
    "big_answer": ("peak resident memory of the router over an answer of all rows", "MB", Bar(150, 64, less=True)),
    "big_csv": ("the same in CSV", "MB", Bar(64, 32, less=True)),
    "big_ndjson": ("the same in NDJSON", "MB", Bar(64, 32, less=True)),
}

# Figures, the options that name the clusters they are of, and what measures them.
KINDS = (
    (FIGURES, ("cluster", "single"), RouterFigures),
    (reads.FIGURES, ("cluster", "single"), reads.ReadFigures),
    (reads.SCATTER_FIGURES, ("few_shards", "many_shards"), reads.ScatterFigures),
    (reads.PLAN_FIGURES, (), reads.PlanFigures),
    (moves.FIGURES, ("moves",), moves.MoveFigures),
)

COLOURS = {MET: "\033[32m", MISSED: "\033[31m", UNDECIDED: "\033[33m"}
LAYOUT = "%-17s %9s  %-17s %5s %5s  %s%-21s%s  %s"


def words(judgement):
    """The verdict as it is printed."""
    if judgement.must != MET:
        return judgement.must.upper()
    return "must met, aim " + judgement.aim


def measure(arguments):
    """Each figure that was asked for: its name, its row of the table, its judgement and what was measured, in words; instead of
    these two None and why it could not be measured."""
    for figures_of, servers, make in KINDS:
        names = [name for name in figures_of if name in arguments.names]
        if not names:
            continue
        figures = make(arguments, *(Cluster(getattr(arguments, option)) for option in servers))
        try:
            for name in names:
                text, unit, bar = figures_of[name]
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
    parser.add_argument("names", nargs="+", choices=[name for figures_of, _, _ in KINDS for name in figures_of])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=int, required=True, help="for each figure")
    parser.add_argument("--json")
    parser.add_argument("--movies", type=int, required=True)
    parser.add_argument("--programs", required=True, help="the folder of shardplexd and shardplex")
    parser.add_argument("--cluster", help="of the router's figures")
    parser.add_argument("--single")
    parser.add_argument("--few-shards", help="the cluster of two small shards")
    parser.add_argument("--many-shards", help="the cluster of sixteen")
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
