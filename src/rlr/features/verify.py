"""Whether weights on this machine are whole, and are those of the model they are named for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from rlr.backbones import Entry, WeightsStore, packaged_names, packaged_weights
from rlr.features.backbone import require_known
from rlr.features.weights import read_exactly
from rlr.foundation.errors import UserError


@dataclass(frozen=True)
class Verified:
    """What was found of the weights of one backbone.

    Attributes:
        name: timm model name.
        place: Where they lie.
        path: The file, or its folder where there is none.
        fault: What is wrong with them; None: nothing.
    """

    name: str
    place: Literal["packaged", "store"]
    path: str
    fault: str | None


def verify_weights(store: WeightsStore, name: str | None = None) -> Iterator[Verified]:
    """Look at the weights of the package and of the store: bytes, hash, values, architecture.

    Args:
        store: The store.
        name: The backbone to look at; None: all.

    Raises:
        UserError: There is no such backbone.
    """
    packaged = [own for own in packaged_names() if name in (None, own)]
    stored = store.names() if name is None else _meant(store, name)
    if name is not None and not packaged and not stored:
        raise UserError(
            f"No weights of {name} are in {store.folder} or in the package; `rlr backbone list` "
            "shows what there is."
        )
    for own in packaged:
        path = packaged_weights(own)
        assert path is not None
        yield Verified(own, "packaged", str(path), _fault_of_file(path, own, {}))
    for other in stored:
        yield _verify_entry(store, other)


def _meant(store: WeightsStore, name: str) -> list[str]:
    if name in store.names():
        return [name]
    entry = store.find(name)
    return [entry.record.name] if entry else []


def _verify_entry(store: WeightsStore, name: str) -> Verified:
    try:
        entry: Entry = store.read(name)
    except UserError as error:
        return Verified(name, "store", str(store.folder / name), str(error))
    fault = entry.damage() or _fault_of_file(entry.weights, name, entry.record.options)
    return Verified(name, "store", str(entry.weights), fault)


def _fault_of_file(path: Path, name: str, options: Mapping[str, Any]) -> str | None:
    try:
        require_known(name)
        state = read_exactly(path, name, options)
    except UserError as error:
        return str(error)
    for key, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            return f"{key} holds values that are not finite"
    return None
