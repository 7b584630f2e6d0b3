"""Two results on the same images: how far apart they are, and how sure that is.

The interval is a bootstrap over pairs: both methods are measured on the same images drawn again,
good and defective ones apart, and the differences of all seeds are averaged before the quantiles
are taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from quality.results import read_scores
from quality.spread import epochs_of, reaches, records_at, seconds_of
from quality.tables import LEAD, name_of, table
from rlr.data.manifest import is_defective
from rlr.foundation.errors import UserError

Document = dict[str, Any]
DRAWS = 2000
LEVEL = 0.95
LEEWAY = 0.01


@dataclass(frozen=True)
class Difference:
    """Image AUROC of one result minus that of another, in one class.

    Attributes:
        name: The class.
        mean: Over the seeds.
        low, high: Ends of the paired interval.
    """

    name: str
    mean: float
    low: float
    high: float

    @property
    def leeway(self) -> float:
        """How far below zero is no loss: 0.01, or half the interval where that is wider."""
        return max(LEEWAY, (self.high - self.low) / 2)

    @property
    def is_loss(self) -> bool:
        """Whether the first is worse than the leeway allows."""
        return self.mean < -self.leeway


def differences(first: Path, one: Document, second: Path, other: Document) -> list[Difference]:
    """Compare the last epochs of two results, class by class.

    Args:
        first: File of the first result.
        one: Its content.
        second: File of the second result.
        other: Its content.

    Raises:
        UserError: They were measured on other images, or nothing was measured.
    """
    if one["images"]["test_sha256"] != other["images"]["test_sha256"]:
        raise UserError(f"{first} and {second} were measured on other images; compare like ones.")
    ours, theirs = (_scores(*pair) for pair in ((first, one), (second, other)))
    paths = ours.index.intersection(theirs.index)
    ours, theirs = ours.loc[paths], theirs.loc[paths]
    return [
        _difference(str(name), rows, theirs.loc[rows.index]) for name, rows in ours.groupby("class")
    ]


def difference_table(pairs: Sequence[tuple[Path, Document]]) -> str:
    """Compare the first result with each of the others, on image AUROC."""
    (first, one), *others = pairs
    head = ["against", "class", "difference of image AUROC", "95 % interval", "allowed", ""]
    rows = [
        _row(name_of(other), found)
        for path, other in others
        for found in differences(first, one, path, other)
    ]
    lines = [speed(one, other) for _, other in others]
    return "\n\n".join([table([head, *rows]), *(line for line in lines if line)])


def speed(one: Document, other: Document) -> str:
    """Say when the first reaches the means of the other's last epoch, in CPU time of training."""
    last = records_at(other, epochs_of(other)[-1])
    goal = seconds_of(last, "training")
    if goal is None or not goal.mean:
        return ""
    for epoch in epochs_of(one):
        records = records_at(one, epoch)
        spent = seconds_of(records, "training")
        if spent is not None and reaches(records, last, LEAD):
            return (
                f"{name_of(one)} has the mean image AUROC, pixel AUROC and AUPRO of "
                f"{name_of(other)} after {epoch} epochs, in {spent.mean / goal.mean:.3f} of its "
                "CPU time of training."
            )
    return f"{name_of(one)} does not reach all means of {name_of(other)}."


def _row(against: str, found: Difference) -> list[str]:
    return [
        against,
        found.name,
        f"{found.mean:+.3f}",
        f"{found.low:+.3f} to {found.high:+.3f}",
        f"{-found.leeway:+.3f}",
        "worse" if found.is_loss else "",
    ]


def _scores(path: Path, document: Document) -> pd.DataFrame:
    """Return class and label of each image, and a column of scores a seed."""
    if not document["records"]:
        raise UserError(f"{path}: nothing is measured yet; wait for it, or run it again.")
    records = records_at(document, epochs_of(document)[-1])
    tables = [read_scores(path, record).set_index("path") for record in records]
    scores = {f"seed {place}": one["image_score"] for place, one in enumerate(tables)}
    return tables[0][["class", "label"]].assign(**scores)


def _difference(name: str, ours: pd.DataFrame, theirs: pd.DataFrame) -> Difference:
    bad = is_defective(ours).to_numpy()
    # AUROC is a mean over pairs of images, so the difference is one, too.
    pairs = _right_order(ours, bad) - _right_order(theirs, bad)
    draws = np.random.default_rng(0)
    drawn = [draws.multinomial(n, np.full(n, 1 / n), DRAWS) / n for n in pairs.shape]
    found = ((drawn[0] @ pairs) * drawn[1]).sum(axis=1)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(name, float(pairs.mean()), float(low), float(high))


def _right_order(scores: pd.DataFrame, bad: np.ndarray) -> np.ndarray:
    """Return, for each defective and good image, the share of seeds that has them in order.

    (defective, good), float64; a tie counts half. Its mean is the AUROC averaged over the seeds.
    """
    found = []
    for column in scores.columns.drop(["class", "label"]):
        values = scores[column].to_numpy()
        found.append((np.sign(values[bad][:, None] - values[~bad]) + 1) / 2)
    return np.mean(found, axis=0)
