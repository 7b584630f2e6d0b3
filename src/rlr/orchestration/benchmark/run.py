"""One preset with one seed: a training, and an evaluation category by category.

A run is finished when its result.json is there, and is not made again. A killed one goes on from
its checkpoint, or from the first category that is not measured yet; no more maps than those of
one category lie on disk at a time.
"""

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from rlr.config import Config
from rlr.data.manifest import GOOD, Manifest
from rlr.data.splits import carve_validation
from rlr.foundation.build import current_build
from rlr.foundation.documents import (
    RESULT_FILE,
    digest,
    read_json,
    read_result,
    write_json,
    write_result,
)
from rlr.foundation.errors import UserError
from rlr.orchestration.benchmark.protocol import METRICS, PROTOCOL, SAMPLE_METRIC

logger = logging.getLogger("rlr")

IDENTITY_FILE = "run.json"
KIND = "benchmark-run"
# Where things lie and how fast they are done: another value makes the same run.
PLACES = {
    "data": {"root", "cache", "remote", "workers"},
    "features": {"disk"},
    "training": {"device", "threads", "checkpoint_epochs"},
}


def run_once(
    config: Config, manifest: Manifest, folder: Path, preset: str, views: bool
) -> dict[str, Any]:
    """Train and measure one preset with one seed, as far as that is not done yet.

    Args:
        config: The configuration, with its seed.
        manifest: All images, with nothing set aside yet; the model is trained on those of all
            categories together.
        folder: Where the run is kept.
        preset: Its name in tables.
        views: Whether images in one folder show one part.

    Returns:
        The content of the run's result.json.

    Raises:
        UserError: The folder holds another run, or the images or the configuration are refused.
    """
    frame = carve_validation(manifest.frame, config.data.validation_fraction)
    manifest = Manifest(frame, manifest.root, manifest.version)
    _claim(config, manifest, folder)
    if (folder / RESULT_FILE).is_file():
        return read_result(folder, KIND)
    trained = _train(config, manifest, folder)
    categories = _evaluate(config, manifest, folder)
    scores = {
        name: pd.read_parquet(_category(folder, name) / "scores.parquet") for name in categories
    }
    if views:
        for name, frame in scores.items():
            categories[name][SAMPLE_METRIC] = _sample_auroc(frame)
    return write_result(
        folder,
        KIND,
        preset=preset,
        seed=config.seed,
        identity=_identity(config, manifest),
        epochs=trained["epochs"],
        training_images=trained["images"]["train"],
        training_seconds=_epoch_seconds(folder),
        backbone=trained["backbone"],
        device=_device(config),
        code=current_build().as_dict(),
        categories=categories,
        pooled=_pooled(scores.values()),
    )


def _claim(config: Config, manifest: Manifest, folder: Path) -> None:
    """Refuse a folder that holds a run with other settings, images or code."""
    wanted, file = _identity(config, manifest), folder / IDENTITY_FILE
    if not file.is_file():
        write_json(file, {"identity": wanted})
        return
    if read_json(file).get("identity") != wanted:
        raise UserError(
            f"{folder} holds a run with other settings, other images or another version of the "
            "code; remove that folder, or choose another --output."
        )


def _identity(config: Config, manifest: Manifest) -> str:
    return digest(
        {
            "config": config.model_dump(mode="json", exclude=PLACES),
            "images": manifest.digest,
            "version": current_build().version,
        }
    )


def _train(config: Config, manifest: Manifest, folder: Path) -> dict[str, Any]:
    from rlr.training.train import train

    output = folder / "train"
    if (output / RESULT_FILE).is_file():
        return read_result(output, "train")
    shutil.rmtree(folder / "evaluate", ignore_errors=True)  # of a model that is gone
    return train(config, manifest, output)


def _evaluate(config: Config, manifest: Manifest, folder: Path) -> dict[str, dict[str, Any]]:
    from rlr.detection.detector import Detector
    from rlr.evaluation.evaluate import evaluate

    device, batch = config.training.device, config.features.batch_size
    detector = None
    measured = {}
    for name in manifest.classes:
        output = _category(folder, name)
        if not (output / RESULT_FILE).is_file():
            detector = detector or Detector.load(folder / "train" / "model", device, batch)
            own = manifest.frame[manifest.frame["class"] == name].reset_index(drop=True)
            logger.info("measuring %s", name)
            evaluate(detector, Manifest(own, manifest.root, manifest.version), config, output)
        values = read_json(output / "metrics.json")[PROTOCOL]["per_class"][name]
        measured[name] = {metric: values[metric] for metric in METRICS}
    return measured


def _category(folder: Path, name: str) -> Path:
    return folder / "evaluate" / name


def _pooled(scores: Iterable[pd.DataFrame]) -> dict[str, float | None]:
    """Return the image metrics over all categories together: are their scores on one scale?"""
    from rlr.evaluation.metrics import image_metrics

    frame = pd.concat(list(scores))
    defective = (frame["label"] != GOOD).to_numpy().astype(int)
    return image_metrics(defective, frame["image_score"].to_numpy())


def _sample_auroc(frame: pd.DataFrame) -> float | None:
    """Return the AUROC of parts: a part's score is the greatest of its views' scores."""
    from rlr.evaluation.metrics import image_metrics

    parts = frame.assign(
        part=[PurePosixPath(path).parent.as_posix() for path in frame["path"]],
        defective=(frame["label"] != GOOD).astype(int),
    ).groupby("part")
    scores, labels = parts["image_score"].max(), parts["defective"].max()
    return image_metrics(labels.to_numpy(), scores.to_numpy())["image_auroc"]


def _epoch_seconds(folder: Path) -> float:
    """Return the duration of all epochs, over kills and resumes; reading features is not in it."""
    return float(sum(epoch["seconds"] for epoch in read_json(folder / "train" / "history.json")))


def _device(config: Config) -> str:
    import torch

    from rlr.detection.device import pick_device

    device = pick_device(config.training.device)
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"CPU, {torch.get_num_threads()} threads"
