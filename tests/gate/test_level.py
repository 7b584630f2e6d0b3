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


PLAIN = ((25, 25), 1.5, 0.5)
FEW = ((8, 8), 1.5, 0.8)  # as few images as a small test set has
SPARSE = ((25, 25), 3.5, 0.5)  # nearly all in order: a handful of images decide
SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("size", "strength", "own_noise"),
    [PLAIN, pytest.param(*FEW, marks=SLOW), pytest.param(*SPARSE, marks=SLOW)],
)
def test_equals_are_promoted_no_more_often_than_the_level(
    size: tuple[int, int], strength: float, own_noise: float
) -> None:
    rows = draw_rows({"bolt": size})
    pairs = swapped(rows, strength, own_noise, TRIALS)
    promoted = share_promoted(pairs, quick(primary=["image_auroc"], draws=100))
    assert promoted <= most(LEVEL, TRIALS)


@pytest.mark.slow
def test_the_same_with_the_default_primary_metric() -> None:
    """Image AUROC and AUPRO; maps are swapped together with the image scores."""

    def pairs() -> Iterator[Evidence]:
        rng = np.random.default_rng(8)
        for trial in range(TRIALS):
            images = draw_images(rng, {"bolt": (8, 8), "cable": (8, 8)}, side=16)
            part = draw_maps(rng, images, 2.0)
            pair = part + 0.5 * np.array([draw_maps(rng, images, 0.0) for _ in range(2)])
            coin = rng.random(len(images.rows)) < 0.5
            ours, theirs = np.where(coin[:, None, None], pair, pair[::-1])
            yield evidence(contribute(images, ours), contribute(images, theirs), f"trial {trial}")

    assert share_promoted(pairs(), quick()) <= most(LEVEL, TRIALS)


def degraded(seed: int, loss: float, gain: float) -> Evidence:
    """Return three classes: `bolt` loses, the others gain; image scores only."""
    rng = np.random.default_rng(seed)
    rows = draw_rows(dict.fromkeys(["bolt", "cable", "felt"], (40, 40)))
    bad, lost = rows["defective"].to_numpy(), (rows["class"] == "bolt").to_numpy()
    part = rng.standard_normal(len(rows))
    own = 0.3 * rng.standard_normal((2, len(rows)))
    theirs = part + 1.5 * bad + own[0]
    ours = part + (1.5 + np.where(lost, -loss, gain)) * bad + own[1]
    return evidence(score_images(rows, ours), score_images(rows, theirs), f"trial {seed}")


IMAGES_ONLY = quick(primary=["image_auroc"])


def test_a_class_that_got_worse_blocks_whatever_the_others_gained() -> None:
    found = [decide(degraded(seed, 0.9, 2.0), IMAGES_ONLY, NO_FLOORS) for seed in range(40)]
    assert sum(one.outcome == "reject" for one in found) >= 38
    for one in found:
        assert one.outcome != "promote"
    assert all("bolt" in one.reasons[0] for one in found if one.outcome == "reject")
    gained = [one.primary.difference for one in found if one.primary and one.primary.difference]
    assert np.mean([difference.estimate for difference in gained]) > 0  # the mean hides it


def test_a_gain_in_all_classes_promotes() -> None:
    found = [decide(degraded(seed, -0.6, 0.6), IMAGES_ONLY, NO_FLOORS) for seed in range(40)]
    assert sum(one.outcome == "promote" for one in found) >= 38


def test_a_loss_in_all_classes_rejects() -> None:
    found = [decide(degraded(seed, 0.6, -0.6), IMAGES_ONLY, NO_FLOORS) for seed in range(40)]
    assert sum(one.outcome == "reject" for one in found) >= 38


def test_pairing_shows_what_two_test_sets_would_not() -> None:
    """The interval of two like models is far narrower than that of either one's metric."""
    rng = np.random.default_rng(5)
    rows = draw_rows({"bolt": (40, 40)})
    theirs = rng.standard_normal(80) + 1.0 * rows["defective"].to_numpy()
    ours = theirs + 0.1 * rng.standard_normal(80)
    models = score_images(rows, ours), score_images(rows, theirs)
    blind = score_images(rows, np.zeros(80))
    settings = quick(primary=["image_auroc"])
    paired, alone = (compare(evidence(models[0], other), settings) for other in (models[1], blind))
    assert paired is not None
    assert alone is not None
    width = [float(np.std(one.mean["image_auroc"].draws)) for one in (paired, alone)]
    assert width[0] < 0.25 * width[1]
