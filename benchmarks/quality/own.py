"""Measure this package: its own training, its own detector, epoch by epoch."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from quality.openings import Opening, enter, now
from quality.protocol import Tree, measure_stream
from quality.results import Results, describe_code, peak_bytes
from rlr.config import Config
from rlr.detection.detector import Detector
from rlr.evaluation.evaluate import judged_test_rows
from rlr.foundation.documents import RESULT_FILE, read_json
from rlr.foundation.errors import UserError
from rlr.training.train import MODEL_FOLDER, train

Announce = Callable[[int, int | None], None]


def announce_to(results: Results, tree: Tree, why: str | None, ledger: Path) -> Announce:
    """Return what must be called before test images are looked at.

    Args:
        results: Lists the opening.
        tree: Whose test images.
        why: The reason; None: a development tree, where nothing is counted.
        ledger: Lists it, too.
    """

    def announce(seed: int, epoch: int | None) -> None:
        if why is None:
            return
        described, images = results.document["configuration"], tree.describe()
        opening = Opening(
            when=now(),
            configuration=f"{results.document['method']} {described['name']}",
            configuration_sha256=described["sha256"],
            seed=seed,
            epoch=epoch,
            why=why,
            classes=sorted(images["classes"]),
            test_sha256=images["test_sha256"],
        )
        enter(opening, ledger)
        results.add_opening(opening.as_dict())

    return announce


def check_epochs(config: Config, asked: Sequence[int] | None) -> list[int]:
    """Return the epochs after which is measured, rising.

    Raises:
        UserError: One of them is not in the training.
    """
    last = config.training.epochs
    epochs = sorted(set(asked or [last]))
    if epochs[0] < 1 or epochs[-1] > last:
        raise UserError(
            f"--epochs-measured {' '.join(map(str, epochs))}: the training has epochs 1 to {last} "
            "(training.epochs)."
        )
    return epochs


def measure_seed(
    config: Config, tree: Tree, epochs: Sequence[int], results: Results, announce: Announce
) -> None:
    """Train with one seed, and measure after each of the epochs that is not measured yet."""
    folder = results.work / f"seed-{config.seed}"
    for epoch in epochs:
        if results.has(config.seed, epoch):
            continue
        trained = train_until(config, tree, epoch, folder)
        announce(config.seed, epoch)
        record_epoch(config, tree, epoch, trained, folder, results)
    shutil.rmtree(folder, ignore_errors=True)


def train_until(config: Config, tree: Tree, epoch: int, folder: Path) -> dict[str, Any]:
    """Train up to an epoch, from where an interrupted training stands; return its result."""
    if (folder / RESULT_FILE).is_file():
        done: dict[str, Any] = read_json(folder / RESULT_FILE)
        if done["epochs"] == epoch:
            return done
    return train(config, tree.manifest, folder, until=epoch)


def record_epoch(
    config: Config,
    tree: Tree,
    epoch: int,
    trained: dict[str, Any],
    folder: Path,
    results: Results,
) -> None:
    """Run a trained detector over the test images, and add what comes out to the results."""
    detector = Detector.load(
        folder / MODEL_FOLDER, config.training.device, config.features.batch_size
    )
    rows, _ = judged_test_rows(tree.manifest)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".maps.") as scratch:
        stream = detector.predict_rows(tree.manifest, rows)
        outcome = measure_stream(tree.manifest, stream, len(rows), Path(scratch))
    history = read_json(folder / "history.json")
    record = {
        "seed": config.seed,
        "epoch": epoch,
        "epochs_trained": trained["epochs"],
        "cpu_seconds": {
            "training": trained["cpu_seconds"]["training"],
            "features": trained["cpu_seconds"]["features"],
            "scoring_an_image": outcome.scoring_seconds / len(rows),
            "metrics": outcome.metric_seconds,
        },
        "wall_seconds_of_training": sum(one["seconds"] for one in history),
        "peak_bytes": peak_bytes(),
        "loss": trained["final"]["loss"],
        "validation_loss": trained["final"]["validation_loss"],
        "network_sha256": trained["network_sha256"],
        "code": describe_code(),
        "metrics": outcome.metrics,
    }
    results.add(record, outcome)
