"""python3 -m unittest discover -s bench -p '*_test.py'"""
import unittest

from sampling import Budget, take_until
from verdict import (MET, MISSED, UNDECIDED, Bar, at_least, evidence, exit_code, interval, judge_count, judge_pairs,
                     judge_percentile, judge_runs, percentile, weakest)

INSERTS = Bar(must=0.7, aim=1.0)
CPU = Bar(must=2.0, aim=1.4, less=True)


def pairs(*ratios):
    """Pairs of these ratios, at speeds of the machine that differ from pair to pair."""
    return [(1000.0 * (1 + i % 3), ratio * 1000.0 * (1 + i % 3)) for i, ratio in enumerate(ratios)]


def chance_of_a_wrong_verdict(looks):
    """The exact probability that fair coins are ever, at one of so many looks, taken for loaded ones."""
    alive, wrong = {0: 1.0}, 0.0  # samples on this side -> probability
    for look in range(1, looks + 1):
        thrown = {}
        for count, probability in alive.items():
            for more in (0, 1):
                thrown[count + more] = thrown.get(count + more, 0.0) + probability / 2
        decided = {count for count in thrown if evidence(count, look - count) >= 20}
        wrong += sum(thrown.pop(count) for count in decided)
        alive = thrown
    return wrong


class Ratios(unittest.TestCase):
    def test_four_scattered_runs_decide_nothing(self):
        judgement = judge_pairs(pairs(0.60, 0.87, 1.15, 1.36), INSERTS)
        self.assertEqual((judgement.must, judgement.aim), (UNDECIDED, UNDECIDED))
        self.assertAlmostEqual(judgement.value, 1.01)
        self.assertAlmostEqual(judgement.low, 0.60)
        self.assertAlmostEqual(judgement.high, 1.36)

    def test_five_pairs_decide_nothing_and_six_that_agree_do(self):
        self.assertEqual(judge_pairs(pairs(*[5.0] * 5), INSERTS).must, UNDECIDED)
        self.assertEqual(judge_pairs(pairs(*[5.0] * 6), INSERTS).must, MET)
        self.assertEqual(judge_pairs(pairs(*[0.1] * 5), INSERTS).must, UNDECIDED)
        self.assertEqual(judge_pairs(pairs(*[0.1] * 6), INSERTS).must, MISSED)

    def test_one_outlier_takes_ten_pairs(self):
        self.assertEqual(judge_pairs(pairs(*[0.9] * 8, 0.1), INSERTS).must, UNDECIDED)
        judgement = judge_pairs(pairs(*[0.9] * 9, 0.1), INSERTS)
        self.assertEqual((judgement.must, judgement.aim), (MET, MISSED))
        self.assertAlmostEqual(judgement.value, 0.9)

    def test_ratios_on_both_sides_of_the_must_stay_undecided(self):
        self.assertEqual(judge_pairs(pairs(*[0.5, 0.9] * 30), INSERTS).must, UNDECIDED)

    def test_the_median_alone_never_passes(self):
        judgement = judge_pairs(pairs(*[0.5] * 4, *[0.9] * 6), INSERTS)
        self.assertGreater(judgement.value, INSERTS.must)
        self.assertEqual(judgement.must, UNDECIDED)

    def test_where_less_is_better_the_sides_change(self):
        self.assertEqual(judge_pairs(pairs(*[1.7] * 6), CPU).must, MET)
        self.assertEqual(judge_pairs(pairs(*[1.7] * 6), CPU).aim, MISSED)
        self.assertEqual(judge_pairs(pairs(*[2.5] * 6), CPU).must, MISSED)
        self.assertEqual(judge_pairs(pairs(1.7, 1.7, 1.7, 2.5, 2.5, 2.5), CPU).must, UNDECIDED)

    def test_the_bound_itself_meets_it(self):
        self.assertEqual(judge_pairs([(1.0, 2.0)] * 6, CPU).must, MET)
        self.assertEqual(judge_pairs([(1.0, 2.0)] * 6, Bar(2.0, 3.0)).must, MET)

    def test_a_slow_spell_of_the_machine_changes_no_ratio(self):
        self.assertEqual(judge_pairs([(10.0 / i, 9.0 / i) for i in range(1, 8)], INSERTS).must, MET)

    def test_a_run_that_came_to_nothing_is_an_error(self):
        for broken in ((0.0, 5.0), (float("nan"), 5.0), (5.0, float("nan")), (5.0, float("inf"))):
            with self.assertRaises(ValueError):
                judge_pairs([broken], INSERTS)

    def test_ours_may_come_to_nothing(self):
        self.assertEqual(judge_pairs([(5.0, 0.0)] * 6, INSERTS).must, MISSED)

    def test_looking_after_each_pair_errs_no_more_often_than_promised(self):
        self.assertLess(chance_of_a_wrong_verdict(400), 0.05)
        self.assertGreater(chance_of_a_wrong_verdict(400), 0.03)  # and gives little away

    def test_verdicts_and_interval_say_the_same(self):
        samples = [0.8 + 0.01 * i for i in range(25)]
        low, high = interval(samples)
        self.assertTrue(samples[0] < low < samples[12] < high < samples[-1])
        self.assertEqual(judge_pairs([(1.0, s) for s in samples], Bar(low, high + 0.001)).must, MET)
        self.assertEqual(judge_pairs([(1.0, s) for s in samples], Bar(low, high + 0.001)).aim, MISSED)
        self.assertEqual(judge_pairs([(1.0, s) for s in samples], Bar(low + 0.001, high)).must, UNDECIDED)

    def test_any_number_of_samples_can_be_judged(self):
        self.assertEqual(judge_pairs([(1.0, 0.9)] * 20000, INSERTS).must, MET)
        self.assertEqual(judge_pairs([(1.0, 0.6), (1.0, 0.8)] * 10000, INSERTS).must, UNDECIDED)

    def test_the_interval_narrows_as_samples_agree(self):
        self.assertIsNone(interval([1, 2, 3, 4, 5]))
        self.assertEqual(interval([6, 1, 5, 2, 4, 3]), (1, 6))
        self.assertEqual(interval(list(range(10))), (1, 8))
        self.assertEqual(interval(list(range(13))), (2, 10))


class OtherFigures(unittest.TestCase):
    def test_a_size_needs_two_runs_that_agree(self):
        bar = Bar(200, 100, less=True)
        self.assertEqual(judge_runs([75.0], bar).must, UNDECIDED)
        self.assertEqual(judge_runs([75.0, 76.0], bar).must, MET)
        self.assertEqual(judge_runs([75.0, 76.0, 201.0], bar).must, UNDECIDED)
        self.assertEqual(judge_runs([210.0, 205.0, 201.0], bar).must, MISSED)
        self.assertEqual(judge_runs([75.0, 101.0, 80.0], bar).aim, UNDECIDED)
        self.assertEqual(judge_runs([75.0, 101.0, 80.0], bar).value, 80.0)

    def test_one_failure_misses_and_no_request_tells_nothing(self):
        bar = Bar(0, 0, less=True)
        self.assertEqual(judge_count(0, 1000, bar).must, MET)
        self.assertEqual(judge_count(1, 1000, bar).must, MISSED)
        self.assertEqual(judge_count(0, 0, bar).must, UNDECIDED)

    def test_a_percentile_needs_all_of_its_values(self):
        bar = Bar(250, 50, less=True)
        self.assertEqual(judge_percentile([30.0] * 49, 99, 50, bar).must, UNDECIDED)
        self.assertEqual(judge_percentile([30.0] * 50, 99, 50, bar).must, MET)

    def test_a_single_long_pause_is_undecided_until_a_hundred_were_seen(self):
        bar = Bar(250, 50, less=True)
        self.assertEqual(judge_percentile([30.0] * 49 + [300.0], 99, 50, bar).must, UNDECIDED)
        self.assertEqual(judge_percentile([30.0] * 99 + [300.0], 99, 50, bar).must, MET)

    def test_three_long_pauses_of_fifty_miss_as_soon_as_they_are_seen(self):
        bar = Bar(250, 50, less=True)
        self.assertEqual(judge_percentile([300.0] * 2, 99, 50, bar).must, UNDECIDED)
        self.assertEqual(judge_percentile([300.0] * 3, 99, 50, bar).must, MISSED)
        self.assertEqual(judge_percentile([60.0] * 50, 99, 50, bar).aim, MISSED)

    def test_percentiles(self):
        self.assertEqual(percentile([3, 1, 2], 50), 2)
        self.assertEqual(percentile(range(1, 101), 99), 99)
        self.assertEqual(percentile([7], 99), 7)
        self.assertAlmostEqual(at_least(1, 50, 0.01), 0.395, 3)
        self.assertEqual(at_least(0, 50, 0.01), 1)

    def test_all_parts_of_a_figure_have_to_meet_its_must(self):
        good, bad, open_ = (judge_pairs(pairs(*ratios), INSERTS) for ratios in ([0.9] * 6, [0.5] * 6, [0.8] * 5))
        self.assertEqual(weakest([good, good], INSERTS).must, MET)
        self.assertEqual(weakest([good, open_], INSERTS).must, UNDECIDED)
        self.assertEqual(weakest([bad, open_], INSERTS).must, MISSED)
        self.assertAlmostEqual(weakest([good, open_], INSERTS).value, 0.8)

    def test_a_run_passes_only_where_all_musts_are_met(self):
        good, bad, open_ = (judge_pairs(pairs(*ratios), INSERTS) for ratios in ([0.9] * 6, [0.5] * 6, [0.9] * 5))
        self.assertEqual(exit_code([good, good]), 0)
        self.assertEqual(exit_code([good, open_]), 3)
        self.assertEqual(exit_code([good, open_, bad]), 1)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Sampling(unittest.TestCase):
    def run_with(self, ratios, seconds=50, quick=False, each=4.5):
        clock, ratios = Clock(), iter(ratios)

        def sample():
            clock.now += each
            return 1.0, next(ratios)
        judgement = take_until(lambda samples: judge_pairs(samples, INSERTS), sample, Budget(seconds, quick, clock), lambda *_: None)
        return judgement, clock.now

    def test_it_stops_when_must_and_aim_are_decided(self):
        judgement, took = self.run_with([1.2] * 100)
        self.assertEqual((judgement.must, judgement.aim, took), (MET, MET, 27.0))

    def test_it_measures_longer_where_the_must_is_undecided(self):
        judgement, took = self.run_with([0.9, 0.1] + [0.9] * 100, quick=True)
        self.assertEqual((judgement.must, took), (MET, 45.0))

    def test_quick_leaves_the_aim_open(self):
        judgement, took = self.run_with([0.9, 1.1] * 100, quick=True)
        self.assertEqual((judgement.must, judgement.aim, took), (MET, UNDECIDED, 27.0))

    def test_at_the_bound_it_is_undecided(self):
        judgement, took = self.run_with([0.6, 0.8] * 100)
        self.assertEqual(judgement.must, UNDECIDED)
        self.assertLessEqual(took, 50)
        self.assertEqual(len(judgement.samples), 11)

    def test_a_sample_that_would_not_end_in_time_is_not_begun(self):
        _, took = self.run_with([0.6, 0.8] * 100, seconds=50, each=20)
        self.assertEqual(took, 40)

    def test_a_size_is_measured_a_set_number_of_times(self):
        clock = Clock()

        def size():
            clock.now += 5
            return 75.0
        bar = Bar(200, 100, less=True)
        judgement = take_until(lambda values: judge_runs(values, bar), size, Budget(50, clock=clock), lambda *_: None, 3, 3)
        self.assertEqual((judgement.must, len(judgement.samples)), (MET, 3))
        judgement = take_until(lambda values: judge_runs(values, bar), size, Budget(9, clock=clock), lambda *_: None, 3, 3)
        self.assertEqual((judgement.must, len(judgement.samples)), (UNDECIDED, 1))

    def test_one_sample_is_always_taken(self):
        judgement, _ = self.run_with([0.6], seconds=1, each=20)
        self.assertEqual(judgement.must, UNDECIDED)


if __name__ == "__main__":
    unittest.main()
