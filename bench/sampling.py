"""Takes samples until a verdict falls or the time is up."""
import os
import shutil
import sys
import time

from verdict import UNDECIDED


class Budget:
    """The time of one figure, warm-up included, counted from when this is made."""

    def __init__(self, seconds, quick=False, clock=time.monotonic):
        self.seconds, self.quick, self.clock = seconds, quick, clock
        self.begun = clock()

    def used(self):
        return self.clock() - self.begun

    def fits(self, seconds):
        return self.used() + seconds <= self.seconds


def take_until(judge, sample, budget, show, least=1, most=None):
    """Judges a growing list of samples until there are `least` of them and their verdicts are settled, there are `most`, or
    another would not fit in the time, by the longest one so far. At least one is taken. `show(judgement, budget)` is called
    after each."""
    samples, longest = [], 0.0
    while True:
        begun = budget.clock()
        samples.append(sample())
        longest = max(longest, budget.clock() - begun)
        judgement = judge(samples)
        show(judgement, budget)
        enough = len(samples) >= least and judgement.settled(budget.quick)
        if enough or len(samples) == most or not budget.fits(longest):
            return judgement


class Progress:
    """One line on a terminal, redrawn after each sample and gone with the figure. In a pipe, a line when a figure begins."""

    def __init__(self, name, seconds, stream=sys.stderr):
        self.name, self.seconds, self.stream = name, seconds, stream
        self.redraws = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.say("warming up") if self.redraws else print("bench: measuring %s, %g s at most" % (name, seconds), file=stream,
                                                          flush=True)

    def say(self, what):
        if self.redraws:
            line = "%s: %s" % (self.name, what)
            self.stream.write("\r\033[K" + line[:shutil.get_terminal_size().columns - 1])
            self.stream.flush()

    def __call__(self, judgement, budget):
        open_ = "must undecided" if judgement.must == UNDECIDED else "must %s, aim %s" % (judgement.must, judgement.aim)
        self.say("%d samples, %.2f (%.2f to %.2f), %s, %.0f of %g s" % (
            len(judgement.samples), judgement.value, judgement.low, judgement.high, open_, budget.used(), budget.seconds))

    def end(self):
        if self.redraws:
            self.stream.write("\r\033[K")
            self.stream.flush()
