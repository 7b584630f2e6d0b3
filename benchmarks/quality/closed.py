"""How far features have come from random weights toward the best that are at hand."""

from collections.abc import Sequence

from quality.spread import MEAN, Record, epochs_of, records_at, spread_of
from quality.tables import LEAD, NONE, Document, name_of, table
from rlr.evaluation.metrics import metric_title
from rlr.foundation.errors import UserError

Epoch = int | None
Means = Sequence[float | None]


def closed_table(documents: Sequence[Document]) -> str:
    """Return a row a result: its means over the classes, and the share of the gap it closes.

    A gap is told only where the goal lies above the start: elsewhere there is no way to go. All
    are taken after the same epoch, the last that they have in common.

    Args:
        documents: The start of the way (random weights), its goal, and what lies between.

    Raises:
        UserError: There are fewer than two, or they have no epoch in common.
    """
    if len(documents) < 2:
        raise UserError("closed: name the results of the start, of the goal, and of the others.")
    epoch = _common_epoch(documents)
    start, goal = (_means(document, epoch) for document in documents[:2])
    head = ["", "weights", *(metric_title(metric) for metric in LEAD), "gap closed"]
    return table([head, *(_row(document, epoch, start, goal) for document in documents)])


def _row(document: Document, epoch: Epoch, start: Means, goal: Means) -> list[str]:
    means = _means(document, epoch)
    figures = [NONE if mean is None else f"{mean:.3f}" for mean in means]
    shares = [_share(*ends) for ends in zip(means, start, goal, strict=True)]
    weights = str(document["configuration"]["backbone"]["weights"])
    return [name_of(document), weights, *figures, " / ".join(shares)]


def _share(mean: float | None, start: float | None, goal: float | None) -> str:
    if mean is None or start is None or goal is None or goal <= start:
        return NONE
    return f"{(mean - start) / (goal - start):.0%}"


def _common_epoch(documents: Sequence[Document]) -> Epoch:
    """Return the last epoch that all are measured after; None for methods without epochs."""
    common = set[Epoch].intersection(*(set(epochs_of(document)) for document in documents))
    if not common:
        raise UserError("closed: these results have no measured epoch in common.")
    return max(common, key=lambda epoch: epoch or 0)


def _means(document: Document, epoch: Epoch) -> Means:
    records: list[Record] = records_at(document, epoch)
    spreads = [spread_of(records, MEAN, metric) for metric in LEAD]
    return [spread and spread.mean for spread in spreads]
