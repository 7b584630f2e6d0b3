"""How often the gate promotes where it must not, over many simulated test sets."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from fixtures.gate import (
    NO_FLOORS,
    Images,
    contribute,
    draw_images,
    draw_maps,
    draw_rows,
    evidence,
    quick,
    score_images,
)

from rlr.config.gate import GateConfig
from rlr.evaluation.metrics import Values
from rlr.gate.comparison import compare
from rlr.gate.contributions import Contributions, PixelCounts
from rlr.gate.decide import decide
from rlr.gate.evidence import Evidence
from rlr.gate.primary import primary_finding
from rlr.gate.resampling import Resamples
from rlr.gate.samples import Pixels, sample_metrics

TRIALS = 1000
LEVEL = 0.025


def most(level: float, trials: int) -> float:
    """Return what a share at the level does not exceed, but for one simulation in a hundred."""
    return level + 2.326 * np.sqrt(level * (1 - level) / trials)


def require_level(pairs: Iterator[Evidence], settings: GateConfig) -> None:
    """Of pairs of equals neither one may be called better more often than the level allows."""
    outcomes: Counter[str] = Counter()
    for pair in pairs:
        comparison = compare(pair, settings)
        assert comparison is not None
        outcomes[primary_finding(comparison, settings).outcome] += 1
    trials = outcomes.total()
    assert trials >= TRIALS
    for better in ("promote", "reject"):
        assert outcomes[better] / trials <= most(LEVEL, trials), outcomes


def noisy(
    rng: np.random.Generator, bad: np.ndarray, strength: float, own_noise: float
) -> np.ndarray:
    part = rng.standard_normal(len(bad)) + strength * bad  # what both see alike
    return part + own_noise * rng.standard_normal((2, len(bad)))


def told_by_four(rng: np.random.Generator, bad: np.ndarray) -> np.ndarray:
    """All is in order but four defects, each of which one of the two misses."""
    pair = noisy(rng, bad, 20.0, 0.1)
    pair[1, np.flatnonzero(bad)[:4]] -= 40.0
    return pair


PLAIN = ((25, 25), partial(noisy, strength=1.5, own_noise=0.5))
FEW = ((8, 8), partial(noisy, strength=1.5, own_noise=0.8))  # a small test set
SPARSE = ((25, 25), partial(noisy, strength=3.5, own_noise=0.5))  # nearly all in order
FOUR = ((25, 25), told_by_four)  # all four fall to the candidate in one of sixteen test sets


@pytest.mark.parametrize(("size", "draw"), [PLAIN, FEW, SPARSE, FOUR])
def test_equals_are_promoted_no_more_often_than_the_level(
    size: tuple[int, int], draw: Callable[[np.random.Generator, np.ndarray], np.ndarray]
) -> None:
    """Who says what of an image is decided by a coin, so the two are equals."""
    rng = np.random.default_rng(7)
    rows = draw_rows({"bolt": size})
    bad = rows["defective"].to_numpy()

    def pairs() -> Iterator[Evidence]:
        for trial in range(TRIALS):
            pair = draw(rng, bad)
            coin = rng.random(len(bad)) < 0.5
            ours, theirs = np.where(coin, pair, pair[::-1])
            yield evidence(score_images(rows, ours), score_images(rows, theirs), f"trial {trial}")

    require_level(pairs(), quick(primary=["image_auroc"], draws=100))


@dataclass(frozen=True)
class Stock:
    """Many images of one class that test sets are drawn from, and what two models say of them.

    The image scores (2N,) and counts (2N, T) are those of one model, then those of the other: so
    both are counted at the same thresholds, and a coin can swap them image by image.
    """

    defective: np.ndarray
    scores: np.ndarray
    counts: PixelCounts

    @classmethod
    def draw(cls, rng: np.random.Generator, size: int) -> "Stock":
        images = draw_images(rng, {"bolt": (size, size)}, side=16)
        part = draw_maps(rng, images, 2.0)  # what both see alike
        said = [part + 0.5 * draw_maps(rng, images, 0.0) for _ in range(2)]
        maps = np.round(np.concatenate(said) * 4) / 4
        twice = Images(
            pd.concat([images.rows] * 2, ignore_index=True), np.concatenate([images.masks] * 2)
        )
        found = contribute(twice, maps)
        counts = found.pixels["bolt"]
        assert counts.single.all()  # all distinct scores are thresholds, so nothing is rounded
        return cls(images.rows["defective"].to_numpy(), found.scores, counts)

    def pick(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Draw a test set; a coin says whose word counts as the candidate's, image by image."""
        kinds = np.flatnonzero(~self.defective), np.flatnonzero(self.defective)
        places = np.concatenate([rng.choice(kind, size, replace=False) for kind in kinds])
        return places + len(self.defective) * rng.integers(0, 2, 2 * size)

    def said(self, places: np.ndarray) -> tuple[np.ndarray, PixelCounts, Values]:
        """Return scores, counts and metrics of a test set."""
        counts = replace(
            self.counts,
            places=np.arange(len(places)),
            negatives=self.counts.negatives[places],
            positives=self.counts.positives[places],
            overlap=self.counts.overlap[places],
            regions=self.counts.regions[places],
        )
        as_they_are = Resamples(len(places), [], [np.empty((0, 0))])
        defective = self.defective[places % len(self.defective)]
        pixels = Pixels(counts, {"aupro_0.30": 0.3})
        found = sample_metrics(as_they_are, defective, self.scores[places], pixels)
        return self.scores[places], counts, {name: float(one[0]) for name, one in found.items()}


def test_the_same_with_the_default_primary_metric() -> None:
    """Image AUROC and AUPRO of two classes; maps are swapped together with the image scores."""
    rng = np.random.default_rng(8)
    stocks = {name: Stock.draw(rng, 100) for name in ("bolt", "cable")}
    rows = draw_rows(dict.fromkeys(stocks, (8, 8)))

    def one(places: dict[str, np.ndarray]) -> Contributions:
        said = {name: stock.said(places[name]) for name, stock in stocks.items()}
        scores = np.concatenate([scores for scores, _, _ in said.values()])
        return Contributions(
            frame=rows.assign(image_score=scores, is_anomalous=False),
            pixels={name: counts for name, (_, counts, _) in said.items()},
            per_class={name: values for name, (_, _, values) in said.items()},
            mean={},
            limits={"aupro_0.30": 0.3},
        )

    def pairs() -> Iterator[Evidence]:
        for trial in range(TRIALS):
            ours = {name: stock.pick(rng, 8) for name, stock in stocks.items()}
            theirs = {name: (places + 200) % 400 for name, places in ours.items()}
            yield evidence(one(ours), one(theirs), f"trial {trial}")

    require_level(pairs(), quick(draws=100))


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


IMAGES_ONLY = quick(primary=["image_auroc"], draws=100)


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
