"""The tables of a card: metrics a class, thresholds and what they did, the champion beside."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlr.config.gate import GateConfig
from rlr.evaluation.metrics import metric_title
from rlr.gate.result import Compared, GateResult
from rlr.registry.card.blocks import Block, Table, Text
from rlr.registry.card.intervals import METRICS, Intervals, image_intervals
from rlr.registry.card.sources import Sources

PROTOCOL = "default"
NONE = "-"
SHOWN = ("image_auroc", "image_ap", "pixel_auroc")


def quality(sources: Sources, settings: GateConfig) -> list[Block]:
    """Return how good the version is, class by class."""
    metrics = (sources.metrics or {}).get(PROTOCOL)
    if not metrics:
        return [Text("No evaluation is stored with the version's run, so nothing is known.")]
    keys = [key for key in metrics["mean"] if key in SHOWN or key.startswith("aupro_")]
    keys.sort(key=lambda key: (SHOWN.index(key) if key in SHOWN else len(SHOWN), key))
    intervals: Intervals = {}
    if sources.scores is not None:
        version = str((sources.evaluation or {}).get("data_version"))
        intervals = image_intervals(sources.scores, version, settings)
    counts = _counts(sources)
    classes = metrics["per_class"]
    rows = [
        [name, *counts.get(name, (NONE, NONE)), *_cells(keys, values, intervals.get(name, {}))]
        for name, values in classes.items()
    ]
    total = _total(counts)
    rows += [
        ["Mean of classes", *total, *_cells(keys, metrics["mean"], {})],
        ["Pooled", *total, *_cells(keys, metrics["pooled"], {})],
    ]
    note = (
        f"Protocol {PROTOCOL}, test images alone, which chose nothing. In brackets: "
        f"{settings.confidence:.0%} interval of a stratified bootstrap over the images of the "
        f"class ({settings.draws} draws, percentiles). An interval without width says that no "
        "draw changed the figure, not that it is certain. Pixel metrics have no interval here: "
        "maps are not stored."
    )
    columns = ["Class", "Normal", "Defective", *(metric_title(key) for key in keys)]
    return [Table(columns, rows, note, frozenset({len(rows) - 2, len(rows) - 1}))]


def _counts(sources: Sources) -> dict[str, tuple[str, str]]:
    """Return the numbers of normal and of defective test images, by class."""
    return {
        entry["name"]: (str(entry["false_alarms"]["n"]), str(entry["found"]["n"]))
        for entry in (sources.evaluation or {}).get("decisions", ())
        if not entry["name"].startswith("All classes")
    }


def _total(counts: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    if not counts:
        return NONE, NONE
    normal, defective = (sum(map(int, column)) for column in zip(*counts.values(), strict=True))
    return str(normal), str(defective)


def _cells(
    keys: Sequence[str],
    values: Mapping[str, float | None],
    intervals: Mapping[str, tuple[float, float]],
) -> Iterator[str]:
    for key in keys:
        value = values.get(key)
        ends = intervals.get(key) if key in METRICS else None
        if value is None or ends is None:
            yield NONE if value is None else f"{value:.3f}"
        else:
            yield f"{value:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"


def thresholds(sources: Sources) -> list[Block]:
    """Return the thresholds, and what they did on the test images."""
    decisions = (sources.evaluation or {}).get("decisions")
    if not decisions:
        return [Text("No evaluation is stored with the version's run, so nothing was counted.")]
    rows = [_decided(entry) for entry in decisions]
    totals = frozenset(
        place for place, entry in enumerate(decisions) if entry["name"].startswith("All classes")
    )
    rate = decisions[0]["target_rate"]
    note = (
        f"Set from normal images that were not trained on, at a false-positive rate of {rate:g}. "
        "False alarms and defects found are counted on the test images; in brackets the exact "
        f"(Clopper-Pearson) interval at {sources.evaluation['confidence']:.0%}."  # type: ignore[index]
    )
    columns = ["Class", "Threshold", "From normal images", "Asked", "False alarms", "Defects found"]
    return [Table(columns, rows, note, totals)]


def _decided(entry: Mapping[str, Any]) -> list[str]:
    threshold = entry["threshold"]
    value, origin = NONE, NONE
    if threshold:
        value = f"{threshold['value']:.4g}"
        origin = f"{threshold['class_n']} ({threshold['method']})"
    asked = f"{100 * entry['target_rate']:g} %"
    return [
        entry["name"],
        value,
        origin,
        asked,
        _share(entry["false_alarms"]),
        _share(entry["found"]),
    ]


def _share(share: Mapping[str, Any]) -> str:
    if not share["n"]:
        return NONE
    low, rate, high = (f"{100 * share[name]:.1f} %" for name in ("low", "rate", "high"))
    return f"{share['count']} of {share['n']} = {rate} [{low}, {high}]"


def against_champion(gate: GateResult | None) -> list[Block]:
    """Return what the gate decided, and the differences that it measured."""
    if gate is None:
        return [Text("The gate has not judged this version.")]
    champion = gate.champion.name if gate.champion else "no champion"
    told = [Text(f"Outcome: {gate.outcome}, against {champion}. {' '.join(gate.reasons)}")]
    rows = [
        [name, metric_title(metric), *_difference(compared)]
        for name, metrics in [*gate.per_class.items(), ("Mean of classes", gate.mean)]
        for metric, compared in metrics.items()
        if compared.difference is not None
    ]
    if not rows:
        return [*told]
    columns = ["Class", "Metric", "This version", "Champion", "Difference", ""]
    note = (
        "Both models on the same images in the same step; in brackets the interval of the paired, "
        "stratified bootstrap."
    )
    return [*told, Table(columns, rows, note)]


def _difference(compared: Compared) -> list[str]:
    own, other = (
        NONE if value is None else f"{value:.3f}"
        for value in (compared.candidate, compared.champion)
    )
    gap = compared.difference
    assert gap is not None
    words = f"{gap.estimate:+.3f} [{gap.lower:+.3f}, {gap.upper:+.3f}]"
    return [own, other, words, compared.flag]
