"""Backbone weights: where a configuration's word leads to, how they are read, whether they fit."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from rlr.backbones import Entry, open_weights_store, packaged_weights
from rlr.config.features import BackboneConfig
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError, first_line

WeightsOrigin = Literal["hub", "file", "random", "packaged", "store"]
NESTED = ("state_dict_ema", "state_dict", "model_ema", "model")  # how timm's checkpoints wrap
WAYS = (
    "give features.backbone.weights as `packaged` (what comes with the package), as `store` "
    "(what `rlr backbone fetch` or `rlr backbone import` has brought to this machine), as `hub` "
    "(downloaded by timm), as the path of a local safetensors file or timm checkpoint, or as "
    "`random` if random weights are meant."
)
logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class WeightsSource:
    """Where the weights of a backbone come from.

    Attributes:
        origin: The kind of place.
        path: The file; None: there is none on this machine.
        sha256: Of the file.
        entry: The entry of the store, where they lie there.
    """

    origin: WeightsOrigin
    path: Path | None = None
    sha256: str | None = None
    entry: Entry | None = None


def resolve_weights(config: BackboneConfig) -> WeightsSource:
    """Return where the weights are that a configuration names.

    `hub` looks into the store first, for weights with the tag that the hub would give: so one
    configuration serves a machine with a network and one without.

    Raises:
        UserError: They are not there, or were changed since they were brought.
    """
    if config.weights == "random":
        return WeightsSource("random")
    if config.weights == "packaged":
        path = packaged_weights(config.name)
        if path is None:
            raise UserError(f"No weights of {config.name} come with the package; {WAYS}")
        return WeightsSource("packaged", path, file_sha256(path))
    if config.weights in ("hub", "store"):
        return _look_into_store(config)
    path = Path(config.weights)
    if not path.is_file():
        raise UserError(f"Backbone weights {path} are missing; {WAYS}")
    return WeightsSource("file", path, file_sha256(path))


def _look_into_store(config: BackboneConfig) -> WeightsSource:
    store = open_weights_store(config)
    entry = store.find(config.name, of_the_hub=config.weights == "hub")
    if entry is None:
        if config.weights == "hub":
            return WeightsSource("hub")
        raise UserError(f"The store {store.folder} has no weights of {config.name}; {WAYS}")
    damage = entry.damage()
    if damage:
        raise UserError(
            f"Backbone weights {entry.weights} are damaged ({damage}); bring them again, with "
            f"`rlr backbone fetch {entry.record.name} --replace` or `rlr backbone import`."
        )
    logger.info(
        "Weights of %s: from the store, %s (sha256 %s)",
        entry.record.name,
        entry.folder,
        entry.record.sha256[:12],
    )
    return WeightsSource("store", entry.weights, entry.record.sha256, entry)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from safetensors or from a timm checkpoint, as float32.

    Raises:
        UserError: The file is missing, broken, or would need unpickling of code.
    """
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in read_state(path).items()
    }


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict from safetensors or from a timm checkpoint, as precise as it is there.

    Raises:
        UserError: The file is missing, broken, or would need unpickling of code.
    """
    if not path.is_file():
        raise UserError(f"Backbone weights {path} are missing; {WAYS}")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else _read_checkpoint(path)
    except Exception as error:  # the two readers raise a dozen types between them
        raise UserError(
            f"Backbone weights {path} cannot be read ({first_line(error)}); copy the file "
            "anew, and hold its sha256 against that of where it comes from."
        ) from error
    return {name.removeprefix("module."): value for name, value in state.items()}


def _read_checkpoint(path: Path) -> dict[str, Tensor]:
    content: Any = torch.load(path, map_location="cpu", weights_only=True)
    for key in NESTED:
        if isinstance(content.get(key), dict):
            content = content[key]
    return {name: value for name, value in content.items() if isinstance(value, Tensor)}


def check_weights(
    state: Mapping[str, Tensor], name: str, options: Mapping[str, Any], path: Path
) -> None:
    """Refuse the weights of another model.

    timm loads what fits and is silent about the rest; only the classifier may be missing here.

    Raises:
        UserError: A parameter is missing or has another shape.
    """
    for key, value in _expected(name, options).items():
        found = state.get(key)
        if found is None or found.shape != value.shape:
            what = "is missing" if found is None else f"has shape {list(found.shape)}"
            raise UserError(
                f"{path} holds the weights of another model than {name}: {key} {what}, "
                f"where {list(value.shape)} is expected; name the model they were made for."
            )


def require_no_more(
    state: Mapping[str, Tensor], name: str, options: Mapping[str, Any], path: Path
) -> None:
    """Refuse weights that have more than the architecture: resnet34's would fit a resnet18.

    Raises:
        UserError: There is a parameter that the architecture does not have.
    """
    known = _shell(name, options).state_dict()
    more = [key for key in state if key not in known and not key.startswith(_heads(name))]
    if more:
        raise UserError(
            f"{path} holds the weights of another model than {name}, which has no {more[0]} "
            f"({len(more)} such in all); name the model they were made for."
        )


def read_exactly(path: Path, name: str, options: Mapping[str, Any]) -> dict[str, Tensor]:
    """Read weights that are those of a model, and nothing else.

    Raises:
        UserError: They cannot be read, or are those of another model.
    """
    state = read_state(path)
    check_weights(state, name, options, path)
    require_no_more(state, name, options, path)
    return state


def _expected(name: str, options: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return what weights must hold, its shapes alone: all but classifier and batch counters."""
    return {
        key: value
        for key, value in _shell(name, options).state_dict().items()
        if not key.startswith(_heads(name)) and not key.endswith("num_batches_tracked")
    }


def _shell(name: str, options: Mapping[str, Any]) -> nn.Module:
    """Build a model without memory for its weights: what is asked for is its shapes."""
    with torch.device("meta"):
        model: nn.Module = timm.create_model(name, pretrained=False, **options)
    return model


def _heads(name: str) -> tuple[str, ...]:
    heads = timm.get_pretrained_cfg(name).classifier or ()
    return (heads,) if isinstance(heads, str) else tuple(heads)


def weights_digest(state: Mapping[str, Tensor]) -> str:
    """Return the sha256 of weights: of names, types, shapes and values.

    Unlike the path of a file it is the same wherever the file lies, and another one where the
    file's content was exchanged. What stands beside the tensors in a file is not in it.
    """
    found = hashlib.sha256()
    for name in sorted(state):
        value = state[name]
        found.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        plain = value.detach().cpu().contiguous().reshape(-1)
        found.update(plain.view(torch.uint8).numpy().data if plain.numel() else b"")
    return found.hexdigest()
