"""python3 -m unittest discover -s bench -p '*_test.py'"""
import os
import subprocess
import unittest

from bench import KINDS
from loads import Load, row_query
from reads import embedded

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts", "bench")
WRK = """Running 2s test @ http://127.0.0.1:8080/
  1 threads and 1 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   662.45us  150.59us   3.95ms   96.36%%
    Req/Sec     1.51k    56.50     1.63k    70.00%%
  Latency Distribution
     50%%  %s
     75%%  664.00us
     90%%  718.00us
     99%%    1.35ms
  3013 requests in 2.00s, 13.05MB read%s
Requests/sec:   1506.49
Transfer/sec:      6.53MB
"""


class Figures(unittest.TestCase):
    def test_each_is_measured_by_a_method_of_its_name(self):
        for figures, _, kind in KINDS:
            for name in figures:
                self.assertTrue(callable(getattr(kind, name)), name)

    def test_the_script_knows_all_of_them(self):
        usage = subprocess.run([SCRIPT, "none"], capture_output=True, text=True).stderr
        for figures, _, _ in KINDS:
            for name in figures:
                self.assertIn(" %s" % name, usage)


class RunsOfWrk(unittest.TestCase):
    def test_what_it_prints_is_read(self):
        load = Load(WRK % ("635.00us", ""), 0.5)
        self.assertEqual((load.requests, load.rate), (3013, 1506.49))
        self.assertAlmostEqual(load.cpu_us, 165.95, 2)
        self.assertAlmostEqual(load.p50_ms, 0.635)

    def test_times_are_in_milliseconds_whatever_their_unit(self):
        self.assertAlmostEqual(Load(WRK % ("1.35ms", ""), 0).p50_ms, 1.35)
        self.assertAlmostEqual(Load(WRK % ("2.50s", ""), 0).p50_ms, 2500)

    def test_an_answer_that_is_no_success_ends_the_run(self):
        with self.assertRaises(SystemExit):
            Load(WRK % ("1.35ms", "\n  Non-2xx or 3xx responses: 7"), 0)


class Films:
    @staticmethod
    def sql(_):
        return "m.id, m.name"


class Queries(unittest.TestCase):
    def test_rows_are_json_of_the_films_columns(self):
        self.assertEqual(row_query(Films, "SELECT * FROM movies"),
                         "SELECT row_to_json(r.*)::text FROM (SELECT * FROM movies) m CROSS JOIN LATERAL"
                         " (SELECT m.id, m.name) r;\n")

    def test_embedded_rows_are_one_more_member(self):
        query = row_query(Films, "SELECT * FROM movies", embedded("ratings", "score", "user_id"))
        self.assertIn("(SELECT m.id, m.name, coalesce((SELECT json_agg(e.*) FROM (SELECT score FROM ratings WHERE"
                      " movie_id = m.id ORDER BY user_id) e), '[]') AS ratings) r", query)


if __name__ == "__main__":
    unittest.main()
