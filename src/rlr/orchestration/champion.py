"""The model that looks at unjudged images before a training takes them, and what the run says."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.config import Config
from rlr.config.registry import RegistryConfig
from rlr.data.manifest import Manifest
from rlr.data.splits import admissible
from rlr.foundation.errors import UserError
from rlr.registry.lookup import aliased_version
from rlr.registry.names import CHAMPION
from rlr.registry.server import connect
from rlr.registry.spool.recorder import Recorder
from rlr.registry.versions import UNJUDGED_TAGS, Located, locate_model

if TYPE_CHECKING:
    from rlr.training.admission import Champion


def champion_address(settings: Config) -> str:
    """Return the address of the model that scores unjudged images."""
    return settings.data.champion or champion_uri(settings.registry)


def champion_uri(settings: RegistryConfig) -> str:
    """Return the address of whatever is champion when it is asked for."""
    return f"models:/{settings.model_name}@{CHAMPION}"


def locate_champion(settings: RegistryConfig) -> Located | None:
    """Return the champion of the registry, fetched; None: there is none.

    The alias is asked once; what it names at that moment is what is fetched, by its number.

    Args:
        settings: Where the registry is, and the name of the model.

    Raises:
        UserError: The version cannot be used.
        MachineError: The registry does not answer.
    """
    version = aliased_version(connect(settings), settings.model_name, CHAMPION)
    if version is None:
        return None
    return locate_model(f"models:/{settings.model_name}/{version}", settings)


def find_champion(settings: Config, manifest: Manifest) -> "Champion | None":
    """Return the model that scores unjudged images; None where none has to be asked.

    Args:
        settings: Whether unjudged images are trained on, and where the registry is.
        manifest: The images.

    Raises:
        UserError: There are unjudged images to be trained on, and no champion.
        MachineError: The registry does not answer.
    """
    from rlr.training.admission import Champion

    data = settings.data
    count = len(admissible(manifest, data.validation_fraction)) if data.assume_normal else 0
    if not count or not data.review_share:
        return None
    reference = champion_address(settings)
    try:
        found = locate_model(reference, settings.registry)
    except UserError as error:
        raise UserError(
            f"data.assume_normal: a champion has to look at {count} unjudged images before they "
            f"are trained on, and there is none ({str(error).rstrip('.')}); judge the images with "
            "`rlr data label`, name a model with data.champion, or train on all of them, unseen, "
            "with data.review_share=0."
        ) from error
    return Champion(reference, found.name, found.folder, found.sha256)


def log_admission(recorder: Recorder, output: Path, result: Mapping[str, Any]) -> None:
    """Tell the run how many unjudged images were trained on, and under which champion.

    Args:
        recorder: Where the run of the training is recorded.
        output: Folder of the training.
        result: Its result.json.
    """
    from rlr.training.admission import FILES

    unjudged = result["unjudged"]
    if not unjudged:
        return
    values = (unjudged["admitted"], unjudged["held_back"], unjudged["champion"] or "none")
    recorder.set_tags(dict(zip(UNJUDGED_TAGS, map(str, values), strict=True)))
    recorder.log_files([output / name for name in FILES], "training")
