"""What is true of scenes at the positions of a grid: what the backbone is asked for.

B scenes, S side of a scene, s of the grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from procedural.scenes import Scenes

LOCAL = 9  # colour, then contrast and direction at two scales
CELLS = 8  # a position draws its square of the scene with so many cells a side
DRAWN = 3 * CELLS * CELLS
TONE = 3
UNKNOWN = -1


@dataclass(frozen=True)
class Facts:
    """The truth about a batch, on the grid of a stride.

    Attributes:
        material: (B, s, s), class, or UNKNOWN where two materials meet or a flaw lies.
        flaw: (B, s, s), share of a flaw, three times over, at most 1.
        local: (B, LOCAL, s, s), colour, contrast and direction before the camera.
        picture: (B, DRAWN, s, s), the square of the scene, its local contrast made alike.
        tone: (B, TONE, s, s), colour behind the camera.
    """

    material: Tensor
    flaw: Tensor
    local: Tensor
    picture: Tensor
    tone: Tensor


def state_facts(scenes: Scenes, strides: Sequence[int]) -> list[Facts]:
    """State what is true of scenes on the grid of each stride, a multiple of CELLS."""
    local, even = _local(scenes.clean), _even_contrast(scenes.clean)
    return [
        Facts(
            *_materials(scenes, stride),
            F.avg_pool2d(local, stride),
            F.pixel_unshuffle(F.avg_pool2d(even, stride // CELLS), CELLS),
            (F.avg_pool2d(scenes.images, stride) - 0.45) * 4,
        )
        for stride in strides
    ]


def _materials(scenes: Scenes, stride: int) -> tuple[Tensor, Tensor]:
    owner, half = scenes.owner.float()[:, None], stride // 2
    centre = scenes.owner[:, half::stride, half::stride]
    pure = F.max_pool2d(owner, stride) == -F.max_pool2d(-owner, stride)
    share = F.avg_pool2d(scenes.flaw[:, None], stride)[:, 0]
    return torch.where(pure[:, 0] & (share < 0.1), centre, UNKNOWN), (share * 3).clamp(max=1)


def _even_contrast(clean: Tensor) -> Tensor:
    """Take local brightness away and bring local contrast to one size."""
    grey = clean.mean(1, keepdim=True)
    blurred = F.avg_pool2d(grey, 9, 1, 4, count_include_pad=False)
    energy = F.avg_pool2d((grey - blurred) ** 2, 9, 1, 4, count_include_pad=False)
    return (clean - blurred) / (energy + 0.03**2).sqrt()


def _local(clean: Tensor) -> Tensor:
    """Describe each pixel (B, LOCAL, S, S): colour, contrast and direction at two scales."""
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
