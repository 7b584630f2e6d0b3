"""Any timm model as a frozen feature pyramid."""

import difflib
import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.config.features import BackboneConfig
from rlr.features.library import FeatureGetterNet, timm
from rlr.features.transformer import fit_to_size
from rlr.features.weights import (
    WAYS,
    WeightsOrigin,
    WeightsSource,
    check_weights,
    read_weights,
    resolve_weights,
)
from rlr.foundation.errors import UserError, first_line

__all__ = ["Backbone", "WeightsOrigin", "WeightsSource", "build_backbone", "standardise"]

Level = int | Sequence[int]


class Backbone(nn.Module):
    """A timm model in evaluation mode, without gradients, that returns the levels asked for.

    timm drops the stages or blocks behind the last one used, and what stands before the patches
    of a vision transformer: class token and registers.

    Args:
        name: timm model name.
        levels: One a level: timm's out_index (the block of a vision transformer), or several
            whose outputs are averaged.
        options: Further arguments of timm.create_model.
        pretrained: Extra arguments that tell timm where the weights are; none: an empty shell.
        size: Height and width of the images in pixels, for models that are made for one size:
            their position codes are interpolated, once. None: the size they were trained at.
        final_norm: Whether a vision transformer's last norm is applied to every block.

    Raises:
        UserError: timm has no such model, it has no such levels, or the size does not suit it.
    """

    def __init__(
        self,
        name: str,
        levels: Sequence[Level],
        options: dict[str, Any],
        pretrained: dict[str, Any] | None = None,
        size: tuple[int, int] | None = None,
        final_norm: bool = False,
    ) -> None:
        super().__init__()
        require_known(name)
        self.levels = [(level,) if isinstance(level, int) else tuple(level) for level in levels]
        self.blocks = tuple(sorted({block for level in self.levels for block in level}))
        getter = {"feature_cls": _NormedGetter} if final_norm else {}
        try:
            self.network = timm.create_model(
                name,
                features_only=True,
                out_indices=self.blocks,
                **getter,
                **options,
                **(pretrained or {}),
            )
        except (
            AssertionError,
            AttributeError,
            IndexError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            if pretrained and pretrained["pretrained"]:
                raise
            raise UserError(
                f"Backbone {name} cannot be built with levels {list(self.blocks)} and options "
                f"{options} ({error}); change model.levels or features.backbone.options."
            ) from error
        self._require_alike(name)
        if size is not None:
            fit_to_size(self.network, name, size)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Backbone":
        """Stay in evaluation mode: a frozen backbone must not move its batch statistics."""
        del mode
        return super().train(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map normalised images (N, 3, H, W) to one tensor (N, C, h, w) a level."""
        maps: dict[int, Tensor] = dict(zip(self.blocks, self.network(images), strict=True))
        return [_average([maps[block] for block in level]) for level in self.levels]

    def _require_alike(self, name: str) -> None:
        """Refuse to average outputs of several sizes."""
        info = self.network.feature_info
        kinds = zip(info.channels(), info.reduction(), strict=True)
        kind = dict(zip(self.blocks, kinds, strict=True))
        for level in self.levels:
            if len({kind[block] for block in level}) > 1:
                raise UserError(
                    f"model.levels: blocks {list(level)} of {name} differ in channels or stride, "
                    "so they cannot be averaged; name blocks of a vision transformer."
                )


class _NormedGetter(FeatureGetterNet):
    """A vision transformer's blocks, its last norm applied to each."""

    def __init__(self, model: nn.Module, **arguments: Any) -> None:
        if not (hasattr(model, "blocks") and hasattr(model, "norm")):
            raise ValueError("it has no last norm for features.backbone.final_norm")
        super().__init__(model, norm=True, **arguments)


def _average(maps: list[Tensor]) -> Tensor:
    first, *others = maps
    return sum(others, start=first) / len(maps) if others else first


def build_backbone(
    config: BackboneConfig,
    levels: Sequence[Level],
    seed: int,
    size: tuple[int, int] | None = None,
) -> tuple[Backbone, WeightsSource]:
    """Create the backbone of a configuration, with its weights.

    Args:
        config: Model name, weights and options.
        levels: One a level: timm's out_index, or several whose outputs are averaged.
        seed: Seed of the weights, where they are random.
        size: Height and width of the images in pixels; None: what the model was trained at.

    Returns:
        The backbone, and where its weights came from.

    Raises:
        UserError: The model is unknown, the size does not suit it, or the weights cannot be had or
            belong to another model.
    """
    require_known(config.name)
    logging.getLogger("timm").setLevel(logging.ERROR)  # it lists what a pyramid does not need

    def build(pretrained: dict[str, Any] | None = None) -> Backbone:
        return Backbone(config.name, levels, config.options, pretrained, size, config.final_norm)

    source = resolve_weights(config)
    if source.origin == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            backbone = build()
            standardise(backbone)
            return backbone, source
    if source.path is None:
        return _from_hub(build, config.name), source
    state = read_weights(source.path)
    check_weights(state, config.name, config.options, source.path)
    given = {
        "pretrained": True,
        "pretrained_cfg_overlay": {"state_dict": state},
        "pretrained_strict": False,  # `check_weights` was strict already, but for the classifier
    }
    return build(given), source


@torch.no_grad()
def standardise(backbone: nn.Module) -> None:
    """Give the batch norms of an untrained network the statistics of noise images.

    They come as mean 0 and variance 1, which holds for no layer of it: without this, activations
    grow or fade from layer to layer, and little of the image is left. Draws from torch's global
    generator. The images have structure at all scales, as pictures do and white noise does not.
    """
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
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


def _from_hub(build: Callable[[dict[str, Any]], Backbone], name: str) -> Backbone:
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it retries aloud
    try:
        return build({"pretrained": True})
    except UserError:
        raise
    except Exception as error:  # the hub's client raises a zoo of network errors
        raise UserError(
            f"Weights of {name} could not be fetched from the hub ({first_line(error)}); {WAYS}"
        ) from error


def require_known(name: str) -> None:
    """Refuse what timm does not know.

    Raises:
        UserError: It knows no such model, or no such tag of it.
    """
    if timm.is_model(name):
        _require_known_tag(name)
        return
    close = difflib.get_close_matches(name.split(".", maxsplit=1)[0], timm.list_models(), n=3)
    hint = f"did you mean {', '.join(close)}?" if close else "`timm.list_models()` names all."
    raise UserError(f"features.backbone.name: timm has no model '{name}'; {hint}")


def _require_known_tag(name: str) -> None:
    architecture, _, tag = name.partition(".")
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        tagged = timm.list_models(f"{architecture}.*", pretrained=True)
        raise UserError(
            f"features.backbone.name: timm knows no weights '{tag}' of {architecture}; "
            f"it knows {', '.join(tagged) or 'none'}."
        ) from error
