"""The RLR networks: one a feature level, listed explicitly."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlr.config.section import NotNegative, Positive, Section

PUBLISHED_WIDTHS = {1: 128, 2: 256, 3: 512}


class LevelConfig(Section):
    """One feature level of the backbone and the network that reconstructs it.

    What is null is filled by the published rules: width 128 * 2^(index - 1) for the
    indices 1, 2, 3 of a feature pyramid, and the window k(side) = 2 * floor(side/16 + 1/2) + 3.
    """

    index: Annotated[int, Field(ge=0)] = Field(
        description="timm's out_index: stride 2^(index+1) in a feature pyramid, the block in a "
        "vision transformer, whose blocks all have one stride."
    )
    blocks: list[Annotated[int, Field(ge=0)]] | None = Field(
        None,
        min_length=1,
        description="Blocks whose outputs are averaged into this level, rising, the last one being "
        "`index`; null: `index` alone.",
    )
    width: Positive | None = Field(None, description="Model width; null: the published rule.")
    layers: Positive = Field(4, description="Layers of the network.")
    heads: Positive = Field(8, description="Attention heads.")
    window: tuple[int, int] | None = Field(
        None, description="Window height and width, odd; null: the published rule."
    )

    @model_validator(mode="after")
    def _fill_width(self) -> "LevelConfig":
        if self.width is None:
            if self.index not in PUBLISHED_WIDTHS:
                raise ValueError(f"width has no rule for index {self.index}; give a number")
            object.__setattr__(self, "width", PUBLISHED_WIDTHS[self.index])
        if self.width is not None and (self.width % self.heads or self.width % 4):
            raise ValueError(f"width {self.width} must be divisible by heads and by 4")
        if self.blocks is not None and (
            self.blocks != sorted(set(self.blocks)) or self.blocks[-1] != self.index
        ):
            raise ValueError(f"blocks must rise, and end with the index, {self.index}")
        if self.window is not None and any(side < 1 or side % 2 == 0 for side in self.window):
            raise ValueError("window sides must be odd and positive")
        return self


class ModelConfig(Section):
    """Reconstruction from a learnable reference."""

    levels: list[LevelConfig] = Field(
        [LevelConfig(index=2), LevelConfig(index=3)], min_length=1, description="Feature levels."
    )
    attention: Literal["reference", "cross", "self", "neighbour_masked_self"] = Field(
        "reference",
        description="reference: LCA and MLKA (RLR); the others are ablations: plain cross "
        "attention to the reference, plain self-attention, self-attention without neighbours.",
    )
    gate: Literal["constant", "scalar", "network"] = Field(
        "constant",
        description="How LCA and MLKA are summed: alpha * LCA + MLKA, a learnable scalar a layer "
        "and branch, or a small softmax network on the mean and the largest token.",
    )
    alpha: float = Field(2.0, description="Weight of LCA where the gate is constant.")
    ffn_ratio: Positive = Field(4, description="Width of the feed-forward layer over the model's.")
    references: Positive = Field(1, description="Number of references; LCA is summed over them.")
    refine: bool = Field(
        False, description="Whether a small network changes the references from layer to layer."
    )
    bank: Annotated[int, Field(ge=0)] = Field(
        0,
        description="Reference tokens without a place, which every query reads as a whole beside "
        "LCA and MLKA: for parts that lie anyhow; 0: none.",
    )
    local: Literal["dense", "tiled"] = Field(
        "tiled",
        description="How local cross attention is computed: tile by tile, or under a mask over the "
        "whole grid, which is slower and but for rounding the same.",
    )
    reference_penalty: NotNegative = Field(
        0.0, description="Weight of the references' mean pairwise cosine in the loss."
    )

    @model_validator(mode="after")
    def _a_bank_needs_its_layer(self) -> "ModelConfig":
        if self.bank and self.attention != "reference":
            raise ValueError(f"bank goes with attention=reference, not with {self.attention}")
        return self

    @model_validator(mode="after")
    def _distinct_levels(self) -> "ModelConfig":
        indices = [level.index for level in self.levels]
        if indices != sorted(set(indices)):
            raise ValueError("levels must be distinct and in rising order of index")
        return self
