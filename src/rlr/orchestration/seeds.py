"""Trainings of one configuration with seeds one after another, for the variance between them."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.config import Config
from rlr.foundation.documents import RESULT_FILE
from rlr.foundation.errors import UserError
from rlr.registry.versions import detector_folder

if TYPE_CHECKING:
    from rlr.data.manifest import Manifest
    from rlr.training.admission import Champion

SEEDS = "seeds"

logger = logging.getLogger("rlr")


def train_further_seeds(
    settings: Config, manifest: "Manifest", output: Path, champion: "Champion | None"
) -> list[int]:
    """Train the candidates of further seeds, which the gate learns the variance between seeds from.

    They are trained before the first one, whose result.json ends the whole step: a step that was
    killed goes on, and what is complete is not trained again.

    Args:
        settings: The configuration; `gate.seeds` says how many candidates there are in all.
        manifest: The images.
        output: Output folder of the first training.
        champion: The model that looks at unjudged images; None: there is none.

    Returns:
        The further seeds.

    Raises:
        UserError: What a training refuses.
    """
    from rlr.training.train import train

    count = settings.gate.seeds
    seeds = [settings.seed + number for number in range(1, count)]
    for number, seed in enumerate(seeds, start=2):
        folder = seed_folder(output, number)
        own = settings.model_copy(update={"seed": seed})
        if _is_done(folder, own, manifest):
            logger.info("Candidate %d of %d, seed %d: trained already", number, count, seed)
            continue
        logger.info("Candidate %d of %d, seed %d, for the gate alone", number, count, seed)
        train(own, manifest, folder, champion=champion)
    if seeds:
        logger.info("Candidate 1 of %d, seed %d, the one to be registered", count, settings.seed)
    return seeds


def refuse_team(settings: Config) -> None:
    """Refuse further seeds where several processes train one model.

    Raises:
        UserError: `gate.seeds` asks for more than one.
    """
    if settings.gate.seeds > 1:
        raise UserError(
            f"gate.seeds={settings.gate.seeds}: a training on several processes or nodes makes one "
            "candidate; set gate.seeds=1, or train in a single process."
        )


def is_team() -> bool:
    """Return whether torchrun has started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _is_done(folder: Path, settings: Config, manifest: "Manifest") -> bool:
    """Return whether a folder holds the complete training of a configuration on these images."""
    from rlr.detection.artifact import read_spec

    if not (folder / RESULT_FILE).is_file():
        return False
    origin = read_spec(detector_folder(folder)).origin
    made_from = origin.config_sha256, origin.manifest_sha256
    return made_from == (settings.digest(), manifest.digest)


def seed_folder(output: Path, number: int) -> Path:
    """Return the folder of a further training inside of the first one's output.

    Args:
        output: Output folder of the first training.
        number: 2 for the second seed, and so on.
    """
    return output / SEEDS / str(number)


def further_models(output: Path, seeds: int) -> list[Path]:
    """Return the detectors of the further seeds of a training.

    Args:
        output: Output folder of the first training.
        seeds: How many there should be, the first one counted.

    Raises:
        UserError: There are not as many.
    """
    folders = [seed_folder(output, number) for number in range(2, seeds + 1)]
    try:
        return [detector_folder(folder) for folder in folders]
    except UserError as error:
        raise UserError(
            f"gate.seeds is {seeds}, but {output} does not hold as many trainings; train it with "
            f"--set gate.seeds={seeds}, or judge it with --set gate.seeds=1."
        ) from error
