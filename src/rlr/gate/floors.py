"""The floors: what a model must reach to be called a challenger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlr.config.registry import FloorsConfig

PROTOCOL = "default"


@dataclass(frozen=True)
class FloorVerdict:
    """Whether a model's metrics hold the floors.

    Attributes:
        hold: Whether all of them do.
        reasons: One sentence for each floor that does not.
    """

    hold: bool
    reasons: list[str]

    def __str__(self) -> str:
        return "hold" if self.hold else f"fail: {'; '.join(self.reasons)}"


def judge(metrics: Mapping[str, Any], floors: FloorsConfig) -> FloorVerdict:
    """Compare metrics with the floors.

    Args:
        metrics: Contents of metrics.json: {protocol: {per_class, mean, pooled}}.
        floors: Least values, of the protocol `default`; null: no floor.

    Returns:
        The verdict. A metric that is undefined does not hold its floor.

    Example:
        >>> str(judge({"default": {"mean": {"image_auroc": 0.5}}}, FloorsConfig(image_auroc=0.6)))
        'fail: mean image_auroc 0.5000 is below 0.6'
    """
    reasons = [
        _complaint(name, value, floor)
        for name, value, floor in _compared(metrics.get(PROTOCOL, {}), floors)
        if value is None or value < floor
    ]
    return FloorVerdict(not reasons, reasons)


def _compared(
    measured: Mapping[str, Any], floors: FloorsConfig
) -> Iterator[tuple[str, float | None, float]]:
    """Yield name, value and floor of each floor that is set."""
    mean = measured.get("mean", {})
    for name, floor in floors.model_dump(exclude={"aupro", "worst_class_image_auroc"}).items():
        if floor is not None:
            yield f"mean {name}", mean.get(name), floor
    if floors.aupro is not None:
        # Written in the order of `evaluation.aupro_limits`, whose first the floor is about.
        name = next((key for key in mean if key.startswith("aupro_")), "aupro")
        yield f"mean {name}", mean.get(name), floors.aupro
    if floors.worst_class_image_auroc is not None:
        name, value = _worst(measured.get("per_class", {}))
        yield f"image_auroc of {name}", value, floors.worst_class_image_auroc


def _worst(per_class: Mapping[str, Any]) -> tuple[str, float | None]:
    """Return the class with the least image AUROC; classes where it is undefined are left out."""
    values = {name: metrics.get("image_auroc") for name, metrics in per_class.items()}
    defined = {name: value for name, value in values.items() if value is not None}
    if not defined:
        return "every class", None
    name = min(defined, key=lambda key: defined[key])
    return name, defined[name]


def _complaint(name: str, value: float | None, floor: float) -> str:
    if value is None:
        return f"{name} is undefined, and its floor is {floor:g}"
    return f"{name} {value:.4f} is below {floor:g}"
