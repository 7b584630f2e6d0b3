"""Bringing weights of a backbone into the store: from the hub, or from a file.

Nothing is executed on the way: a checkpoint is read without its code, and what is kept is
safetensors, with a record beside it.
"""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import timm
from safetensors.torch import save
from timm.models import PretrainedCfg
from torch import Tensor

from rlr.backbones import Entry, Source, WeightsRecord, WeightsStore
from rlr.backbones.record import Channels
from rlr.features.backbone import require_known
from rlr.features.hub import download, hub_place
from rlr.features.weights import read_exactly
from rlr.foundation.documents import bytes_sha256, file_sha256
from rlr.foundation.errors import MachineError, UserError

TOOLS = ("rlr", "timm", "torch", "safetensors")
Options = dict[str, str | int | float | bool]


@dataclass(frozen=True)
class Making:
    """How weights were made, as far as their file does not say it.

    Attributes:
        options: Further arguments of timm.create_model.
        mean: What their images were normalised with; None: as timm says of the architecture.
        std: Likewise.
        licence: Of the weights; None: as timm says, where the name has a tag that it knows.
    """

    options: Options
    mean: Channels | None = None
    std: Channels | None = None
    licence: str | None = None


def import_weights(
    store: WeightsStore,
    name: str,
    file: Path,
    making: Making,
    expected: str | None = None,
    replace: bool = False,
) -> tuple[Entry, bool]:
    """Bring weights from a file into the store.

    Args:
        store: The store.
        name: timm model name; with a tag where the weights are those that timm knows by it.
        file: Safetensors file, kept byte for byte, or timm checkpoint, which is converted.
        making: What the file does not say.
        expected: sha256 that the file must have.
        replace: Whether other weights of that name give way.

    Returns:
        The entry, and whether anything was written.

    Raises:
        UserError: The model is unknown, the file is not what was expected or belongs to another
            model, or other weights have that name.
        MachineError: The store cannot be written.
    """
    require_known(name)
    if not file.is_file():
        raise UserError(f"{file} is not a file; name a safetensors file or a timm checkpoint.")
    found = file_sha256(file)
    if expected is not None and found != expected.lower():
        raise UserError(
            f"{file} has the sha256 {found}, not the expected {expected.lower()}: it was damaged "
            "or exchanged on its way; copy it again."
        )
    content, parameters = _plain(file, name, making.options)
    source = Source(kind="file", place=file.name, sha256=found)
    record = _record(name, content, parameters, source, making)
    return store.add(record, content, replace)


def fetch_weights(store: WeightsStore, name: str, replace: bool = False) -> tuple[Entry, bool]:
    """Bring weights from the hub into the store.

    Args:
        store: The store.
        name: timm model name; without a tag, timm's own default is meant.
        replace: Whether to fetch again what is there.

    Returns:
        The entry, and whether anything was written.

    Raises:
        UserError: The model is unknown, or the hub has no weights of it.
        MachineError: The hub cannot be reached, or the store cannot be written.
    """
    require_known(name)
    known: PretrainedCfg = timm.get_pretrained_cfg(name)
    full = f"{known.architecture}.{known.tag}" if known.tag else str(known.architecture)
    present = store.find(full, of_the_hub=True)
    if present and not replace and not present.damage():
        return present, False
    place = hub_place(known)
    if place is None or not known.tag:
        raise UserError(
            f"The hub has no weights of {name}; name another model, or bring a file with "
            "`rlr backbone import`."
        )
    fetched = download(place, full)
    try:
        content, parameters = _plain(fetched.file, full, {})
    except UserError as error:
        raise MachineError(f"What the hub has of {full} is not in timm's form: {error}") from error
    source = Source(kind="hub", place=fetched.place, sha256=file_sha256(fetched.file))
    return store.add(_record(full, content, parameters, source, Making({})), content, replace=True)


def _plain(file: Path, name: str, options: Mapping[str, Any]) -> tuple[bytes, int]:
    """Return a file's weights as safetensors, once they are known to fit, and their number."""
    state = read_exactly(file, name, options)
    parameters = sum(value.numel() for value in state.values())
    if file.suffix == ".safetensors":
        return file.read_bytes(), parameters  # so that it keeps the hash it is known by
    return save({key: _own(value) for key, value in state.items()}), parameters


def _own(value: Tensor) -> Tensor:
    """Return a tensor that shares its memory with no other, as safetensors wants it."""
    return value.detach().clone().contiguous()


def _record(
    name: str, content: bytes, parameters: int, source: Source, making: Making
) -> WeightsRecord:
    known: PretrainedCfg = timm.get_pretrained_cfg(name)
    architecture, _, tag = name.partition(".")
    default: PretrainedCfg = timm.get_pretrained_cfg(architecture)
    height, width = known.input_size[-2:]
    return WeightsRecord(
        schema_version=1,
        name=name,
        architecture=architecture,
        tag=tag or None,
        default_tag=bool(tag) and tag == default.tag,
        sha256=bytes_sha256(content),
        bytes=len(content),
        parameters=parameters,
        options=making.options,
        mean=making.mean or _three(known.mean),
        std=making.std or _three(known.std),
        input_size=(height, width),
        licence=making.licence or (known.license if tag else None),
        source=source,
        brought_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tools={
            "python": platform.python_version(),
            **{tool: metadata.version(tool) for tool in TOOLS},
        },
    )


def _three(values: tuple[float, ...]) -> Channels:
    red, green, blue = values
    return red, green, blue
