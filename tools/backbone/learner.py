"""The backbone with what it is asked while it learns: linear heads at strides 8 and 16.

B scenes, and as many twins; S side of a scene, s of a grid, E numbers of an embedding.
"""

from typing import NamedTuple

import timm
import torch
from procedural.facts import DRAWN, LOCAL, TONE
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.features.packaged import MEAN, STD

STRIDES = (8, 16)
EMBEDDED = 96  # E


class Answers(NamedTuple):
    """What the heads of a stride say at each position; every tensor is float32.

    Attributes:
        material: (B, classes, s, s), logits.
        flaw: (B, s, s), logit of a flaw's share.
        local: (B, LOCAL, s, s), colour, contrast and direction before the camera.
        picture: (B, DRAWN, s, s), the square of the scene itself.
        tone: (B, TONE, s, s), colour behind the camera.
        place: (B, E, s, s), of unit length: what a place is known by.
        twin: (B, E, s, s), the same in the twin.
        likeness: (2,), slope and offset of the logit that place and twin are the same.
    """

    material: Tensor
    flaw: Tensor
    local: Tensor
    picture: Tensor
    tone: Tensor
    place: Tensor
    twin: Tensor
    likeness: Tensor


class Learner(nn.Module):
    """The backbone and its heads.

    Args:
        classes: How many materials there are.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.sizes = [classes, 1, LOCAL, DRAWN, TONE, EMBEDDED]
        self.backbone = timm.create_model("rlrnet", features_only=True, out_indices=(2, 3))
        widths = self.backbone.feature_info.channels()
        self.heads = nn.ModuleList(nn.Conv2d(width, sum(self.sizes), 1) for width in widths)
        self.likeness = nn.Parameter(torch.tensor([[8.0, -4.0]] * len(STRIDES)))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, twins: Tensor) -> list[Answers]:
        """Look at scenes and their twins, each (B, 3, S, S), 0 to 1; answer for each stride."""
        both = torch.cat([images, twins]).contiguous(memory_format=torch.channels_last)
        maps = self.backbone((both - self.mean) / self.std)
        heads = zip(self.heads, maps, self.likeness, strict=True)
        return [self._answers(head(level).float(), likeness) for head, level, likeness in heads]

    def _answers(self, said: Tensor, likeness: Tensor) -> Answers:
        scenes, twins = said.chunk(2)  # (B, sum of sizes, s, s) each
        material, flaw, local, picture, tone, place = scenes.split(self.sizes, 1)
        place, twin = F.normalize(place, dim=1), F.normalize(twins[:, -EMBEDDED:], dim=1)
        return Answers(material, flaw[:, 0], local, picture, tone, place, twin, likeness)
