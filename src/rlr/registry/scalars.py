"""Nested values as flat lists of names and scalars: what MLflow and Kubeflow take."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FORBIDDEN = re.compile(r"[^\w\-. :/]")  # MLflow refuses these in the name of a metric


def flatten_metrics(metrics: Mapping[str, Any]) -> tuple[dict[str, float], list[str]]:
    """Return metrics under dotted names, the finite ones apart from those that have no value.

    Args:
        metrics: Nested mappings with numbers or null at the ends, as in metrics.json.

    Returns:
        Finite values by name (`default.mean.image_auroc`), and the names of the others.

    Example:
        >>> flatten_metrics({"default": {"mean": {"image_ap": 0.5, "pixel_ap": None}}})
        ({'default.mean.image_ap': 0.5}, ['default.mean.pixel_ap'])
    """
    finite: dict[str, float] = {}
    undefined: list[str] = []
    for path, value in _walk(metrics):
        name = FORBIDDEN.sub("_", ".".join(path))
        if value is None:
            undefined.append(name)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            if math.isfinite(value):
                finite[name] = float(value)
            else:
                undefined.append(name)
    return finite, undefined


def flatten_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return settings under dotted names, every value as text; a list stays one value.

    Example:
        >>> flatten_settings({"training": {"epochs": 5, "levels": [1, 2]}})
        {'training.epochs': '5', 'training.levels': '[1, 2]'}
    """
    return {".".join(path): _as_text(value) for path, value in _walk(settings)}


def _walk(value: Any, path: Sequence[str] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _walk(below, (*path, str(name)))
    else:
        yield tuple(path), value


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
