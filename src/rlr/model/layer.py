"""One layer of the network: attention without a residual, then a feed-forward layer with one."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.model.attention import Attention
from rlr.model.gate import build_gate
from rlr.model.sizes import LevelSizes
from rlr.model.tiles import Tiles


@dataclass(frozen=True)
class Surroundings:
    """What a layer reads beside the tokens.

    Attributes:
        references: Embedded references (M, L, D).
        inside: Window mask (L, L), true inside.
        tiles: The window as tiles; None: it is applied as a mask.
        bank: Reference tokens without a place (1, B, D); None: there is no bank.
    """

    references: Tensor
    inside: Tensor
    tiles: Tiles | None = None
    bank: Tensor | None = None


class FeedForward(nn.Module):
    """Two linear layers round an exact (erf) GELU."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, ratio * width)
        self.fc2 = nn.Linear(ratio * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (N, L, D) to (N, L, D)."""
        out: Tensor = self.fc2(F.gelu(self.fc1(tokens)))
        return out


class Layer(nn.Module):
    """A = attention; H = norm(A); Z' = norm(H + ffn(H)).

    There is no residual round the attention: it would let a token pass unchanged, an anomaly
    included, which is the shortcut that the reference is there to block.
    """

    def __init__(self, sizes: LevelSizes) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(sizes.width)
        self.ffn = FeedForward(sizes.width, sizes.ffn_ratio)
        self.norm2 = nn.LayerNorm(sizes.width)

    def forward(self, tokens: Tensor, around: Surroundings) -> Tensor:
        """Pass one layer.

        Args:
            tokens: (N, L, D).
            around: References, window and bank.

        Returns:
            (N, L, D).
        """
        hidden = self.norm1(self.attend(tokens, around))
        out: Tensor = self.norm2(hidden + self.ffn(hidden))
        return out

    def attend(self, tokens: Tensor, around: Surroundings) -> Tensor:
        """Return the attention's output (N, L, D)."""
        raise NotImplementedError


class ReferenceLayer(Layer):
    """RLR's layer: local cross attention (LCA) and masked learnable key attention (MLKA)."""

    def __init__(self, sizes: LevelSizes) -> None:
        super().__init__(sizes)
        self.lca = Attention(sizes.width, sizes.heads)
        self.mlka = Attention(sizes.width, sizes.heads)
        self.gate = build_gate(sizes)
        self.recall = Attention(sizes.width, sizes.heads) if sizes.bank else None

    def attend(self, tokens: Tensor, around: Surroundings) -> Tensor:
        """LCA reads the reference near the query; MLKA reads the tokens, by keys of it, afar.

        Several references: LCA is summed over them, MLKA's keys are their mean. A bank is read
        by every query as a whole: what lies now here and now there needs no place to be recalled.
        """
        references, inside = around.references, around.inside
        lca = sum(self.lca(tokens, r, r, inside, around.tiles) for r in references.split(1))
        key = references.mean(dim=0, keepdim=True)  # (1, L, D)
        mlka = self.mlka(tokens, key, tokens, ~inside)
        mixed: Tensor = self.gate(tokens, lca, mlka)
        if self.recall is not None:
            assert around.bank is not None
            mixed = mixed + self.recall(tokens, around.bank, around.bank, None)
        return mixed


class CrossLayer(Layer):
    """Ablation: plain cross attention to the reference, without a window."""

    def __init__(self, sizes: LevelSizes) -> None:
        super().__init__(sizes)
        self.attention = Attention(sizes.width, sizes.heads)

    def attend(self, tokens: Tensor, around: Surroundings) -> Tensor:
        """Sum plain cross attention over the references."""
        mixed: Tensor = sum(self.attention(tokens, r, r, None) for r in around.references.split(1))
        return mixed


class SelfLayer(Layer):
    """Ablation: self-attention, plain or blind to each token's own window."""

    def __init__(self, sizes: LevelSizes) -> None:
        super().__init__(sizes)
        self.attention = Attention(sizes.width, sizes.heads)
        self.neighbour_masked = sizes.attention == "neighbour_masked_self"

    def attend(self, tokens: Tensor, around: Surroundings) -> Tensor:
        """Attend from tokens to tokens; the references play no part."""
        mask = ~around.inside if self.neighbour_masked else None
        mixed: Tensor = self.attention(tokens, tokens, tokens, mask)
        return mixed


def build_layer(sizes: LevelSizes) -> Layer:
    """Return the layer that the sizes ask for."""
    if sizes.attention == "reference":
        return ReferenceLayer(sizes)
    return CrossLayer(sizes) if sizes.attention == "cross" else SelfLayer(sizes)
