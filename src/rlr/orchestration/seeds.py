"""Trainings of one configuration with seeds one after another, for the variance between them."""

from pathlib import Path

from rlr.foundation.errors import UserError
from rlr.registry.versions import detector_folder

SEEDS = "seeds"


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
