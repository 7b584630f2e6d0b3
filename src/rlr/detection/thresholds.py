"""Thresholds from the scores of normal images alone, at a stated false-positive rate.

Split conformal prediction: of n + 1 exchangeable normal scores, the new one exceeds the
ceil((n + 1)(1 - a))-th smallest of the n others with probability at most a.
Source: Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005, chapter 2.
"""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

Method = Literal["conformal", "cross_fit", "training", "pooled", "largest"]
ScoredBy = Literal["conformal", "cross_fit", "training"]
Scores = Mapping[str, np.ndarray]

SEEN = "from training images, which the networks have seen: it bounds no rate"
LEAST_FOR_SCALE = 5  # below this a class's own spread says nothing, and all classes' is taken


class Threshold(BaseModel):
    """A threshold on the image score; an image is anomalous when its score is greater.

    Attributes:
        value: The threshold.
        rate: False-positive rate that was asked for.
        n: Number of normal scores that the value was computed from.
        class_n: Number of those that are of the class itself.
        method: conformal: from the class's own scores; cross_fit: from its training images,
            scored by models that had not seen them; training: from them, scored by the networks
            that have, which bounds no rate; pooled: from all classes' calibrated
            scores; largest: even together too few, the value is the largest score seen.
        attainable: Whether the class's own images suffice for the rate.
        note: What is to be said about it, or "".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    value: float
    rate: float
    n: int
    class_n: int
    method: Method
    attainable: bool
    note: str


class Calibration(BaseModel):
    """Location and scale of a class's normal scores: z = (score - location) / scale."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    location: float
    scale: float


class Thresholds(BaseModel):
    """All thresholds of a detector, and the normal scores they can be computed from again.

    Attributes:
        rate: False-positive rate that was asked for.
        overall: Threshold for images whose class is not known.
        per_class: Threshold of each class.
        calibration: Location and scale of each class.
        normal_scores: Scores of normal images, sorted; but for `training` the networks that made
            them were not trained on these images.
        scored_by: How those scores came about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rate: float
    overall: Threshold
    per_class: dict[str, Threshold]
    calibration: dict[str, Calibration]
    normal_scores: dict[str, list[float]]
    scored_by: dict[str, ScoredBy]


def conformal_quantile(scores: np.ndarray, rate: float) -> float | None:
    """Return the ceil((n + 1)(1 - rate))-th smallest score.

    Args:
        scores: Scores of normal images (n,).
        rate: False-positive rate a.

    Returns:
        The threshold, or None where n < 1/a - 1: no score of n bounds so small a rate.

    Example:
        >>> conformal_quantile(np.arange(1.0, 100.0), 0.01)
        99.0
    """
    rank = _rank(len(scores), rate)
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else None


def _rank(n: int, rate: float) -> int:
    # 1 - rate is not exact in binary; without the guard 100 * 0.99 might count as 100.
    return max(1, math.ceil((n + 1) * (1.0 - rate) - 1e-9))


def attainable(n: int, rate: float) -> bool:
    """Return whether n normal scores can bound the rate."""
    return _rank(n, rate) <= n


def clopper_pearson(count: int, n: int, confidence: float) -> tuple[float, float]:
    """Return the exact interval of a binomial share.

    Args:
        count: Number of hits.
        n: Number of trials, at least one.
        confidence: Level, such as 0.95.

    Returns:
        Lower and upper end.

    Source: Clopper and Pearson, Biometrika 26 (1934).
    """
    from scipy.stats import beta

    tail = (1.0 - confidence) / 2.0
    low = 0.0 if count == 0 else float(beta.ppf(tail, count, n - count + 1))
    high = 1.0 if count == n else float(beta.ppf(1.0 - tail, count + 1, n - count))
    return low, high


def decide_thresholds(
    classes: list[str],
    validation: Scores,
    rate: float,
    fitted: Scores | None = None,
    fitted_by: ScoredBy = "cross_fit",
) -> Thresholds:
    """Set the threshold of each class, and one for images of unknown class.

    Where the validation images of a class are too few for the rate, the scores of its training
    images are taken, if there are any; where those are too few as well, all classes are pooled
    after calibration. The largest score is taken only where even that is too little, and says so.

    Args:
        classes: All product classes.
        validation: Scores of the validation images, (n,) a class; a class may be missing.
        rate: Target false-positive rate.
        fitted: Scores of the training images.
        fitted_by: Whether networks that had not seen them made these (cross_fit), or the trained
            ones, which have (training).

    Returns:
        The thresholds.

    Raises:
        ValueError: There is no normal score at all.
    """
    chosen: dict[str, np.ndarray] = {}
    scored_by: dict[str, ScoredBy] = {}
    for name in classes:
        own = np.asarray(validation.get(name, ()), dtype=np.float64)
        others = np.asarray((fitted or {}).get(name, ()), dtype=np.float64)
        taken = not attainable(len(own), rate) and len(others) > len(own)
        chosen[name] = np.sort(others if taken else own)
        scored_by[name] = fitted_by if taken else "conformal"
    return _from_scores(chosen, scored_by, rate)


def change_rate(thresholds: Thresholds, rate: float) -> Thresholds:
    """Compute the thresholds again for another false-positive rate, without the images."""
    scores = {name: np.array(values) for name, values in thresholds.normal_scores.items()}
    return _from_scores(scores, thresholds.scored_by, rate)


def calibrate(scores: Scores) -> dict[str, Calibration]:
    """Bring the classes' normal scores to one scale: median, and mean absolute deviation from it.

    A class with fewer than five scores takes the deviation of all classes together, and a class
    without scores their median too.

    Raises:
        ValueError: There is no score at all.
    """
    seen = {name: values for name, values in scores.items() if len(values)}
    if not seen:
        raise ValueError("no score of a normal image that the networks were not trained on")
    everything = np.concatenate(list(seen.values()))
    deviations = np.concatenate([np.abs(v - np.median(v)) for v in seen.values()])
    shared = float(deviations.mean()) or float(np.abs(everything).mean()) or 1.0
    return {
        name: Calibration(
            location=float(np.median(values if len(values) else everything)),
            scale=_scale(values, shared),
        )
        for name, values in scores.items()
    }


def _scale(values: np.ndarray, shared: float) -> float:
    if len(values) < LEAST_FOR_SCALE:
        return shared
    return float(np.abs(values - np.median(values)).mean()) or shared


def _from_scores(scores: Scores, scored_by: Mapping[str, ScoredBy], rate: float) -> Thresholds:
    calibration = calibrate(scores)
    pooled = np.concatenate(
        [(v - calibration[k].location) / calibration[k].scale for k, v in scores.items()]
    )
    per_class = {
        name: _class_threshold(values, scored_by[name], calibration[name], pooled, rate)
        for name, values in scores.items()
    }
    overall = _overall_threshold(np.concatenate(list(scores.values())), rate)
    if "training" in scored_by.values():
        overall = _bound_nothing(overall)
        per_class = {
            name: found if found.method == "conformal" else _bound_nothing(found)
            for name, found in per_class.items()
        }
    return Thresholds(
        rate=rate,
        overall=overall,
        per_class=per_class,
        calibration=calibration,
        normal_scores={name: [float(v) for v in values] for name, values in scores.items()},
        scored_by=dict(scored_by),
    )


def _bound_nothing(threshold: Threshold) -> Threshold:
    """Say of a threshold that scores of images which the networks have seen went into it."""
    return threshold.model_copy(update={"attainable": False, "note": SEEN})


def _class_threshold(
    own: np.ndarray,
    scored_by: ScoredBy,
    calibration: Calibration,
    pooled: np.ndarray,
    rate: float,
) -> Threshold:
    value = conformal_quantile(own, rate)
    if value is not None:
        return Threshold(
            value=value,
            rate=rate,
            n=len(own),
            class_n=len(own),
            method=scored_by,
            attainable=True,
            note="",
        )
    quantile = conformal_quantile(pooled, rate)
    method: Method = "largest" if quantile is None else "pooled"
    level = float(pooled.max()) if quantile is None else quantile
    return Threshold(
        value=calibration.location + calibration.scale * level,
        rate=rate,
        n=len(pooled),
        class_n=len(own),
        method=method,
        attainable=False,
        note=_note(len(own), len(pooled), method),
    )


def _overall_threshold(scores: np.ndarray, rate: float) -> Threshold:
    value = conformal_quantile(scores, rate)
    method: Method = "largest" if value is None else "conformal"
    return Threshold(
        value=float(scores.max()) if value is None else value,
        rate=rate,
        n=len(scores),
        class_n=len(scores),
        method=method,
        attainable=value is not None,
        note="" if value is not None else _note(len(scores), len(scores), method),
    )


def _note(own: int, pooled: int, method: Method) -> str:
    text = f"not attainable from {own} images"
    if method == "pooled":
        return f"{text}; pooled over all classes (n = {pooled})"
    return (
        f"{text}, nor from all {pooled} together: the largest score is taken, "
        f"and bounds a rate of {1 / (pooled + 1):.3f}"
    )
