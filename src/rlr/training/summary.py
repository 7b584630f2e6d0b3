"""What a training says of itself in result.json."""

from collections.abc import Mapping
from typing import Any

from rlr.detection.spec import DetectorSpec


def summarise(
    spec: DetectorSpec,
    model: str,
    images: Mapping[str, int],
    records: list[dict[str, Any]],
    feature_seconds: float,
) -> dict[str, Any]:
    """Return the fields of a training's result.

    Args:
        spec: Description of the detector.
        model: Name of the detector's folder.
        images: Number of images of each use.
        records: History, an epoch each.
        feature_seconds: Processor seconds of reading images and running the backbone.
    """
    unjudged, thresholds = spec.origin.unjudged, spec.thresholds
    return {
        "model": model,
        "config_name": spec.origin.config_name,
        "data_version": spec.origin.data_version,
        "seed": spec.origin.seed,
        "classes": spec.classes,
        "backbone": spec.backbone.model_dump(mode="json"),
        "images": dict(images),
        "unjudged": unjudged.model_dump(mode="json") if unjudged else None,
        "epochs": len(records),
        "final": records[-1],
        "cpu_seconds": {
            "features": feature_seconds,
            "training": sum(record["cpu_seconds"] or 0.0 for record in records),
        },
        "network_sha256": spec.weights.network,
        "backbone_sha256": spec.weights.backbone,
        "thresholds": {
            "rate": thresholds.rate,
            "overall": thresholds.overall.model_dump(mode="json"),
            "per_class": {
                name: threshold.model_dump(mode="json")
                for name, threshold in thresholds.per_class.items()
            },
        },
    }
