"""`rlr predict`: score images with a detector."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.evaluate import ModelArgument
from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table

if TYPE_CHECKING:
    from rlr.detection.detector import Detector

PathsArgument = Annotated[
    list[Path], typer.Argument(metavar="PATHS...", help="Image files, or folders of them.")
]
ClassOption = Annotated[
    str | None,
    typer.Option("--class", metavar="NAME", help="Product class, where known: its threshold."),
]
HeatmapsOption = Annotated[
    Path | None, typer.Option("--heatmaps", metavar="DIR", help="Folder for heat-map overlays.")
]
DecodedOption = Annotated[
    Path | None,
    typer.Option(
        "--decoded",
        metavar="DIR",
        help="Folder for strips: image, what the model sees, what it expects, heat map.",
    ),
]


def predict(
    model: ModelArgument,
    paths: PathsArgument,
    class_name: ClassOption = None,
    heatmaps: HeatmapsOption = None,
    decoded: DecodedOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score images: score, threshold, decision, and on request heat maps and decoded features.

    The detector carries its own settings. Of the configuration only the device, the batch size,
    the registry and, where set by --set, threshold.false_positive_rate are used.
    """
    from rlr.detection.detector import Detector
    from rlr.registry.versions import resolve_model

    settings = read_config(config, overrides)
    files = _find_images(paths)
    detector = Detector.load(
        resolve_model(model, settings.registry),
        settings.training.device,
        settings.features.batch_size,
    )
    if any(override.startswith("threshold.") for override in overrides or ()):
        detector = detector.at_rate(settings.threshold.false_positive_rate)
    detector.image_threshold(class_name)  # an unknown class is refused before anything is read
    if decoded:
        _require_decoder(detector, model)
    predictions = list(_score(detector, files, class_name, heatmaps, decoded))
    document = {
        "model": model,
        "classes": detector.spec.classes,
        "backbone_weights": detector.spec.backbone.weights_origin,
        "threshold": detector.image_threshold(class_name).model_dump(mode="json"),
        "predictions": predictions,
    }
    emit(document, as_json, _lines)


def _find_images(paths: list[Path]) -> list[Path]:
    """Return the image files among the paths and in the folders among them, in order."""
    from rlr.data.images import SUFFIXES
    from rlr.foundation.errors import UserError

    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not found:
                raise UserError(f"{path} holds no image; name images, or a folder of them.")
            files += found
        elif path.is_file():
            files.append(path)
        else:
            raise UserError(f"{path} is missing; name images, or a folder of them.")
    return files


def _score(
    detector: "Detector",
    files: list[Path],
    class_name: str | None,
    heatmaps: Path | None,
    decoded: Path | None,
) -> Iterator[dict[str, Any]]:
    from rlr.foundation.progress import track

    size = detector.batch_size
    starts = range(0, len(files), size)
    targets, strips = _targets(files, heatmaps), _targets(files, decoded)
    for start in track(starts, "predicting"):
        batch = files[start : start + size]
        places = zip(targets[start : start + size], strips[start : start + size], strict=True)
        images = [detector.read(path) for path in batch]
        results = detector.predict(images, [class_name] * len(images))
        for path, (target, strip), image, result in zip(
            batch, places, images, results, strict=True
        ):
            row = {
                "path": str(path),
                "image_score": result.image_score,
                "threshold": result.threshold,
                "is_anomalous": result.is_anomalous,
                "heatmap": str(target) if target else None,
                "decoded": str(strip) if strip else None,
            }
            if target:
                _write_heatmap(target, image, result.anomaly_map, result.threshold)
            if strip:
                _write_strip(strip, detector, image, result.anomaly_map, result.threshold)
            yield row


def _require_decoder(detector: "Detector", model: str) -> None:
    from rlr.foundation.errors import UserError

    if detector.decoder is None:
        raise UserError(
            f"{model} has no decoder, so --decoded has nothing to draw with; "
            "train it again with decoder.enabled=true."
        )


def _targets(files: list[Path], folder: Path | None) -> list[Path] | list[None]:
    """Name pictures after the images, in folders as theirs below what they have in common."""
    if folder is None:
        return [None] * len(files)
    common = Path(os.path.commonpath([path.resolve().parent for path in files]))
    relative = [path.resolve().relative_to(common) for path in files]
    # An image of another format keeps its suffix, lest a.jpg and a.png meet.
    return [
        folder / (path if path.suffix == ".png" else path.with_name(f"{path.name}.png"))
        for path in relative
    ]


def _write_heatmap(target: Path, image: Any, anomaly_map: Any, threshold: float) -> None:
    from PIL import Image

    from rlr.detection.heatmap import overlay
    from rlr.foundation.atomic import atomic_file

    with atomic_file(target) as temporary:
        Image.fromarray(overlay(image, anomaly_map, threshold)).save(temporary, format="PNG")


def _write_strip(
    target: Path, detector: "Detector", image: Any, anomaly_map: Any, threshold: float
) -> None:
    from PIL import Image

    from rlr.detection.decoding import draw_strip
    from rlr.foundation.atomic import atomic_file

    strip = draw_strip(detector, image, anomaly_map, threshold)
    with atomic_file(target) as temporary:
        Image.fromarray(strip).save(temporary, format="PNG")


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    if document["backbone_weights"] == "random":
        yield "Backbone weights are random: the detector is for trying out the pipeline alone."
    rows = [
        (row["path"], row["image_score"], "ANOMALOUS" if row["is_anomalous"] else "normal")
        for row in document["predictions"]
    ]
    yield table(("image", "score", "verdict"), rows)
    threshold = document["threshold"]
    note = f" ({threshold['note']})" if threshold["note"] else ""
    yield f"Threshold {threshold['value']:.4f} at a rate of {threshold['rate']:g}{note}."
