"""Any timm model as a frozen feature pyramid."""

import difflib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.config.features import BackboneConfig
from rlr.features.weights import THREE_WAYS, check_weights, read_weights
from rlr.foundation.errors import UserError

WeightsOrigin = Literal["hub", "file", "random"]


class Backbone(nn.Module):
    """A timm model in evaluation mode, without gradients, that returns the levels asked for.

    timm drops the stages behind the last level used.

    Args:
        name: timm model name.
        levels: timm's out_indices, rising.
        options: Further arguments of timm.create_model.
        pretrained: Extra arguments that tell timm where the weights are; none: an empty shell.

    Raises:
        UserError: timm has no such model, or it has no such levels.
    """

    def __init__(
        self,
        name: str,
        levels: Sequence[int],
        options: dict[str, Any],
        pretrained: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        _require_known(name)
        try:
            self.network = timm.create_model(
                name, features_only=True, out_indices=tuple(levels), **options, **(pretrained or {})
            )
        except (AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
            if pretrained and pretrained["pretrained"]:
                raise
            raise UserError(
                f"Backbone {name} cannot be built with levels {list(levels)} and options "
                f"{options} ({error}); change model.levels or features.backbone.options."
            ) from error
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Backbone":
        """Stay in evaluation mode: a frozen backbone must not move its batch statistics."""
        del mode
        return super().train(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map normalised images (N, 3, H, W) to one tensor (N, C, h, w) a level."""
        maps: list[Tensor] = self.network(images)
        return maps


def build_backbone(
    config: BackboneConfig, levels: Sequence[int], seed: int
) -> tuple[Backbone, WeightsOrigin]:
    """Create the backbone of a configuration, with its weights.

    Args:
        config: Model name, weights and options.
        levels: timm's out_indices, rising.
        seed: Seed of the weights, where they are random.

    Returns:
        The backbone, and where its weights came from.

    Raises:
        UserError: The model is unknown, or the weights cannot be had or belong to another model.
    """
    _require_known(config.name)
    if config.weights == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            backbone = Backbone(config.name, levels, config.options)
            standardise(backbone)
            return backbone, "random"
    if config.weights == "hub":
        return _from_hub(config, levels), "hub"
    logging.getLogger("timm").setLevel(logging.ERROR)  # it lists what a pyramid does not need
    path = Path(config.weights)
    state = read_weights(path)
    check_weights(state, config.name, config.options, path)
    source = {
        "pretrained": True,
        "pretrained_cfg_overlay": {"state_dict": state},
        "pretrained_strict": False,  # `check_weights` was strict already, but for the classifier
    }
    return Backbone(config.name, levels, config.options, source), "file"


@torch.no_grad()
def standardise(backbone: nn.Module) -> None:
    """Give the batch norms of an untrained network the statistics of noise images.

    They come as mean 0 and variance 1, which holds for no layer of it: without this, activations
    grow or fade from layer to layer, and little of the image is left. Draws from torch's global
    generator. The images have structure at all scales, as pictures do and white noise does not.
    """
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    images = torch.zeros(16, 3, 128, 128)
    for side in (2, 4, 8, 16, 32, 64, 128):
        draws = torch.randn(16, 3, side, side) + torch.randn(16, 1, side, side)
        images += F.interpolate(draws, images.shape[-2:], mode="bicubic")
    images -= images.mean(dim=(2, 3), keepdim=True)
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over what is seen
        norm.training = True
    backbone(images / images.std(dim=(1, 2, 3), keepdim=True))
    for norm in norms:
        norm.training = False


def _from_hub(config: BackboneConfig, levels: Sequence[int]) -> Backbone:
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it retries aloud
    try:
        return Backbone(config.name, levels, config.options, {"pretrained": True})
    except UserError:
        raise
    except Exception as error:  # the hub's client raises a zoo of network errors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"Weights of {config.name} could not be fetched from the hub ({reason}); {THREE_WAYS}"
        ) from error


def _require_known(name: str) -> None:
    if timm.is_model(name):
        return
    close = difflib.get_close_matches(name.split(".", maxsplit=1)[0], timm.list_models(), n=3)
    hint = f"did you mean {', '.join(close)}?" if close else "`timm.list_models()` names all."
    raise UserError(f"features.backbone.name: timm has no model '{name}'; {hint}")
