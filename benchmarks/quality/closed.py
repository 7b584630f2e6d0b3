"""How far features have come from random weights toward the best that are at hand."""

from collections.abc import Sequence

from quality.spread import MEAN, Record, epochs_of, records_at, spread_of
from quality.tables import LEAD, NONE, Document, name_of, table
from rlr.evaluation.metrics import metric_title
from rlr.foundation.errors import UserError


def closed_table(documents: Sequence[Document]) -> str:
    """Return a row a result: its means over the classes, and the share of the gap it closes.

    A gap is told only where the goal lies above the start: elsewhere there is no way to go.

    Args:
        documents: The start of the way (random weights), its goal, and what lies between.

    Raises:
        UserError: There are fewer than two.
    """
    if len(documents) < 2:
        raise UserError("closed: name the results of the start, of the goal, and of the others.")
    start, goal = (_means(document) for document in documents[:2])
    head = ["", "weights", *(metric_title(metric) for metric in LEAD), "gap closed"]
    return table([head, *(_row(document, start, goal) for document in documents)])


def _row(
    document: Document, start: Sequence[float | None], goal: Sequence[float | None]
) -> list[str]:
    means = _means(document)
    figures = [NONE if mean is None else f"{mean:.3f}" for mean in means]
    shares = [_share(*ends) for ends in zip(means, start, goal, strict=True)]
    weights = str(document["configuration"]["backbone"]["weights"])
    return [name_of(document), weights, *figures, " / ".join(shares)]


def _share(mean: float | None, start: float | None, goal: float | None) -> str:
    if mean is None or start is None or goal is None or goal <= start:
        return NONE
    return f"{(mean - start) / (goal - start):.0%}"


def _means(document: Document) -> list[float | None]:
    records: list[Record] = records_at(document, epochs_of(document)[-1])
    spreads = [spread_of(records, MEAN, metric) for metric in LEAD]
    return [spread and spread.mean for spread in spreads]
