"""Both models on the same draws of the same images, class by class."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rlr.config.gate import GateConfig
from rlr.evaluation.metrics import Values
from rlr.gate.contributions import Contributions
from rlr.gate.difference import Difference, blind_width, over_classes, over_metrics
from rlr.gate.evidence import Evidence
from rlr.gate.resampling import Resamples, resample
from rlr.gate.samples import Pixels, sample_metrics

NORMAL, DEFECTIVE, MASKED = "normal", "defective", "masked"
UNMASKED = "defective, no mask"


@dataclass(frozen=True)
class Comparison:
    """What the two models differ by.

    Attributes:
        classes: Classes that are compared, with the difference of each metric defined there.
        left_out: Why the other classes are not compared.
        mean: The difference of each metric's mean over the compared classes.
        primary: The difference of the mean of the primary metrics; None: none is defined.
        primary_metrics: Those that are defined.
    """

    classes: dict[str, dict[str, Difference]]
    left_out: dict[str, str]
    mean: dict[str, Difference]
    primary: Difference | None
    primary_metrics: list[str]


@dataclass(frozen=True)
class _Class:
    """One class: which rows of the frame are its N images, and what they show."""

    name: str
    rows: np.ndarray  # (N,)
    defective: np.ndarray  # (N,)
    masked: np.ndarray  # defective, and it is known where (N,)
    groups: np.ndarray  # (N,)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Number of groups of normal, defective, and defective images with a mask."""
        kinds = {NORMAL: ~self.defective, DEFECTIVE: self.defective, MASKED: self.masked}
        return {kind: len(np.unique(self.groups[members])) for kind, members in kinds.items()}

    def resample(self, settings: GateConfig, data_version: str) -> Resamples:
        kinds = np.where(self.defective, DEFECTIVE, NORMAL)
        if self.sizes[MASKED] >= settings.least_images:
            # Every draw then has masks.
            kinds = np.where(self.defective & ~self.masked, UNMASKED, kinds)
        return resample(kinds, self.groups, settings.draws, (data_version, self.name))


def compare(evidence: Evidence, settings: GateConfig) -> Comparison | None:
    """Compare candidate and champion on the classes that both know; None without a champion.

    Raises:
        ValueError: The two were not run on the same images in the same order.
    """
    if evidence.theirs is None:
        return None
    _require_same_images(evidence.ours, evidence.theirs)
    left_out: dict[str, str] = {}
    compared: dict[str, dict[str, Difference]] = {}
    sizes: dict[str, int] = {}
    for one in _classes(evidence.ours):
        reason = _why_not(one, evidence, settings)
        if reason:
            left_out[one.name] = reason
            continue
        resamples = one.resample(settings, evidence.data_version)
        sizes[one.name] = resamples.left_out
        compared[one.name] = _differences(one, resamples, evidence, settings)
    mean = _mean_over_classes(compared, sizes)
    names = [name for name in primary_names(evidence.ours, settings) if name in mean]
    return Comparison(
        classes=compared,
        left_out=left_out,
        mean=mean,
        primary=over_metrics([mean[name] for name in names]),
        primary_metrics=names,
    )


def primary_names(ours: Contributions, settings: GateConfig) -> list[str]:
    """Return the primary metrics as they are reported: aupro becomes `aupro_0.30`, say."""
    return [next(iter(ours.limits)) if name == "aupro" else name for name in settings.primary]


def _classes(ours: Contributions) -> Iterator[_Class]:
    names = ours.frame["class"].to_numpy(dtype=str)
    defective = ours.frame["defective"].to_numpy(dtype=bool)
    groups = ours.frame["group"].to_numpy(dtype=str)
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        known = np.zeros(len(rows), bool)
        if name in ours.pixels:
            known[ours.pixels[name].places] = True
        yield _Class(str(name), rows, defective[rows], defective[rows] & known, groups[rows])


def _why_not(one: _Class, evidence: Evidence, settings: GateConfig) -> str:
    if one.name not in evidence.champion_classes:
        return "the champion does not know it"
    for kind in (NORMAL, DEFECTIVE):
        size = one.sizes[kind]
        if size < settings.least_images:
            return f"{size} {kind} test images, gate.least_images is {settings.least_images}"
    return ""


def _differences(
    one: _Class, resamples: Resamples, evidence: Evidence, settings: GateConfig
) -> dict[str, Difference]:
    assert evidence.theirs is not None
    pixels = one.sizes[MASKED] >= settings.least_images
    ours, theirs = (
        sample_metrics(
            resamples,
            one.defective,
            model.scores[one.rows],
            Pixels(model.pixels[one.name], model.limits) if pixels else None,
        )
        for model in (evidence.ours, evidence.theirs)
    )
    ours_exact = evidence.ours.per_class[one.name]
    theirs_exact = evidence.theirs.per_class[one.name]
    tail = (1.0 - settings.confidence) / 2.0
    identical = _identical(one, evidence)
    found = {}
    for name in ours:
        estimate = _minus(ours_exact[name], theirs_exact[name])
        moved = ours[name] - theirs[name]
        moved += estimate - moved[0]  # the exact metric, where the binned one is a little off
        kind = DEFECTIVE if name.startswith("image_") else MASKED
        found[name] = Difference(
            estimate=estimate,
            draws=moved[1 + resamples.left_out :],
            influences=resamples.influences(moved[1 : 1 + resamples.left_out]),
            blind=0.0 if identical else blind_width(min(one.sizes[NORMAL], one.sizes[kind]), tail),
            seeds=_seeds(evidence, one.name, name),
            tail=tail,
        )
    return found


def _minus(ours: float | None, theirs: float | None) -> float:
    assert ours is not None  # both kinds of images are there
    assert theirs is not None
    return ours - theirs


def _seeds(evidence: Evidence, class_name: str, metric: str) -> np.ndarray:
    trainings: list[Mapping[str, Values]] = [evidence.ours.per_class, *evidence.further_seeds]
    return np.array([training[class_name][metric] for training in trainings], dtype=np.float64)


def _mean_over_classes(
    compared: Mapping[str, Mapping[str, Difference]], sizes: Mapping[str, int]
) -> dict[str, Difference]:
    metrics = {metric: None for found in compared.values() for metric in found}
    mean = {}
    for metric in metrics:
        parts = {name: found[metric] for name, found in compared.items() if metric in found}
        difference = over_classes(parts, sizes)
        if difference is not None:
            mean[metric] = difference
    return mean


def _identical(one: _Class, evidence: Evidence) -> bool:
    """Whether the two say exactly the same of every image, as one network does and no two do."""
    assert evidence.theirs is not None
    ours, theirs = evidence.ours, evidence.theirs
    same_metrics = ours.per_class[one.name] == theirs.per_class[one.name]
    return same_metrics and np.array_equal(ours.scores[one.rows], theirs.scores[one.rows])


def _require_same_images(ours: Contributions, theirs: Contributions) -> None:
    columns = ["path", "class", "defective"]
    same = len(ours.frame) == len(theirs.frame) and all(
        np.array_equal(ours.frame[name].to_numpy(), theirs.frame[name].to_numpy())
        for name in columns
    )
    if not same:
        raise ValueError("candidate and champion were not run on the same images in one order")
