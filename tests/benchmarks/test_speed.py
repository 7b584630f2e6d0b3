"""The benchmark of speed: both sides do the same work, and the table says what was measured."""

import time
from dataclasses import replace

import pytest
import torch
from timing import work
from timing.clock import Clock, Timing, measure
from timing.table import Row, markdown

SMALL = [
    replace(work.SIZES[0], grid=(6, 6), channels=5, width=16, layers=2, window=(3, 3)),
    replace(work.SIZES[1], grid=(4, 4), channels=7, width=24, layers=2, window=(3, 3)),
]


@pytest.mark.parametrize("half", [False, True])
def test_both_sides_train_alike(monkeypatch: pytest.MonkeyPatch, half: bool) -> None:
    monkeypatch.setattr(work, "SIZES", SMALL)
    baseline, ours = work.BaselineStep(half=half), work.OurStep(half=half)
    for _ in range(3):
        assert ours() == pytest.approx(baseline(), rel=2e-2 if half else 1e-5)


def test_subjects_are_measured_in_turn_and_compared_with_the_first() -> None:
    calls: list[str] = []
    threads = torch.get_num_threads()
    timings = measure({name: lambda name=name: calls.append(name) for name in "ab"}, Clock(3))
    assert calls == ["a", "b"] * 3
    assert timings["a"].ratios == (1.0, 1.0, 1.0)
    assert torch.get_num_threads() == threads


def test_what_compiles_in_its_first_call_is_called_before_it_is_timed() -> None:
    naps = iter([0.05, 0.0, 0.0])
    timing = measure({"a": lambda: time.sleep(next(naps))}, Clock(2, untimed=1, wall=True))["a"]
    assert max(timing.seconds) < 0.05


def test_the_table() -> None:
    timings = {"baseline": Timing((2.0, 4.0, 3.0), (1.0, 1.0, 1.0))}
    timings["rlr"] = Timing((1.0, 1.0, 1.0), (2.0, 4.0, 3.0))
    row = Row("step", timings, goal=4.0, operations={"rlr": 2e9}, share={"rlr": 0.5})
    lines = markdown([row, Row("memory", {}, amounts={"rlr": ("5 MiB", 0.5)})]).splitlines()
    assert lines[2].startswith("| step (goal 4x) | baseline | 3.000 | 1.00x |")
    assert lines[3] == "|  | rlr | 1.000 | 3.00x | 2.00 to 4.00 | - | 2 | 50% |"
    assert lines[4].startswith("| memory | rlr | 5 MiB | 0.50x |")
