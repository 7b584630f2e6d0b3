"""The tables of the report, as rows of text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rlr.detection.thresholds import Threshold
from rlr.evaluation.decisions import EVERY_CLASS, Decisions
from rlr.evaluation.measure import Measured
from rlr.evaluation.metrics import Values, metric_title
from rlr.evaluation.report.words import counted, decimals, interval, percent, score

LEAST_CLASSES = 3  # with fewer the lowest value needs no mark


@dataclass(frozen=True)
class Cell:
    """A text and its CSS classes."""

    text: str
    style: str = "number"


@dataclass(frozen=True)
class Row:
    """A row: its head, its cells, and its CSS classes."""

    head: str
    cells: list[Cell]
    style: str = ""


@dataclass(frozen=True)
class Table:
    """Column heads and rows."""

    heads: list[Cell]
    rows: list[Row]


def metrics_table(measured: Measured, baseline: Measured | None) -> Table:
    """Lay out the metrics of one protocol: a row a class, mean, pooled, and the yardstick's.

    Args:
        measured: The detector's.
        baseline: The per-pixel mean image's, or None.
    """
    keys = sorted(measured.mean, key=_level)
    lowest = _lowest(measured.per_class, keys)
    rows = [
        Row(
            name,
            [
                Cell(decimals(values[key]), "number lowest" if (name, key) in lowest else "number")
                for key in keys
            ],
        )
        for name, values in measured.per_class.items()
    ]
    rows += [
        _plain("Mean of classes", measured.mean, keys, "total first-total"),
        _plain("Pooled", measured.pooled, keys, "total"),
    ]
    if baseline is not None:
        rows += [
            _plain("Yardstick, mean of classes", baseline.mean, keys, "aside"),
            _plain("Yardstick, pooled", baseline.pooled, keys, "aside"),
        ]
    heads = [Cell(metric_title(key)) for key in keys]
    if baseline is None:
        return Table(heads, rows)
    return _beside_image_auroc(Table(heads, rows), keys, measured, baseline)


def _beside_image_auroc(
    table: Table, keys: Sequence[str], measured: Measured, baseline: Measured
) -> Table:
    """Put the yardstick's image AUROC of each class beside the detector's."""
    place = list(keys).index("image_auroc") + 1
    theirs: list[float | None] = [
        baseline.per_class.get(name, {}).get("image_auroc") for name in measured.per_class
    ]
    theirs += [baseline.mean["image_auroc"], baseline.pooled["image_auroc"]]
    cells = [Cell(decimals(value), "number yardstick") for value in theirs]
    cells += [Cell("")] * (len(table.rows) - len(cells))
    rows = [
        Row(row.head, [*row.cells[:place], cell, *row.cells[place:]], row.style)
        for row, cell in zip(table.rows, cells, strict=True)
    ]
    return Table([*table.heads[:place], Cell("Yardstick"), *table.heads[place:]], rows)


def _level(key: str) -> int:
    """Image metrics stand first, then those of pixels, then AUPRO."""
    return ("image", "pixel", "aupro").index(key.partition("_")[0])


def _plain(head: str, values: Values, keys: Sequence[str], style: str) -> Row:
    return Row(head, [Cell(decimals(values[key])) for key in keys], style)


def _lowest(per_class: Mapping[str, Values], keys: Sequence[str]) -> set[tuple[str, str]]:
    """Return class and metric where a metric is lowest, if there are classes to compare."""
    found = set()
    for key in keys:
        values = {name: value for name, v in per_class.items() if (value := v[key]) is not None}
        if len(values) >= LEAST_CLASSES and len(set(values.values())) > 1:
            least = min(values.values())
            found |= {(name, key) for name, value in values.items() if value == least}
    return found


def decisions_table(decisions: Sequence[Decisions]) -> Table:
    """Lay out what the thresholds did: false alarms beside the target, and defects found."""
    heads = [
        Cell("Threshold"),
        Cell("Set from", ""),
        Cell("Target"),
        Cell("False alarms"),
        Cell("Rate seen"),
        Cell("Interval"),
        Cell("Defects found"),
        Cell("Recall"),
    ]
    return Table(heads, list(_decision_rows(decisions)))


def _decision_rows(decisions: Sequence[Decisions]) -> Iterator[Row]:
    for one in decisions:
        threshold, alarms, found = one.threshold, one.false_alarms, one.found
        cells = [
            Cell("own" if threshold is None else score(threshold.value)),
            _provenance(threshold),
            Cell(percent(one.target_rate)),
            Cell(counted(alarms)),
            Cell(percent(alarms.rate)),
            Cell(interval(alarms)),
            Cell(counted(found)),
            Cell(percent(found.rate)),
        ]
        yield Row(one.name, cells, "total first-total" if one.name == EVERY_CLASS else "")


def _provenance(threshold: Threshold | None) -> Cell:
    """Say which images a threshold was set from, and mark what they do not suffice for."""
    if threshold is None:
        return Cell("", "text")
    if threshold.attainable:
        return Cell(f"{threshold.n} normal images", "text")
    return Cell(threshold.note, "text unattainable")
