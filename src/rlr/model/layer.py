"""One layer of the network: attention without a residual, then a feed-forward layer with one."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.model.attention import Attention
from rlr.model.gate import build_gate
from rlr.model.recomputing import recomputed
from rlr.model.sizes import LevelSizes
from rlr.model.tiles import Tiles

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Surroundings:
    """What all layers share beside the tokens.

    Attributes:
        inside: Window mask (L, L), true inside.
        tiles: The window as tiles; None: it is applied as a mask.
    """

    inside: Tensor
    tiles: Tiles | None = None


@dataclass(frozen=True)
class Reading:
    """What a layer reads of the reference: projected, and the same for all images.

    Attributes:
        local: Keys and values (1, H, L, D/H) of each reference.
        afar: Keys (1, H, L, D/H) of masked learnable key attention; None: the layer has none.
        recall: Keys and values (1, H, B, D/H) of the bank; None: there is none.
    """

    local: tuple[Pair, ...] = ()
    afar: Tensor | None = None
    recall: Pair | None = None


class FeedForward(nn.Module):
    """Two linear layers round an exact (erf) GELU."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, ratio * width)
        self.fc2 = nn.Linear(ratio * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (N, L, D) to (N, L, D)."""
        # The activation is the widest tensor of the layer.
        return recomputed(self._narrow, self.fc1(tokens))

    def _narrow(self, wide: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(wide))
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

    def forward(self, tokens: Tensor, reading: Reading, around: Surroundings) -> Tensor:
        """Pass one layer.

        Args:
            tokens: (N, L, D).
            reading: What the layer has read of the reference.
            around: The window.

        Returns:
            (N, L, D).
        """
        hidden = self.norm1(self.attend(tokens, reading, around))
        out: Tensor = self.norm2(hidden + self.ffn(hidden))
        return out

    def read(self, references: Tensor, bank: Tensor | None) -> Reading:
        """Project the embedded references (M, L, D), and the bank (1, B, D) where there is one."""
        raise NotImplementedError

    def attend(self, tokens: Tensor, reading: Reading, around: Surroundings) -> Tensor:
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

    def read(self, references: Tensor, bank: Tensor | None) -> Reading:
        """LCA's keys and values are each reference's, MLKA's keys those of their mean."""
        recall = None if self.recall is None or bank is None else _pair(self.recall, bank)
        return Reading(
            local=tuple(_pair(self.lca, reference) for reference in references.split(1)),
            afar=self.mlka.keys(references.mean(dim=0, keepdim=True)),
            recall=recall,
        )

    def attend(self, tokens: Tensor, reading: Reading, around: Surroundings) -> Tensor:
        """LCA reads the reference near the query; MLKA reads the tokens, by keys of it, afar.

        LCA is summed over the references. A bank is read by every query as a whole: what lies now
        here and now there needs no place to be recalled.
        """
        assert reading.afar is not None
        inside, queries = around.inside, self.lca.queries(tokens)
        lca = _sum(self.lca.mix(queries, *pair, inside, around.tiles) for pair in reading.local)
        mlka = self.mlka.mix(
            self.mlka.queries(tokens), reading.afar, self.mlka.values(tokens), ~inside
        )
        mixed: Tensor = self.gate(tokens, lca, mlka)
        if self.recall is not None:
            assert reading.recall is not None
            mixed = mixed + self.recall.mix(self.recall.queries(tokens), *reading.recall, None)
        return mixed


class CrossLayer(Layer):
    """Ablation: plain cross attention to the reference, without a window."""

    def __init__(self, sizes: LevelSizes) -> None:
        super().__init__(sizes)
        self.attention = Attention(sizes.width, sizes.heads)

    def read(self, references: Tensor, bank: Tensor | None) -> Reading:
        """Keys and values of each reference."""
        del bank
        pairs = (_pair(self.attention, reference) for reference in references.split(1))
        return Reading(local=tuple(pairs))

    def attend(self, tokens: Tensor, reading: Reading, around: Surroundings) -> Tensor:
        """Sum plain cross attention over the references."""
        del around
        queries = self.attention.queries(tokens)
        return _sum(self.attention.mix(queries, *pair, None) for pair in reading.local)


class SelfLayer(Layer):
    """Ablation: self-attention, plain or blind to each token's own window."""

    def __init__(self, sizes: LevelSizes) -> None:
        super().__init__(sizes)
        self.attention = Attention(sizes.width, sizes.heads)
        self.neighbour_masked = sizes.attention == "neighbour_masked_self"

    def read(self, references: Tensor, bank: Tensor | None) -> Reading:
        """Nothing."""
        del references, bank
        return Reading()

    def attend(self, tokens: Tensor, reading: Reading, around: Surroundings) -> Tensor:
        """Attend from tokens to tokens; the references play no part."""
        del reading
        mask = ~around.inside if self.neighbour_masked else None
        mixed: Tensor = self.attention(tokens, tokens, tokens, mask)
        return mixed


def _pair(attention: Attention, reference: Tensor) -> Pair:
    return attention.keys(reference), attention.values(reference)


def _sum(terms: Iterable[Tensor]) -> Tensor:
    first, *others = terms
    return sum(others, start=first)


def build_layer(sizes: LevelSizes) -> Layer:
    """Return the layer that the sizes ask for."""
    if sizes.attention == "reference":
        return ReferenceLayer(sizes)
    return CrossLayer(sizes) if sizes.attention == "cross" else SelfLayer(sizes)
