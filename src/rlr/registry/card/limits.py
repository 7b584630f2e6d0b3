"""What the figures themselves say about where a model ends."""

from collections.abc import Iterator
from typing import Any

from rlr.registry.card.sources import Sources


def warnings(sources: Sources) -> Iterator[str]:
    """Yield what must be read before anything else."""
    if _backbone(sources) == "random":
        yield (
            "The backbone's weights are random: this model is for trying out the pipeline, and its "
            "figures say nothing about the method."
        )
    floors = sources.facts["floors"] or ""
    if floors.startswith("fail"):
        yield f"The model is below its floors ({floors.removeprefix('fail: ')})."
    if sources.gate is not None and sources.gate.outcome == "reject":
        yield f"The gate rejected this version: {' '.join(sources.gate.reasons)}"


def limits(sources: Sources) -> Iterator[str]:
    """Yield the limits, a sentence each."""
    yield from sources.words.limits
    yield from _of_classes(sources)
    yield from _of_images(sources)
    yield from _of_thresholds(sources)
    yield from _of_unjudged(sources)
    yield from (sources.evaluation or {}).get("pixel_notes", ())
    yield (
        "All images were of one data version: what a camera, a light or a product does later is "
        "not measured here."
    )


def _backbone(sources: Sources) -> str | None:
    origin: str | None = ((sources.training or {}).get("backbone") or {}).get("weights_origin")
    return origin or (sources.evaluation or {}).get("backbone_weights")


def _of_classes(sources: Sources) -> Iterator[str]:
    classes = (sources.training or {}).get("classes") or []
    if classes:
        yield (
            f"It knows {', '.join(classes)}. Any other product is scored all the same, by the "
            "threshold for an unknown class, and nothing is promised for it."
        )


def _of_images(sources: Sources) -> Iterator[str]:
    few = sources.words.few_images
    for kind, key in (("normal", "false_alarms"), ("defective", "found")):
        short = [
            f"{entry['name']} ({entry[key]['n']})"
            for entry in (sources.evaluation or {}).get("decisions", ())
            if not entry["name"].startswith("All classes") and entry[key]["n"] < few
        ]
        if short:
            yield f"Few {kind} test images (below {few}), so wide intervals: {', '.join(short)}."


def _of_thresholds(sources: Sources) -> Iterator[str]:
    thresholds: dict[str, Any] = ((sources.training or {}).get("thresholds") or {}).get(
        "per_class", {}
    )
    notes: dict[str, list[str]] = {}
    for name, threshold in thresholds.items():
        if not threshold["attainable"]:
            notes.setdefault(threshold["method"], []).append(f"{name} ({threshold['class_n']})")
    for method, names in notes.items():
        instead = (
            "the scores of all classes were pooled"
            if method == "pooled"
            else "the largest score was taken"
        )
        yield (
            "Too few normal images of their own for the false-positive rate that was asked for, so "
            f"{instead}: {', '.join(names)}."
        )


def _of_unjudged(sources: Sources) -> Iterator[str]:
    unjudged = (sources.training or {}).get("unjudged")
    if unjudged:
        champion = unjudged["champion"] or "no model"
        yield (
            f"{unjudged['admitted']} training images were judged by nobody: they were taken for "
            f"normal after {champion} had looked at them; {unjudged['held_back']} were held back."
        )
    waiting = ((sources.evaluation or {}).get("images") or {}).get("unjudged")
    if waiting:
        yield f"{waiting} test images were judged by nobody and are not measured."
