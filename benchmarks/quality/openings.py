"""Every look at real test images is counted: who looked, with what, when and why.

Choices are made on a development tree. A real test tree is opened for what is to be reported, and
for anything else only with a reason, which is then listed.
"""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rlr.config import Config, load_config
from rlr.config.load import preset_names
from rlr.foundation.documents import SCHEMA_VERSION, read_json, write_json
from rlr.foundation.errors import UserError
from rlr.registry.times import as_text

LEDGER = Path(__file__).parents[1] / "results" / "detection" / "openings.json"
REPORTED = ("published", "default")
# What may differ from a preset without its being another recipe: which backbone is looked through
# (the comparison of backbones), how long and on what machine.
FREE = (
    "name",
    "seed",
    "data",
    "synthetic",
    "features.backbone",
    "features.batch_size",
    "features.cache",
    "training.epochs",
    "training.device",
    "training.threads",
    "training.checkpoint_epochs",
    "validation",
    "threshold",
    "evaluation",
    "monitor",
)


@dataclass(frozen=True)
class Opening:
    """One look at the test images of a tree.

    Attributes:
        when: Time in UTC.
        configuration: What looked.
        configuration_sha256: Digest of the resolved configuration.
        seed: Seed of the training, or of the subset.
        epoch: Epoch after which; None for a method that has none.
        why: The reason.
        classes: Whose test folders.
        test_sha256: Digest of the test images.
    """

    when: str
    configuration: str
    configuration_sha256: str
    seed: int
    epoch: int | None
    why: str
    classes: list[str]
    test_sha256: str

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def now() -> str:
    """Return the time in UTC, to the second."""
    return as_text(datetime.now(UTC), "seconds")


def reason_of(config: Config, given: str | None) -> str:
    """Return why real test images are opened for a configuration.

    Args:
        config: The configuration.
        given: The reason that was given.

    Raises:
        UserError: The configuration is not one that is reported, and no reason was given.
    """
    if given:
        return given
    for name in REPORTED:
        if name in preset_names() and not _differences(config, load_config(name)):
            return f"{name}: reported"
    nearest = [name for name in REPORTED if name == config.name and name in preset_names()]
    differing = _differences(config, load_config(nearest[0])) if nearest else []
    told = f" (it differs in {', '.join(differing)})" if differing else ""
    raise UserError(
        f"Real test images are opened for {', '.join(REPORTED)} and PatchCore only, and the "
        f"configuration {config.name} is another{told}; measure it on a development tree "
        "(--development), or give --reason TEXT, which is listed with the results."
    )


def enter(opening: Opening, ledger: Path) -> None:
    """Add an opening to the ledger; several processes may do so at once.

    It is entered before the images are looked at: a look that was interrupted was one, too.
    """
    ledger.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(ledger.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        openings = [*read_ledger(ledger), opening.as_dict()]
        document = {"schema_version": SCHEMA_VERSION, "count": len(openings), "openings": openings}
        write_json(ledger, document)
    finally:
        os.close(folder)


def read_ledger(ledger: Path) -> list[dict[str, object]]:
    """Return the openings that a ledger lists.

    Raises:
        UserError: The file is no ledger.
    """
    if not ledger.is_file():
        return []
    document = read_json(ledger)
    if not isinstance(document, dict) or not isinstance(document.get("openings"), list):
        raise UserError(f"{ledger} is no ledger of openings; name another file with --ledger.")
    openings: list[dict[str, object]] = document["openings"]
    return openings


def _differences(config: Config, preset: Config) -> list[str]:
    ours, theirs = (_flat(one.model_dump(mode="json")) for one in (config, preset))
    keys = sorted(key for key in ours | theirs if ours.get(key) != theirs.get(key))
    return [key for key in keys if not _is_free(key, FREE)]


def _is_free(key: str, free: Sequence[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in free)


def _flat(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
