"""Everything that fixes the shape of one level's network."""

from dataclasses import dataclass
from typing import Literal

AttentionKind = Literal["reference", "cross", "self", "neighbour_masked_self"]
GateKind = Literal["constant", "scalar", "network"]
LocalKind = Literal["dense", "tiled"]


@dataclass(frozen=True)
class LevelSizes:
    """Sizes and switches of the network of one feature level.

    Attributes:
        grid: Height and width of the feature grid in tokens.
        channels: Channels C of the backbone's features.
        width: Model width D, divisible by `heads` and by 4.
        layers: Number of layers.
        heads: Number of attention heads.
        window: Height and width of the local window in tokens, odd.
        ffn_ratio: Width of the feed-forward layer over D.
        attention: "reference" is RLR; the others are ablations.
        gate: How the two branches are summed.
        alpha: Weight of local cross attention where the gate is constant.
        references: Number of references M.
        refine: Whether a small network changes the references from layer to layer.
        bank: Number of reference tokens without a place, B; 0: there is no bank.
        local: How local cross attention is computed; but for rounding it is the same.

    Raises:
        ValueError: D cannot be split over the heads or over the position code.
    """

    grid: tuple[int, int]
    channels: int
    width: int
    layers: int
    heads: int
    window: tuple[int, int]
    ffn_ratio: int = 4
    attention: AttentionKind = "reference"
    gate: GateKind = "constant"
    alpha: float = 2.0
    references: int = 1
    refine: bool = False
    bank: int = 0
    local: LocalKind = "dense"

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width % 4:
            raise ValueError(
                f"model width {self.width} is not divisible by {self.heads} heads and by 4"
            )

    @property
    def tokens(self) -> int:
        """Number of tokens L."""
        return self.grid[0] * self.grid[1]
