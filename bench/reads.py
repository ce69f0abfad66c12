"""The figures of reads that do more than find a row: groups, embeds, filters that always differ, many shards, and planning."""
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import time

from loads import RANDOM_GENRE, Loads, against, medians, repeated, row_query
from servers import Router
from verdict import Bar

TIMES = 8  # that a shard or the router groups all rows in one run
TOP_TWENTY = "SELECT * FROM movies WHERE primary_genre = %s ORDER BY imdb_score DESC NULLS LAST, id LIMIT 20"
FILTERED_TOP = ("SELECT * FROM movies WHERE primary_genre = %s AND imdb_votes >= :votes"
                " ORDER BY imdb_score DESC NULLS LAST, id LIMIT 20")
PICK_GENRE = "\\set genre random(1, 8)\n"


def embedded(table, columns, order):
    """The rows of `table` about the film `m`, as the router embeds them."""
    return ("coalesce((SELECT json_agg(e.*) FROM (SELECT %s FROM %s WHERE movie_id = m.id ORDER BY %s) e), '[]') AS %s"
            % (columns, table, order, table))


class ReadFigures:
    """Over all films. Each figure takes (bar, budget, show) and returns (judgement, what was measured)."""

    def __init__(self, arguments, cluster, single):
        self.movies, self.cluster, self.single = arguments.movies, cluster, single
        for servers in (cluster, single):
            servers.forget_inserted(self.movies)
        self.router = Router(arguments.programs, cluster)
        self.loads = Loads(self.router, self.movies, single)

    def stop(self):
        self.router.stop()

    def filtered_top_16(self, *how):
        return self.filtered_top(*how, 16)

    def filtered_top_64(self, *how):
        return self.filtered_top(*how, 64)

    def filtered_top(self, bar, budget, show, clients):
        script = PICK_GENRE + "\\set votes random(1, 10000)\n" + row_query(self.single, FILTERED_TOP % RANDOM_GENRE)
        return self.loads.against_pgbench(bar, budget, show, script, "/", "filtered_top.lua", clients)

    def rated_point_reads(self, *how):
        script = "\\set id random(1, %d)\n" % self.movies + row_query(
            self.single, "SELECT * FROM movies WHERE id = :id",
            embedded("ratings", "movie_id, user_id, score, rated_at", "movie_id, user_id"))
        return self.loads.against_pgbench(*how, script, "/", "rated_point.lua")

    def looked_up_ratings(self, *how):
        """One client: what counts is how long a request takes."""
        script = PICK_GENRE + row_query(self.single, TOP_TWENTY % RANDOM_GENRE,
                                        embedded("ratings_by_user", "user_id, movie_id, score, rated_at", "user_id, movie_id"))
        judgement = against(*how, lambda: 1000 / self.loads.pgbench(script, 1),
                            lambda: 1000 / self.loads.wrk("/", "looked_up.lua", 1).rate)
        return judgement, "%.2f ms routed, %.2f ms pgbench" % medians(judgement)

    # --- Groups

    def genre_averages(self, *how):
        part = "SELECT primary_genre, count(*), sum(imdb_score), count(imdb_score) FROM movies GROUP BY primary_genre"
        judgement = against(*how, lambda: self.slowest_shard(part), self.grouped_by_router)
        return judgement, "%.1f ms routed, %.1f ms the slowest shard" % medians(judgement)

    def slowest_shard(self, part):
        """Milliseconds that it takes the slowest shard to answer, while all of them are at work, as they are for the router."""
        statements = ["\\timing on"] + [part] * (TIMES + 1)
        running = [subprocess.Popen(self.cluster.psql(port, *statements), stdout=subprocess.PIPE, text=True,
                                    env=dict(os.environ, LC_ALL="C")) for port in self.cluster.primaries]
        outputs = [psql.communicate()[0] for psql in running]
        if any(psql.returncode for psql in running):
            sys.exit("bench: a shard failed to group its rows")
        # The first one has a connection that knows no table yet.
        return max(statistics.median(float(took) for took in re.findall(r"^Time: ([\d.]+) ms", output, re.M)[1:])
                   for output in outputs)

    def grouped_by_router(self):
        """Milliseconds of a request, from its first byte to the last one of the answer, one after the other."""
        connection = http.client.HTTPConnection("127.0.0.1", self.router.port, timeout=120)
        took = []
        for _ in range(TIMES):
            began = time.perf_counter()
            connection.request("GET", "/movies?select=primary_genre,count(),imdb_score.avg()")
            answer = connection.getresponse()
            body = answer.read()
            took.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                sys.exit("bench: the router did not group: status %d: %s" % (answer.status, body[:500]))
        connection.close()
        counted = sum(group["count"] for group in json.loads(body))
        if counted != self.movies:
            sys.exit("bench: the groups have %d films, not %d" % (counted, self.movies))
        return statistics.median(took)


class ScatterFigures:
    """Over few films on many shards, against the same films on two."""

    def __init__(self, arguments, few, many):
        self.routers = [Router(arguments.programs, cluster) for cluster in (few, many)]
        self.few, self.many = (Loads(router, 0) for router in self.routers)

    def stop(self):
        for router in self.routers:
            router.stop()

    def wide_scatter(self, *how):
        """One client: with more of them it would be the rate of all servers together that counts, on the same cores."""
        def p50_ms(loads):
            return loads.wrk("/", "top_twenty.lua", 1).p50_ms
        judgement = against(*how, lambda: p50_ms(self.few), lambda: p50_ms(self.many))
        return judgement, "p50 %.2f ms over 16 shards, %.2f ms over 2" % medians(judgement)


class PlanFigures:
    """Without a server."""

    def __init__(self, arguments):
        self.program = os.path.join(arguments.programs, "plan_cost")

    def stop(self):
        pass

    def plan_cpu(self, *how):
        def run():
            return float(subprocess.run([self.program], check=True, capture_output=True, text=True).stdout)
        return repeated(*how, run), "CPU of one thread"


# As those of bench.py.
FIGURES = {
    "filtered_top_16": ("top 20 of a genre with a filter that always differs, 16 clients / pgbench on one PostgreSQL", "ratio",
                        Bar(0.55, 0.8)),
    "filtered_top_64": ("the same, 64 clients", "ratio", Bar(0.7, 0.9)),
    "genre_averages": ("count and average per genre over all rows: time / slowest shard's own time for its part", "ratio",
                       Bar(1.15, 1.05, less=True)),
    "rated_point_reads": ("point reads with co-located ratings/s / pgbench on one PostgreSQL, same statement", "ratio",
                          Bar(0.8, 1.2)),
    "looked_up_ratings": ("20 films with their ratings on other shards: time / the same join on one PostgreSQL", "ratio",
                          Bar(3.0, 2.0, less=True)),
}
SCATTER_FIGURES = {
    "wide_scatter": ("scatter of 20 rows over 16 shards / over 2, p50", "ratio", Bar(2.0, 1.3, less=True)),
}
PLAN_FIGURES = {
    "plan_cpu": ("parse, plan and route of a list request, CPU", "us", Bar(15, 6, less=True)),
}
