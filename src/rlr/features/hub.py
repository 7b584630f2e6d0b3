"""Files from the hub that timm's own weights lie on."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from timm.models import PretrainedCfg

from rlr.foundation.errors import MachineError
from rlr.foundation.network import why_silent

FILES = ("model.safetensors", "pytorch_model.bin")
PATIENCE = 10.0  # seconds for a first answer; the hub's client would try for half a minute


@dataclass(frozen=True)
class Fetched:
    """A file from the hub.

    Attributes:
        file: Where it lies on this machine.
        place: Repository and commit that it is of.
    """

    file: Path
    place: str


def hub_place(known: PretrainedCfg) -> str | None:
    """Return the repository of a model's weights on the hub; None: there is none."""
    return known.hf_hub_id or None


def download(repository: str, name: str) -> Fetched:
    """Download a model's weights; what the hub's own cache on this machine has is taken from it.

    Args:
        repository: "owner/name", with "@revision" where one is meant.
        name: The model, for messages.

    Raises:
        MachineError: The hub cannot be reached, or refuses.
    """
    import huggingface_hub as hub
    from huggingface_hub import constants
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it retries aloud
    place, _, revision = repository.partition("@")
    for file in FILES:
        cached = hub.try_to_load_from_cache(place, file, revision=revision or None)
        if isinstance(cached, str):
            return _fetched(cached, place)
    if constants.HF_HUB_OFFLINE:
        _refuse(name, "HF_HUB_OFFLINE is set")
    silence = why_silent(constants.ENDPOINT, PATIENCE)
    if silence:
        _refuse(name, f"{constants.ENDPOINT}: {silence}")
    for file in FILES:
        try:
            return _fetched(hub.hf_hub_download(place, file, revision=revision or None), place)
        except LocalEntryNotFoundError as error:  # it answers, but not to this
            _refuse(name, _first_line(error), error)
        except EntryNotFoundError:
            continue
        except Exception as error:  # the hub's client raises a zoo of network errors
            _refuse(name, _first_line(error), error)
    _refuse(name, f"{place} has none of {', '.join(FILES)}")


def _fetched(file: str, place: str) -> Fetched:
    commit = Path(file).parent.name  # the cache has a folder a commit
    return Fetched(Path(file), f"{place}@{commit}")


def _refuse(name: str, reason: str, cause: Exception | None = None) -> NoReturn:
    raise MachineError(
        f"Weights of {name} could not be fetched from the hub ({reason}); fetch them on a machine "
        "that reaches it, carry the file here and bring it in with "
        f"`rlr backbone import {name} FILE --sha256 ...`."
    ) from cause


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
