"""How often the gate promotes where it must not, over many simulated test sets."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from fixtures.gate import (
    NO_FLOORS,
    contribute,
    draw_images,
    draw_maps,
    draw_rows,
    evidence,
    quick,
    score_images,
)

from rlr.config.gate import GateConfig
from rlr.gate.comparison import compare
from rlr.gate.decide import decide
from rlr.gate.evidence import Evidence
from rlr.gate.primary import primary_finding

TRIALS = 1000
LEVEL = 0.025


def most(level: float, trials: int) -> float:
    """Return what a share at the level does not exceed, but for one simulation in a hundred."""
    return level + 2.326 * np.sqrt(level * (1 - level) / trials)


def share_promoted(pairs: Iterator[Evidence], settings: GateConfig) -> float:
    outcomes: Counter[str] = Counter()
    for pair in pairs:
        comparison = compare(pair, settings)
        assert comparison is not None
        outcomes[primary_finding(comparison, settings).outcome] += 1
    return outcomes["promote"] / outcomes.total()


def swapped(
    rows: pd.DataFrame, strength: float, own_noise: float, trials: int
) -> Iterator[Evidence]:
    """Draw test sets; who says what of an image is decided by a coin: the two are equals."""
    rng = np.random.default_rng(7)
    bad = rows["defective"].to_numpy()
    for trial in range(trials):
        part = rng.standard_normal(len(rows)) + strength * bad  # what both see alike
        pair = part + own_noise * rng.standard_normal((2, len(rows)))
        coin = rng.random(len(rows)) < 0.5
        ours, theirs = np.where(coin, pair, pair[::-1])
        yield evidence(score_images(rows, ours), score_images(rows, theirs), f"trial {trial}")


@pytest.mark.parametrize(
    ("size", "strength", "own_noise"),
    [
        ((15, 15), 1.5, 0.5),
        ((5, 5), 1.5, 0.8),  # as few images as a small test set has
        ((12, 12), 3.5, 0.5),  # nearly all in order: a handful of images decide
    ],
    ids=["plain", "few", "sparse"],
)
def test_equals_are_promoted_no_more_often_than_the_level(
    size: tuple[int, int], strength: float, own_noise: float
) -> None:
    rows = draw_rows({"bolt": size, "cable": size})
    pairs = swapped(rows, strength, own_noise, TRIALS)
    promoted = share_promoted(pairs, quick(primary=["image_auroc"]))
    print(promoted)
    assert 0.0 < promoted <= most(LEVEL, TRIALS)
