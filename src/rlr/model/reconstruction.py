"""The network of one feature level: features in, their reconstruction from the reference out.

Source: "Learning Unified Reference Representation for Unsupervised Multi-class Anomaly
Detection", ECCV 2024 (arXiv 2403.11561).
"""

import torch
from torch import Tensor, nn

from rlr.model.layer import Layer, Reading, Surroundings, build_layer
from rlr.model.position import position_code
from rlr.model.refinement import Refinement
from rlr.model.sizes import LevelSizes
from rlr.model.tiles import Tiles
from rlr.model.window import require_keys_outside, window_mask


class LevelNetwork(nn.Module):
    """Reconstruct the tokens of one level from a learnable reference.

    The reference lives in feature space, is shared by all layers, and depends neither on the
    class nor on the image: one network serves every product. So does the bank, but it lives in
    the model's own space, for it has no place that its tokens were seen at.

    Args:
        sizes: Sizes and switches.

    Raises:
        ValueError: The window leaves some token no key outside of it.

    Example:
        >>> sizes = LevelSizes((16, 16), channels=24, width=32, layers=2, heads=4, window=(5, 5))
        >>> LevelNetwork(sizes)(torch.zeros(2, 256, 24)).shape
        torch.Size([2, 256, 24])
    """

    position: Tensor
    inside: Tensor

    def __init__(self, sizes: LevelSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.input_projection = _projection(sizes.channels, sizes.width)
        self.reference = nn.Parameter(torch.randn(sizes.references, sizes.tokens, sizes.channels))
        self.reference_projection = _projection(sizes.channels, sizes.width)
        self.layers = nn.ModuleList(build_layer(sizes) for _ in range(sizes.layers))
        self.final_norm = nn.LayerNorm(sizes.width)
        self.output_projection = nn.Linear(sizes.width, sizes.channels)
        # Made last, so that the switches change nothing of what is drawn before.
        self.bank = nn.Parameter(torch.randn(1, sizes.bank, sizes.width)) if sizes.bank else None
        count = sizes.layers - 1 if sizes.refine else 0
        self.refinements = nn.ModuleList(Refinement(sizes.width) for _ in range(count))
        self.tiles = Tiles(sizes.grid, sizes.window) if sizes.local == "tiled" else None
        inside = window_mask(sizes.grid, sizes.window)
        if sizes.attention in ("reference", "neighbour_masked_self"):
            require_keys_outside(inside, sizes.grid, sizes.window)
        self._kept: tuple[list[tuple[int, int]], list[Reading]] | None = None
        # Both follow from the sizes, so they are made once and never stored.
        self.register_buffer("position", position_code(sizes.grid, sizes.width), persistent=False)
        self.register_buffer("inside", inside, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Reconstruct.

        Args:
            features: Pooled tokens (N, L, C), row-major.

        Returns:
            Reconstruction (N, L, C).
        """
        tokens = self.input_projection(features) + self.position  # (N, L, D)
        around = Surroundings(self.inside, self.tiles)
        for layer, reading in zip(self.layers, self._readings(), strict=True):
            tokens = layer(tokens, reading, around)
        out: Tensor = self.output_projection(self.final_norm(tokens))  # (N, L, C)
        return out

    def _readings(self) -> list[Reading]:
        """Return what each layer reads of the reference; without gradients it is kept.

        What is kept is known by the addresses and the versions of all parameters: whatever learns,
        loads or moves them changes one or the other.
        """
        parameters = list(self.parameters())
        learns = torch.is_grad_enabled() or any(one.is_inference() for one in parameters)
        if learns or torch.is_autocast_enabled(self.reference.device.type):
            self._kept = None
            return self._read()
        stamp = [(one.data_ptr(), one._version) for one in parameters]
        if self._kept is None or self._kept[0] != stamp:
            self._kept = stamp, self._read()
        return self._kept[1]

    def _read(self) -> list[Reading]:
        """Embed the references, refine them from layer to layer, and let each layer read them.

        Once a batch, not once a sample: nothing here depends on the image.
        """
        references = self.reference_projection(self.reference) + self.position  # (M, L, D)
        readings: list[Reading] = []
        for place, layer in enumerate(self.layers):
            if place and self.sizes.refine:
                references = self.refinements[place - 1](references)
            assert isinstance(layer, Layer)
            readings.append(layer.read(references, self.bank))
        return readings


def _projection(channels: int, width: int) -> nn.Linear:
    """A 1x1 convolution over tokens, with the convolution's Kaiming normal weights."""
    layer = nn.Linear(channels, width)
    nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="leaky_relu")
    return layer
