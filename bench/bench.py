#!/usr/bin/env python3
"""Measures the router against a named yardstick, as ratios taken in one run. Called by scripts/bench, which sets things up.

Every figure is a ratio or a size; absolute rates are printed beside it for the curious, but only the figure is judged."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import moves
from servers import Cluster, Router

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = 64


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


def wrk(bench, router, path, script=None):
    command = ["wrk", "-t1", "-c%d" % CLIENTS, "-d%ds" % bench.seconds]
    if script:
        command += ["-s", os.path.join(HERE, "wrk", script)]
    before = router.cpu_seconds()
    environment = dict(os.environ, MOVIES=str(bench.movies))
    output = subprocess.run(command + [router.url(path)], check=True, capture_output=True, text=True, env=environment)
    return Load(output.stdout, router.cpu_seconds() - before)


def pgbench(bench, port, script):
    """Transactions per second of a script by as many clients as wrk has."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        os.chmod(file.name, 0o644)
        command = ["pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(bench.seconds), "-f",
                   file.name, "-h", "127.0.0.1", "-p", str(port), "-U", "shardplex", "movies"]
        environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/lib/postgresql/15/bin")
        output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    failed = re.search(r"number of failed transactions: (\d+)", output)
    if failed and int(failed.group(1)):
        sys.exit("bench: pgbench had failed transactions")
    return float(re.search(r"tps = ([\d.]+)", output).group(1))


def row_query(cluster, rows):
    """The query that the router asks for `rows`, a FROM item's text, without what sharding adds: rows as JSON, all columns but the
    slot's."""
    columns = cluster.sql("SELECT string_agg(format('m.%I', attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid ="
                          " 'movies'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'shardplex_slot'")
    return "SELECT row_to_json(r.*)::text FROM (%s) m CROSS JOIN LATERAL (SELECT %s) r;\n" % (rows, columns)


class RouterFigures:
    """Each figure: (value, what was measured)."""

    def __init__(self, arguments, cluster, single):
        self.movies, self.seconds = arguments.movies, 3 if arguments.quick else 10
        self.build, self.cluster, self.single = arguments.build, cluster, single
        self.router = Router(self.build, cluster)

    def point_reads(self):
        direct = pgbench(self, self.single.primaries[0],
                         "\\set id random(1, %d)\n" % self.movies +
                         row_query(self.single, "SELECT * FROM movies WHERE id = :id"))
        wrk(self, self.router, "/", "point.lua")  # warm
        routed = wrk(self, self.router, "/", "point.lua")
        return routed.rate / direct, "%.0f/s routed, %.0f/s pgbench" % (routed.rate, direct)

    def point_cpu(self):
        empty = wrk(self, self.router, "/movies", "empty.lua")
        point = wrk(self, self.router, "/", "point.lua")
        return point.cpu_us / empty.cpu_us, "%.1f us a point read, %.1f us an empty request" % (point.cpu_us, empty.cpu_us)

    def top_twenty(self):
        genres = "('{Drama,Comedy,Action,Adventure,Horror,Musical,Documentary,Western}'::text[])[:genre]"
        direct = pgbench(self, self.single.primaries[0], "\\set genre random(1, 8)\n" + row_query(
            self.single, "SELECT * FROM movies WHERE primary_genre = %s ORDER BY imdb_score DESC NULLS LAST, id LIMIT 20" % genres))
        wrk(self, self.router, "/", "top_twenty.lua")  # warm
        routed = wrk(self, self.router, "/", "top_twenty.lua")
        return routed.rate / direct, "%.0f/s routed, %.0f/s pgbench" % (routed.rate, direct)

    def inserts(self):
        self.single.sql("CREATE SEQUENCE IF NOT EXISTS bench_ids START 1000000000000")
        statement = ("INSERT INTO movies (id, name, director, primary_genre, genre, imdb_score) VALUES (nextval('bench_ids'),"
                     " 'A New Film', 'Somebody', 'Drama', '{Drama}', 7.1);\n")
        direct = pgbench(self, self.single.primaries[0], statement)
        routed = wrk(self, self.router, "/movies", "insert.lua")
        for cluster in (self.cluster, self.single):
            for port in cluster.primaries:
                cluster.sql("DELETE FROM movies WHERE id > %d" % self.movies, port)
        return routed.rate / direct, "%.0f/s routed, %.0f/s pgbench" % (routed.rate, direct)

    def idle_memory(self):
        router = Router(self.build, self.cluster)
        held = subprocess.Popen([sys.executable, os.path.join(HERE, "idle_connections.py"), "127.0.0.1", str(router.port),
                                 "10000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if held.stdout.readline().strip() != "ready":
            sys.exit("bench: could not open 10,000 connections")
        memory = router.memory_mb("VmRSS")
        held.stdin.close()
        held.wait()
        router.stop()
        return memory, "VmRSS"

    def big_answer(self):
        router = Router(self.build, self.cluster)
        started = time.monotonic()
        answer = subprocess.run(["curl", "-sf", router.url("/movies")], check=True, stdout=subprocess.PIPE)
        took = time.monotonic() - started
        rows = answer.stdout.count(b'\n {"id":') + 1
        if rows != self.movies or not answer.stdout.endswith(b"]"):
            sys.exit("bench: the big answer has %d rows, not %d" % (rows, self.movies))
        memory = router.memory_mb("VmHWM")
        router.stop()
        return memory, "VmHWM; %d MB in %.1f s" % (len(answer.stdout) >> 20, took)


# name, as on the command line and of the method: (text, must, aim, unit); at least must, or at most where less is better.
FIGURES = {
    "point_reads": ("point reads/s / pgbench -M prepared on one PostgreSQL, same statement", 1.0, 1.5, "ratio"),
    "point_cpu": ("router CPU per point read / CPU per empty request", 2.0, 1.4, "ratio, less is better"),
    "top_twenty": ("top 20 of a genre by score / pgbench on one PostgreSQL holding all rows", 0.4, 0.8, "ratio"),
    "inserts": ("single-row inserts/s / pgbench inserts/s", 0.7, 1.0, "ratio"),
    "idle_memory": ("resident memory with 10,000 idle keep-alive connections", 200, 100, "MB, less is better"),
    "big_answer": ("peak resident memory of the router over an answer of all rows", 150, 64, "MB, less is better"),
}


def met(value, bound, unit):
    return value <= bound if "less" in unit else value >= bound


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+", choices=[*FIGURES, *moves.FIGURES])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--movies", type=int, required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--cluster", help="of the router's figures")
    parser.add_argument("--single")
    parser.add_argument("--moves", help="the cluster in which slots are moved")
    arguments = parser.parse_args()
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    results, missed = [], False
    print("%-15s %9s %7s %7s  %s" % ("figure", "value", "must", "aim", "measured"))
    for name, (text, must, aim, unit), (value, measured) in measure(arguments):
        ok = met(value, must, unit)
        missed |= not ok
        mark = ("\033[32m" if ok else "\033[31m", "\033[0m") if colour else ("", "")
        verdict = "aim met" if met(value, aim, unit) else "must met" if ok else "MISSED"
        print("%-15s %s%9.2f%s %7g %7g  %s; %s" % (name, mark[0], value, mark[1], must, aim, measured, verdict), flush=True)
        results.append({"figure": text, "value": round(value, 3), "must": must, "aim": aim, "unit": unit,
                        "command": "scripts/bench " + name})
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=2)
            file.write("\n")
    sys.exit(1 if missed else 0)


def measure(arguments):
    """Each figure that was asked for: its name, its row of the table, and what came out."""
    of_router = [name for name in arguments.names if name in FIGURES]
    if of_router:
        figures = RouterFigures(arguments, Cluster(arguments.cluster), Cluster(arguments.single))
        for name in of_router:
            yield name, FIGURES[name], getattr(figures, name)()
        figures.router.stop()
    of_moves = [name for name in arguments.names if name in moves.FIGURES]
    if of_moves:
        figures = moves.MoveFigures(arguments, Cluster(arguments.moves))
        for name in of_moves:
            yield name, moves.FIGURES[name], getattr(figures, name)()


if __name__ == "__main__":
    main()
