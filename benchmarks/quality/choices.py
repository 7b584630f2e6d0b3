"""What choices are worth: variants against the preset, seed by seed."""

from collections.abc import Sequence
from pathlib import Path

from quality.results import read_results
from quality.spread import MEAN, POOLED, Record, Spread, spread_of, value_of
from quality.tables import Document, table

BASE = "default"
FIGURES = (
    ("image AUROC", MEAN, "image_auroc"),
    ("pooled", POOLED, "image_auroc"),
    ("pixel AUROC", MEAN, "pixel_auroc"),
    ("AUPRO", MEAN, "aupro_0.30"),
)


def choices_table(folder: Path) -> str:
    """Return a row a variant: its figures, and what the preset has over it.

    The last column is the mean over the seeds of (preset - variant) in image AUROC, with its
    standard deviation; a choice is shown to pay where that is more than the deviation.

    Args:
        folder: Results of `ablation.py`, a file a variant.
    """
    documents = {
        str(document["configuration"]["variant"]): document
        for document in (read_results(path) for path in sorted(folder.glob("*.json")))
    }
    if BASE not in documents:
        return f"Not measured yet: {BASE}."
    ours = documents.pop(BASE)
    head = ["", *(title for title, *_ in FIGURES), "what `default` has over it"]
    rows = [_row(f"`{BASE}`", ours, None)]
    rows += [_row(name, document, ours) for name, document in sorted(documents.items())]
    return table([head, *rows])


def _row(name: str, document: Document, ours: Document | None) -> list[str]:
    figures = [spread_of(document["records"], scope, metric) for _, scope, metric in FIGURES]
    told = [figure.told() if figure else "" for figure in figures]
    return [name, *told, "" if ours is None else _gain(ours["records"], document["records"])]


def _gain(ours: Sequence[Record], theirs: Sequence[Record]) -> str:
    by_seed = {record["seed"]: value_of(record, MEAN, "image_auroc") for record in ours}
    gains = []
    for record in theirs:
        mine, other = by_seed.get(record["seed"]), value_of(record, MEAN, "image_auroc")
        if mine is not None and other is not None:
            gains.append(mine - other)
    return Spread.of(gains).told() if gains else ""
