"""The tables of the gate's report, as rows of text."""

from collections.abc import Mapping

from rlr.evaluation.metrics import metric_title
from rlr.evaluation.report.tables import Cell, Row, Table
from rlr.evaluation.report.words import decimals
from rlr.gate.result import Compared, GateResult

OUTCOME_STYLE = {"promote": "pass", "inconclusive": "warn", "reject": "fail"}
RULES = {
    "floor": "Floor",
    "false_positive_rate": "False alarms",
    "latency": "Time for an image",
    "size": "Size of the artifact",
    "export": "Export",
    "class": "Single class",
    "primary": "Primary metric",
}
LEVELS = ("image", "pixel", "aupro", "primary")


def title_of(metric: str) -> str:
    """Return how a metric is called on the page.

    Example:
        >>> title_of("pixel_f1max"), title_of("aupro_0.30"), title_of("primary")
        ('Pixel F1-max', 'AUPRO 0.30', 'Primary metric')
    """
    return RULES.get(metric) or metric_title(metric)


def metrics_of(result: GateResult) -> list[str]:
    """Return the metrics of a result in the order of the page: images, pixels, AUPRO."""
    names = dict.fromkeys([*result.mean, *(k for v in result.per_class.values() for k in v)])
    return sorted(names, key=_level)


def _level(metric: str) -> int:
    return LEVELS.index(metric.partition("_")[0])


def values_table(result: GateResult) -> Table:
    """Lay out all metrics of both models: a row a class and model, the means last.

    Args:
        result: The decision.
    """
    metrics = metrics_of(result)
    rows = []
    for name, compared in [*result.per_class.items(), ("Mean of classes", result.mean)]:
        first = "total first-total" if compared is result.mean else ""
        rows += _pair(name, compared, metrics, result.champion is not None, first)
    return Table([Cell("", ""), *(Cell(title_of(metric)) for metric in metrics)], rows)


def _pair(
    name: str, compared: Mapping[str, Compared], metrics: list[str], both: bool, style: str
) -> list[Row]:
    found = [compared.get(metric) for metric in metrics]
    ours = [Cell(decimals(one.candidate if one else None)) for one in found]
    rows = [Row(name, [Cell("candidate", "side"), *ours], f"{style} candidate".strip())]
    if both:
        theirs = [Cell(decimals(one.champion if one else None)) for one in found]
        rows.append(Row("", [Cell("champion", "side"), *theirs], "champion"))
    return rows
