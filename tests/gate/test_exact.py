"""The gate's draws against the slow, obvious bootstrap: all pixels sorted in every draw."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from fixtures.gate import Images, contribute, draw_images, draw_maps, evidence, quick
from scipy import ndimage

from rlr.evaluation.metrics import aupro, image_metrics, pixel_metrics
from rlr.gate.comparison import compare
from rlr.gate.resampling import resample

TOLERANCE = 1e-3
Weighted = Callable[[np.ndarray], dict[str, float]]


def region_shares(images: Images, places: np.ndarray) -> np.ndarray:
    shares = np.zeros((len(places), *images.masks.shape[1:]))
    for row, place in enumerate(places):
        numbers, count = ndimage.label(images.masks[place], structure=np.ones((3, 3)))
        for number in range(1, count + 1):
            shares[row][numbers == number] = 1.0 / (numbers == number).sum()
    return shares


def falling(scores: np.ndarray, *masses: np.ndarray) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Return what sums weighted masses over all scores that reach each distinct one, falling.

    Args:
        scores: Scores of N images (N, ...).
        masses: What each of them adds, before it is weighted, of the same shape.

    Returns:
        A function of the images' weights (N,).
    """
    order = np.argsort(-scores, axis=None, kind="stable")
    image = order // scores[0].size
    ends = np.append(np.flatnonzero(np.diff(scores.ravel()[order])), len(order) - 1)
    ordered = [mass.ravel()[order].astype(float) for mass in masses]

    def sums(weights: np.ndarray) -> list[np.ndarray]:
        weight = weights[image]
        return [np.append(0.0, (weight * mass).cumsum()[ends]) for mass in ordered]

    return sums


def ranked(prefix: str, false: np.ndarray, true: np.ndarray) -> dict[str, float]:
    called = true[1:] + false[1:]
    precision = true[1:] / np.maximum(called, 1e-12)
    return {
        f"{prefix}_auroc": float(np.trapezoid(true / true[-1], false / false[-1])),
        f"{prefix}_ap": float((np.diff(true) / true[-1]) @ precision),
        f"{prefix}_f1max": float((2 * true[1:] / (called + true[-1])).max()),
    }


def cut(x: np.ndarray, y: np.ndarray, limit: float) -> float:
    inside = x <= limit
    end = np.interp(limit, x, y)
    return float(np.trapezoid(np.append(y[inside], end), np.append(x[inside], limit))) / limit


def exactly(images: Images, places: np.ndarray, maps: np.ndarray) -> Weighted:
    """Return what measures a weighted class from the full curves."""
    bad = images.rows["defective"].to_numpy()[places]
    known = np.isin(places, images.truth.known)
    inside, shares = images.masks[places][known], region_shares(images, places[known])
    pixel_sums = falling(maps[places][known], ~inside, inside, shares)
    image_sums = falling(maps[places].max(axis=(1, 2)), ~bad, bad)

    def measure(weights: np.ndarray) -> dict[str, float]:
        false, true, overlap = pixel_sums(weights[known])
        rate, found = false / false[-1], overlap / overlap[-1]
        return {
            "aupro_0.30": cut(rate, found, 0.30),
            "aupro_0.05": cut(rate, found, 0.05),
            **ranked("pixel", false, true),
            **ranked("image", *image_sums(weights)),
        }

    return measure


def smooth(maps: np.ndarray) -> np.ndarray:
    return maps


def tied(maps: np.ndarray) -> np.ndarray:
    return np.round(maps * 2) / 2


def heavy(maps: np.ndarray) -> np.ndarray:
    return np.exp(2.5 * maps)


def saturated(maps: np.ndarray) -> np.ndarray:
    return np.minimum(maps, 1.5)


CASES = {
    "strong": ((8, 8), (6.0, 5.0), smooth, {}),
    "weak": ((8, 8), (0.6, 0.2), smooth, {}),
    "strong against weak": ((10, 6), (5.0, 0.5), smooth, {}),
    "ties": ((8, 8), (2.0, 1.5), tied, {}),
    "heavy tail": ((8, 8), (2.0, 1.5), heavy, {}),
    "tied at the top": ((8, 8), (2.5, 1.5), saturated, {}),
    "tiny": ((2, 2), (1.5, 1.0), smooth, {"side": 8}),
    "many normal": ((16, 4), (2.0, 1.5), smooth, {}),
    "groups": ((12, 12), (2.0, 1.5), smooth, {"group_size": 3}),
    "without masks": ((8, 9), (2.0, 1.5), smooth, {"unmasked": 3}),
}


@pytest.mark.parametrize("case", CASES)
def test_interval_ends_are_those_of_the_exact_bootstrap(case: str) -> None:
    size, strengths, kind, layout = CASES[case]
    rng = np.random.default_rng(list(CASES).index(case))
    images = draw_images(rng, {"bolt": size}, **{"side": 40, **layout})
    pair = [kind(draw_maps(rng, images, strength)).astype(np.float32) for strength in strengths]
    compare_with_exact(images, pair, draws=100)


@pytest.mark.parametrize("strengths", [(3.0, 2.5), (1.0, 0.5), (6.0, 5.5)])
def test_the_same_with_more_pixels(strengths: tuple[float, float]) -> None:
    """Seventy pixels a bin."""
    rng = np.random.default_rng(1)
    images = draw_images(rng, {"bolt": (8, 8)}, side=96)
    pair = [draw_maps(rng, images, strength) for strength in strengths]
    compare_with_exact(images, pair, draws=100)


def compare_with_exact(images: Images, pair: list[np.ndarray], draws: int) -> None:
    settings = quick(draws=draws)
    found = compare(evidence(*(contribute(images, maps) for maps in pair)), settings)
    assert found is not None
    measures = [exactly(images, np.arange(len(images.rows)), maps) for maps in pair]
    rows = [[measure(weights) for measure in measures] for weights in drawn(images, draws)]
    differences = found.classes["bolt"]
    assert set(differences) == set(rows[0][0])
    for name, difference in differences.items():
        exact = np.array([ours[name] - theirs[name] for ours, theirs in rows])
        assert difference.estimate == pytest.approx(exact[0], abs=1e-9), name
        ends = np.quantile(exact[1:], [0.025, 0.975])
        assert np.quantile(difference.draws, [0.025, 0.975]) == pytest.approx(
            ends, abs=TOLERANCE
        ), name


def drawn(images: Images, draws: int) -> Iterator[np.ndarray]:
    """Yield the weights of the images as they are, then of each draw."""
    frame = images.rows
    masked = frame["mask"].notna().to_numpy()
    bad = frame["defective"].to_numpy()
    kinds = np.where(bad, np.where(masked, "defective", "defective, no mask"), "normal")
    resamples = resample(kinds, frame["group"].to_numpy(), draws, ("v1", "bolt"))
    rows = np.concatenate(list(resamples.blocks(100))).astype(float)
    yield rows[0]
    yield from rows[1 + resamples.left_out :]


def test_a_draw_is_the_metric_of_the_images_drawn() -> None:
    """Against `evaluation.metrics` on copies of the images; no weights, no curves of our own."""
    rng = np.random.default_rng(3)
    images = draw_images(rng, {"bolt": (6, 6)}, side=24)
    maps = draw_maps(rng, images, 1.5)
    nothing = np.zeros_like(maps)
    found = compare(evidence(contribute(images, maps), contribute(images, nothing)), quick())
    assert found is not None
    labels = images.rows["defective"].to_numpy().astype(int)
    base = dict.fromkeys(("image_auroc", "pixel_auroc"), 0.5)
    for place, weights in enumerate(list(drawn(images, 200))[1:6]):
        copies = np.repeat(np.arange(12), np.rint(weights * 5 / 6).astype(int))
        assert len(copies) == 10  # five of six, twice
        measured = {
            **image_metrics(labels[copies], maps.max(axis=(1, 2))[copies]),
            **pixel_metrics(images.masks[copies], maps[copies]),
            "aupro_0.30": aupro(images.masks[copies], maps[copies], 0.3),
        }
        for name, blank in base.items():
            drawn_value = found.classes["bolt"][name].draws[place] + blank
            assert drawn_value == pytest.approx(measured[name], abs=1e-4)
        drawn_value = found.classes["bolt"]["aupro_0.30"].draws[place] + 0.15
        assert drawn_value == pytest.approx(measured["aupro_0.30"], abs=1e-4)
