"""One layer of the network: attention without a residual, then a feed-forward layer with one."""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.model.attention import Attention
from rlr.model.gate import build_gate
from rlr.model.sizes import LevelSizes


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

    def forward(self, tokens: Tensor, references: Tensor, inside: Tensor) -> Tensor:
        """Pass one layer.

        Args:
            tokens: (N, L, D).
            references: Embedded references (M, L, D).
            inside: Window mask (L, L), true inside.

        Returns:
            (N, L, D).
        """
        hidden = self.norm1(self.attend(tokens, references, inside))
        out: Tensor = self.norm2(hidden + self.ffn(hidden))
        return out

    def attend(self, tokens: Tensor, references: Tensor, inside: Tensor) -> Tensor:
        """Return the attention's output (N, L, D)."""
        raise NotImplementedError


class ReferenceLayer(Layer):
    """RLR's layer: local cross attention (LCA) and masked learnable key attention (MLKA)."""

    def __init__(self, sizes: LevelSizes) -> None:
        super().__init__(sizes)
        self.lca = Attention(sizes.width, sizes.heads)
        self.mlka = Attention(sizes.width, sizes.heads)
        self.gate = build_gate(sizes)

    def attend(self, tokens: Tensor, references: Tensor, inside: Tensor) -> Tensor:
        """LCA reads the reference near the query; MLKA reads the tokens, by keys of it, afar.

        Several references: LCA is summed over them, MLKA's keys are their mean.
        """
        lca = sum(self.lca(tokens, r, r, inside) for r in references.split(1))
        key = references.mean(dim=0, keepdim=True)  # (1, L, D)
        mlka = self.mlka(tokens, key, tokens, ~inside)
        mixed: Tensor = self.gate(tokens, lca, mlka)
        return mixed


class CrossLayer(Layer):
    """Ablation: plain cross attention to the reference, without a window."""

    def __init__(self, sizes: LevelSizes) -> None:
        super().__init__(sizes)
        self.attention = Attention(sizes.width, sizes.heads)

    def attend(self, tokens: Tensor, references: Tensor, inside: Tensor) -> Tensor:
        """Sum plain cross attention over the references."""
        mixed: Tensor = sum(self.attention(tokens, r, r, None) for r in references.split(1))
        return mixed


class SelfLayer(Layer):
    """Ablation: self-attention, plain or blind to each token's own window."""

    def __init__(self, sizes: LevelSizes) -> None:
        super().__init__(sizes)
        self.attention = Attention(sizes.width, sizes.heads)
        self.neighbour_masked = sizes.attention == "neighbour_masked_self"

    def attend(self, tokens: Tensor, references: Tensor, inside: Tensor) -> Tensor:
        """Attend from tokens to tokens; the references play no part."""
        mask = ~inside if self.neighbour_masked else None
        mixed: Tensor = self.attention(tokens, tokens, tokens, mask)
        return mixed


def build_layer(sizes: LevelSizes) -> Layer:
    """Return the layer that the sizes ask for."""
    if sizes.attention == "reference":
        return ReferenceLayer(sizes)
    return CrossLayer(sizes) if sizes.attention == "cross" else SelfLayer(sizes)
