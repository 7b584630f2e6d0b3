"""Files from the hub that timm's own weights lie on."""

import logging
from dataclasses import dataclass
from pathlib import Path

from timm.models import PretrainedCfg

from rlr.foundation.errors import MachineError, first_line
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
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it retries aloud
    place, _, revision = repository.partition("@")
    for file in FILES:
        cached = hub.try_to_load_from_cache(place, file, revision=revision or None)
        if isinstance(cached, str):
            return _fetched(cached, place)
    away = _why_away()
    if away:
        raise _refusal(name, away)
    for file in FILES:
        try:
            return _fetched(hub.hf_hub_download(place, file, revision=revision or None), place)
        except LocalEntryNotFoundError as error:  # a file that is there, but does not come
            raise _refusal(name, first_line(error)) from error
        except EntryNotFoundError:
            continue
        except Exception as error:  # the hub's client raises a zoo of network errors
            raise _refusal(name, first_line(error)) from error
    raise _refusal(name, f"{place} has none of {', '.join(FILES)}")


def _why_away() -> str | None:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    silence = why_silent(constants.ENDPOINT, PATIENCE)
    return f"{constants.ENDPOINT}: {silence}" if silence else None


def _fetched(file: str, place: str) -> Fetched:
    commit = Path(file).parent.name  # the cache has a folder a commit
    return Fetched(Path(file), f"{place}@{commit}")


def _refusal(name: str, reason: str) -> MachineError:
    return MachineError(
        f"Weights of {name} could not be fetched from the hub ({reason}); fetch them on a machine "
        "that reaches it, carry the file here and bring it in with "
        f"`rlr backbone import {name} FILE --sha256 ...`."
    )
