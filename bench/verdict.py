"""Says of samples whether a figure meets its must, misses it, or cannot be told yet. Values in, values out: no clock, no process.

A ratio is measured in pairs: the yardstick, then ours. Each pair has its own ratio, and the figure is their median. The machine's
speed moves between pairs far more than within one, so single ratios say little; how many of them lie on one side of a bound
says much. If the true median lay on the other side of the bound, each ratio would land on this side with a probability of one half
at most. `evidence` is what a gambler would own who bets on that being wrong, from a stake of 1: by Ville's inequality he ever
comes to 20 with a probability of 1/20 at most, no matter how often one looks and when one stops. So it is right to measure on
until a verdict falls. (Ramdas, Grünwald, Vovk, Shafer: Game-theoretic statistics and safe anytime-valid inference, 2023.)
"""
import math
import statistics
from dataclasses import dataclass

MET, MISSED, UNDECIDED = "met", "missed", "undecided"
ERROR = 0.05  # how likely a must that is not met may be called met, and the reverse


@dataclass(frozen=True)
class Bar:
    """What is asked of a figure: at least so much, or at most where less is better."""

    must: float
    aim: float
    less: bool = False  # less is better


@dataclass(frozen=True)
class Judgement:
    value: float
    low: float  # the spread; what it is, the function that made it says
    high: float
    must: str  # MET, MISSED or UNDECIDED
    aim: str
    samples: tuple = ()  # as measured: (yardstick, ours) of each pair, or values

    def settled(self, quick=False):
        """True when more samples would change no verdict; `quick` does not care for the aim."""
        return self.must != UNDECIDED and (quick or self.aim != UNDECIDED)


def evidence(on_this_side, on_the_other):
    """The wealth of a gambler who bets half of it on nine of ten samples landing on this side, and half on seven of ten.

    It reaches 20 with 6 of 6 samples, 9 of 10, 11 of 13, 14 of 17."""
    bold = on_this_side * math.log(1.8) + on_the_other * math.log(0.2)
    shy = on_this_side * math.log(1.4) + on_the_other * math.log(0.6)
    return (math.exp(min(bold, 700)) + math.exp(min(shy, 700))) / 2  # 700: as much as a float can hold


def interval(samples):
    """Between which two samples the true median lies, or None where there are too few of them, which is five or less.

    Either end is wrong with a probability of ERROR at most, over all looks at a growing list of samples."""
    ordered, outside = sorted(samples), None
    for below in range((len(ordered) + 1) // 2):
        if evidence(len(ordered) - below, below) * ERROR < 1:
            break
        outside = below
    return None if outside is None else (ordered[outside], ordered[-1 - outside])


def side(low, high, bound, less):
    """On which side of the bound everything from low to high lies. The bound itself is on the good one."""
    if less:
        return MET if high <= bound else MISSED if low > bound else UNDECIDED
    return MET if low >= bound else MISSED if high < bound else UNDECIDED


def judge_pairs(pairs, bar):
    """A ratio, of pairs (yardstick, ours). The spread is the interval of the median, or all ratios where they are too
    few to judge."""
    if any(not (yardstick > 0 and ours >= 0 and math.isfinite(ours / yardstick)) for yardstick, ours in pairs):
        raise ValueError("a run came to nothing: %s" % list(pairs))
    ratios = [ours / yardstick for yardstick, ours in pairs]
    found = interval(ratios)
    if found is None:
        return Judgement(statistics.median(ratios), min(ratios), max(ratios), UNDECIDED, UNDECIDED, tuple(pairs))
    return Judgement(statistics.median(ratios), *found, side(*found, bar.must, bar.less), side(*found, bar.aim, bar.less),
                     tuple(pairs))


def judge_runs(values, bar, enough=2):
    """A size that hardly varies: the median of some runs, which have to agree. The spread is from the least to the most."""
    low, high = min(values), max(values)
    told = len(values) >= enough
    return Judgement(statistics.median(values), low, high, side(low, high, bar.must, bar.less) if told else UNDECIDED,
                     side(low, high, bar.aim, bar.less) if told else UNDECIDED, tuple(values))


def judge_count(count, events, bar):
    """A count of what must not happen, over so many events. One run tells it; without an event nothing is told."""
    if not events:
        return Judgement(count, count, count, UNDECIDED, UNDECIDED, (count,))
    return Judgement(count, count, count, side(count, count, bar.must, bar.less), side(count, count, bar.aim, bar.less), (count,))


def percentile(values, percent):
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def judge_percentile(values, percent, count, bar):
    """A high percentile over at least `count` values, less is better. The spread is from their median to their greatest.

    Met once there are `count` values and the percentile is below the bound. Missed only when more values exceed the bound than
    chance explains: one long pause of fifty is as likely the machine's as ours, so it is undecided, and more values decide it."""
    def told(bound):
        beyond = sum(value > bound for value in values)
        if at_least(beyond, max(len(values), count), 1 - percent / 100) <= ERROR:
            return MISSED
        return MET if len(values) >= count and percentile(values, percent) <= bound else UNDECIDED
    return Judgement(percentile(values, percent), percentile(values, 50), max(values), told(bar.must), told(bar.aim), tuple(values))


def at_least(hits, trials, probability):
    """The probability of so many hits or more in independent trials."""
    return 1 - sum(math.comb(trials, k) * probability ** k * (1 - probability) ** (trials - k) for k in range(hits))


def weakest(judgements, bar):
    """Of several judgements that all have to meet the bar, the value that does worst, and what holds for all of them together."""
    worst = (max if bar.less else min)(judgements, key=lambda judgement: judgement.value)

    def together(verdicts):
        return MISSED if MISSED in verdicts else UNDECIDED if UNDECIDED in verdicts else MET
    return Judgement(worst.value, worst.low, worst.high, together([judgement.must for judgement in judgements]),
                     together([judgement.aim for judgement in judgements]), worst.samples)


def exit_code(judgements):
    """Of the whole run: 0 all musts met, 1 one missed, 3 none missed and one undecided."""
    verdicts = {judgement.must for judgement in judgements}
    return 1 if MISSED in verdicts else 3 if UNDECIDED in verdicts else 0
