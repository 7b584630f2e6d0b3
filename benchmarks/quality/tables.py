"""Results as tables: Markdown that reads well on a terminal, too."""

from collections.abc import Sequence
from typing import Any

from quality.spread import (
    MEAN,
    METRICS,
    POOLED,
    Spread,
    epochs_of,
    records_at,
    scopes_of,
    seconds_of,
    spread_of,
)
from rlr.evaluation.metrics import metric_title

Document = dict[str, Any]
NONE = "\N{EN DASH}"
LEAD = ("image_auroc", "pixel_auroc", "aupro_0.30")
GIBI = 2**30


def name_of(document: Document) -> str:
    """Return what was measured, in a few words."""
    configuration = document["configuration"]
    backbone = configuration["backbone"]["name"]
    if document["method"] != "patchcore":
        return f"`{configuration['name']}`, {backbone}"
    settings = configuration["patchcore"]
    banks = "a bank a class" if settings["banks"] == "class" else "one bank for all"
    return f"PatchCore (plain, our own), {banks}, {settings['subset']} subset, {backbone}"


def show(document: Document) -> str:
    """Return the tables of one results file: quality after its last epoch, and cost."""
    if not document["records"]:
        return f"{name_of(document)}: nothing measured yet."
    epochs = epochs_of(document)
    records = records_at(document, epochs[-1])
    seeds = ", ".join(str(record["seed"]) for record in records)
    after = "" if epochs[-1] is None else f" after {epochs[-1]} epochs"
    told = f"{name_of(document)}{after}; seeds {seeds}; {_images(document)}."
    return "\n\n".join([told, quality_table(document, records), cost_table([document])])


def quality_table(document: Document, records: Sequence[dict[str, Any]]) -> str:
    """Return all metrics of all classes, their mean, and pooled."""
    head = ["", *(metric_title(metric) for metric in METRICS)]
    rows = [
        [scope, *(_told(spread_of(records, scope, metric)) for metric in METRICS)]
        for scope in scopes_of(document)
    ]
    return table([head, *rows])


def comparison_table(documents: Sequence[Document]) -> str:
    """Return image AUROC / pixel AUROC / AUPRO of several results, an epoch a row."""
    scopes = sorted({scope for one in documents for scope in one["images"]["classes"]})
    head = ["", "epochs", "seeds", *scopes, MEAN, "pooled image AUROC"]
    rows = []
    for document in documents:
        for epoch in epochs_of(document):
            records = records_at(document, epoch)
            rows.append(
                [
                    name_of(document),
                    NONE if epoch is None else str(epoch),
                    str(len(records)),
                    *(_three(document, records, scope) for scope in [*scopes, MEAN]),
                    _told(spread_of(records, POOLED, LEAD[0])),
                ]
            )
    return table([head, *rows])


def cost_table(documents: Sequence[Document]) -> str:
    """Return processor time and memory of several results, an epoch a row."""
    head = [
        "",
        "epochs",
        "training, CPU min",
        "features, CPU s",
        "scoring, CPU ms an image",
        "peak memory, GiB",
        "machine",
    ]
    rows = []
    for document in documents:
        for epoch in epochs_of(document):
            records = records_at(document, epoch)
            peak = max((record["peak_bytes"] for record in records), default=0)
            rows.append(
                [
                    name_of(document),
                    NONE if epoch is None else str(epoch),
                    _told(seconds_of(records, "training"), 1 / 60, 1),
                    _told(seconds_of(records, "features"), 1, 1),
                    _told(seconds_of(records, "scoring_an_image"), 1000, 0),
                    f"{peak / GIBI:.2f}",
                    _machine(document),
                ]
            )
    return table([head, *rows])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows, the first of them the head, as a Markdown table with even columns."""
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*rows, strict=True)]
    head, *body = (
        [cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows
    )
    lines = [head, ["-" * width for width in widths], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _three(document: Document, records: Sequence[dict[str, Any]], scope: str) -> str:
    if scope != MEAN and scope not in document["images"]["classes"]:
        return NONE
    return " / ".join(_told(spread_of(records, scope, metric)) for metric in LEAD)


def _told(spread: Spread | None, scale: float = 1.0, digits: int = 3) -> str:
    return NONE if spread is None else spread.told(scale, digits)


def _images(document: Document) -> str:
    counts = document["images"]["classes"].values()
    given = sum(one["train"] + one["validation"] for one in counts)
    good = sum(one["test_good"] for one in counts)
    bad = sum(one["test_defective"] for one in counts)
    kind = "development tree" if document["images"]["development"] else "test images"
    return f"{given} normal images given, {kind}: {good} good and {bad} defective"


def _machine(document: Document) -> str:
    machine = document["machine"]
    threads = machine["threads"] or "all"
    return machine["device"] if machine["device"] != "cpu" else f"{machine['cpu']}, {threads} thr."
