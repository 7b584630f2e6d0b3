"""What the backbone is trained to say: material, flaw, colour and direction at every position."""

from dataclasses import dataclass

import timm
import torch
from procedural.scenes import Scenes
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.features.packaged import MEAN, STD

STRIDES = (8, 16)
LOCAL = 9  # colour, then contrast and direction at two scales: numbers a position


@dataclass(frozen=True)
class Weights:
    """Weights of the terms of the loss.

    Attributes:
        material: Cross entropy of the class, at positions that one material fills.
        flaw: Binary cross entropy of a flaw's share.
        local: Squared error of colour, contrast and direction before the camera.
    """

    material: float = 1.0
    flaw: float = 1.0
    local: float = 1.0


class Learner(nn.Module):
    """The backbone with a linear head for each term at strides 8 and 16.

    Args:
        classes: How many materials there are.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.backbone = timm.create_model("rlrnet", features_only=True, out_indices=(2, 3))
        widths = self.backbone.feature_info.channels()
        self.heads = nn.ModuleList(nn.Conv2d(width, classes + 1 + LOCAL, 1) for width in widths)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images (B, 3, S, S), 0 to 1, to (B, classes + 1 + LOCAL, s, s) a stride."""
        maps = self.backbone((images - self.mean) / self.std)
        return [head(level) for head, level in zip(self.heads, maps, strict=True)]


def losses(answers: list[Tensor], scenes: Scenes, weights: Weights) -> dict[str, Tensor]:
    """Return the three terms, summed over the strides, and their weighted sum as `loss`."""
    terms = {"material": torch.zeros(()), "flaw": torch.zeros(()), "local": torch.zeros(())}
    facts = local_facts(scenes.clean)
    for answer, stride in zip(answers, STRIDES, strict=True):
        logits, flaw, local = answer.float().split([answer.shape[1] - 1 - LOCAL, 1, LOCAL], 1)
        target, share = _targets(scenes, stride)
        terms["material"] += F.cross_entropy(logits, target, ignore_index=-1)
        terms["flaw"] += 4 * F.binary_cross_entropy_with_logits(flaw[:, 0], share)
        terms["local"] += F.mse_loss(local, F.avg_pool2d(facts, stride))
    total = sum((getattr(weights, name) * term for name, term in terms.items()), torch.zeros(()))
    return terms | {"loss": total}


def _targets(scenes: Scenes, stride: int) -> tuple[Tensor, Tensor]:
    """Return class (B, s, s), -1 where two materials meet or a flaw lies, and the flaw's share."""
    owner, half = scenes.owner.float()[:, None], stride // 2
    centre = scenes.owner[:, half::stride, half::stride]
    pure = F.max_pool2d(owner, stride) == -F.max_pool2d(-owner, stride)
    share = F.avg_pool2d(scenes.flaw[:, None], stride)[:, 0]
    target = torch.where(pure[:, 0] & (share < 0.1), centre, -1)
    return target, (share * 3).clamp(max=1)


def local_facts(clean: Tensor) -> Tensor:
    """Describe each pixel (B, 9, S, S): colour, contrast and direction at two scales."""
    grey = clean.mean(1, keepdim=True)
    parts = [(clean - 0.45) * 3]
    for level in (grey, F.avg_pool2d(grey, 2)):
        right = F.pad(level[..., 1:] - level[..., :-1], (0, 1, 0, 0))
        down = F.pad(level[..., 1:, :] - level[..., :-1, :], (0, 0, 0, 1))
        energy = (right**2 + down**2 + 1e-5).sqrt()
        # The double angle: a direction and its opposite are one.
        facts = torch.cat([energy * 8, (right**2 - down**2) / energy * 12], 1)
        facts = torch.cat([facts, 2 * right * down / energy * 12], 1)
        parts.append(F.interpolate(facts, clean.shape[-2:]) if level is not grey else facts)
    return torch.cat(parts, 1)
