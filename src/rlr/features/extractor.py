"""From images of the input size to pooled tokens, level by level."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.features.backbone import Backbone
from rlr.foundation.errors import UserError

Grid = tuple[int, int]


def pool_to_tokens(features: Tensor, kernel: int) -> Tensor:
    """Average each position with its neighbours and flatten the grid.

    Args:
        features: (N, C, h, w).
        kernel: Odd side of the window; stride 1, zeros beyond the border are counted.

    Returns:
        Tokens (N, L, C), L = h * w in row-major order.
    """
    pooled = F.avg_pool2d(features, kernel, stride=1, padding=kernel // 2)
    return pooled.flatten(2).transpose(1, 2)


class FeatureExtractor(nn.Module):
    """Normalise, run the frozen backbone, pool.

    Args:
        backbone: The frozen backbone.
        mean: Subtracted from RGB in 0 to 1.
        std: RGB is divided by it.
        pooling: Side of the average pooling window.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, backbone: Backbone, mean: Sequence[float], std: Sequence[float], pooling: int
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling = pooling
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    @torch.inference_mode()
    def forward(self, images: np.ndarray) -> list[Tensor]:
        """Extract.

        Args:
            images: (N, H, W, 3), uint8 RGB of the input size.

        Returns:
            One tensor (N, L, C) a level, float32, on the extractor's device.
        """
        pixels = torch.from_numpy(images).to(self.mean.device)
        pixels = pixels.permute(0, 3, 1, 2).float() / 255.0  # (N, 3, H, W)
        maps = self.backbone((pixels - self.mean) / self.std)
        return [pool_to_tokens(level.float(), self.pooling).contiguous() for level in maps]

    @torch.inference_mode()
    def shapes(self, height: int, width: int) -> list[tuple[Grid, int]]:
        """Return grid and channels of each level for an input size, by trying it out.

        Raises:
            UserError: The backbone does not take images of this size.
        """
        empty = torch.zeros(1, 3, height, width, device=self.mean.device)
        try:
            maps = self.backbone(empty)
        except (AssertionError, RuntimeError) as error:
            raise UserError(
                f"features.preprocessing: the backbone takes no images of {width} x {height} px "
                f"({' '.join(str(error).split())}); give it another size."
            ) from error
        return [((level.shape[2], level.shape[3]), level.shape[1]) for level in maps]
