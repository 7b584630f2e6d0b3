"""Backbone weights from a local file."""

from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor

from rlr.foundation.errors import UserError

NESTED = ("state_dict_ema", "state_dict", "model_ema", "model")  # how timm's checkpoints wrap


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from safetensors or from a timm checkpoint, as float32.

    Raises:
        UserError: The file is missing, broken, or would need unpickling of code.
    """
    if not path.is_file():
        raise UserError(f"Backbone weights {path} are missing; {THREE_WAYS}")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else _read_checkpoint(path)
    except Exception as error:  # the two readers raise a dozen types between them
        reason = str(error).splitlines()[0]
        raise UserError(f"Backbone weights {path} cannot be read ({reason}).") from error
    return {
        name.removeprefix("module."): value.float() if value.is_floating_point() else value
        for name, value in state.items()
    }


THREE_WAYS = (
    "give features.backbone.weights as `hub` (downloaded by timm), as the path of a local "
    "safetensors file or timm checkpoint, or as `random` if random weights are meant."
)


def _read_checkpoint(path: Path) -> dict[str, Tensor]:
    content: Any = torch.load(path, map_location="cpu", weights_only=True)
    for key in NESTED:
        if isinstance(content.get(key), dict):
            content = content[key]
    return dict(content)


def check_weights(state: dict[str, Tensor], name: str, options: dict[str, Any], path: Path) -> None:
    """Refuse the weights of another model.

    timm loads what fits and is silent about the rest; only the classifier may be missing here.

    Raises:
        UserError: A parameter is missing or has another shape.
    """
    model = timm.create_model(name, pretrained=False, **options)
    heads = model.pretrained_cfg.get("classifier") or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    for key, value in model.state_dict().items():
        if key.startswith(heads) or key.endswith("num_batches_tracked"):
            continue
        found = state.get(key)
        if found is None or found.shape != value.shape:
            what = "is missing" if found is None else f"has shape {list(found.shape)}"
            raise UserError(
                f"{path} holds the weights of another model than {name}: {key} {what}, "
                f"where {list(value.shape)} is expected; name the model they were made for."
            )
