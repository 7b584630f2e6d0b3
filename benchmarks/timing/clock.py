"""Times of several subjects, measured in turn, so that what disturbs one disturbs all."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

Subjects = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Clock:
    """How time is taken.

    Attributes:
        rounds: How often each subject is timed; it must have run once before, to warm up.
        untimed: Calls of each before that: `torch.compile` compiles anew for other threads.
        wall: Wall-clock time instead of processor time.
        threads: Threads of torch.
    """

    rounds: int = 5
    untimed: int = 0
    wall: bool = False
    threads: int = 1

    def now(self) -> float:
        """Return the time in seconds."""
        return time.perf_counter() if self.wall else time.process_time()


@dataclass(frozen=True)
class Timing:
    """Seconds of one subject, and how many times the first subject's they go into.

    Attributes:
        seconds: One value a round.
        ratios: Seconds of the first subject over this one's, a value a round.
    """

    seconds: tuple[float, ...]
    ratios: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median of the seconds."""
        return statistics.median(self.seconds)

    @property
    def ratio(self) -> float:
        """Median of the ratios."""
        return statistics.median(self.ratios)

    def as_dict(self) -> dict[str, object]:
        """Return what is written to JSON."""
        return {
            "median_s": self.median,
            "min_s": min(self.seconds),
            "max_s": max(self.seconds),
            "ratio": self.ratio,
            "ratio_min": min(self.ratios),
            "ratio_max": max(self.ratios),
        }


def measure(subjects: Subjects, clock: Clock) -> dict[str, Timing]:
    """Time subjects in turn; the first one is what the others are compared with.

    Args:
        subjects: Functions without arguments, by name.
        clock: How time is taken.

    Returns:
        One timing a subject.
    """
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    with _threads(clock.threads):
        for run in [*subjects.values()] * clock.untimed:
            run()
        for _ in range(clock.rounds):
            for name, run in subjects.items():
                start = clock.now()
                run()
                seconds[name].append(clock.now() - start)
    first = next(iter(seconds.values()))
    return {
        name: Timing(tuple(own), tuple(a / b for a, b in zip(first, own, strict=True)))
        for name, own in seconds.items()
    }


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
