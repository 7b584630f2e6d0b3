"""The network against a slow, obvious version of itself, and its switches."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from rlr.model import LevelNetwork, LevelSizes, reference_similarity
from rlr.model.attention import Attention
from rlr.model.layer import ReferenceLayer
from rlr.model.position import position_code

SIZES = LevelSizes((4, 5), channels=6, width=16, layers=2, heads=4, window=(3, 3))


def slow_attention(
    attention: Attention, query: Tensor, key: Tensor, value: Tensor, allowed: list[list[int]]
) -> Tensor:
    """One query, one head at a time, over the keys it may see; arrays (L, D)."""
    width = query.shape[1]
    head = width // attention.heads
    weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
    q, k, v = (x @ w.T + b for x, w, b in zip((query, key, value), weights, biases, strict=True))
    out = torch.zeros_like(q)
    for place, h in itertools.product(range(len(query)), range(attention.heads)):
        part = slice(h * head, (h + 1) * head)
        seen = allowed[place]
        logits = torch.stack([(q[place, part] * k[j, part]).sum() for j in seen])
        share = torch.softmax(logits / math.sqrt(head), dim=0)
        out[place, part] = sum(share[i] * v[j, part] for i, j in enumerate(seen))
    return attention.out_proj(out)


def slow_network(network: LevelNetwork, features: Tensor) -> Tensor:
    """Reconstruct one image (L, C)."""
    inside = [row.nonzero().flatten().tolist() for row in network.inside]
    outside = [(~row).nonzero().flatten().tolist() for row in network.inside]
    tokens = network.input_projection(features) + network.position[0]
    reference = network.reference_projection(network.reference[0]) + network.position[0]
    for layer in network.layers:
        assert isinstance(layer, ReferenceLayer)
        lca = slow_attention(layer.lca, tokens, reference, reference, inside)
        mlka = slow_attention(layer.mlka, tokens, reference, tokens, outside)
        hidden = layer.norm1(network.sizes.alpha * lca + mlka)
        tokens = layer.norm2(hidden + layer.ffn.fc2(F.gelu(layer.ffn.fc1(hidden))))
    return network.output_projection(network.final_norm(tokens))


def test_network_equals_the_slow_one() -> None:
    torch.manual_seed(0)
    network = LevelNetwork(SIZES).double()
    images = torch.randn(3, SIZES.tokens, SIZES.channels, dtype=torch.float64)
    expected = torch.stack([slow_network(network, image) for image in images])
    torch.testing.assert_close(network(images), expected)


def test_position_code_is_column_then_row_sine_and_cosine() -> None:
    code = position_code((3, 5), 8)[0].reshape(3, 5, 8)
    for row, column in itertools.product(range(3), range(5)):
        expected = [
            function(place / 10_000 ** (2 * i / 4))
            for place in (column, row)
            for i in range(2)
            for function in (math.sin, math.cos)
        ]
        assert code[row, column].tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("attention", ["reference", "cross", "self", "neighbour_masked_self"])
@pytest.mark.parametrize("gate", ["constant", "scalar", "network"])
@pytest.mark.parametrize("references", [1, 3])
def test_every_switch_trains(attention: str, gate: str, references: int) -> None:
    torch.manual_seed(0)
    sizes = LevelSizes(
        (4, 5), 6, 16, 1, 4, (3, 3), attention=attention, gate=gate, references=references
    )
    network = LevelNetwork(sizes)
    features = torch.randn(2, sizes.tokens, 6)
    output = network(features)
    assert output.shape == features.shape
    output.square().mean().backward()
    uses_reference = attention in ("reference", "cross")
    gradient = network.reference.grad
    assert (gradient is not None and bool(gradient.abs().sum() > 0)) is uses_reference


def test_switches_change_the_output() -> None:
    features = torch.randn(1, 20, 6, generator=torch.Generator().manual_seed(1))
    outputs = []
    for changes in (
        {},
        {"alpha": 1.0},
        {"attention": "self"},
        {"attention": "neighbour_masked_self"},
    ):
        torch.manual_seed(0)
        network = LevelNetwork(LevelSizes((4, 5), 6, 16, 1, 4, (3, 3), **changes))
        outputs.append(network(features).detach())
    for one, other in itertools.combinations(outputs, 2):
        assert not torch.allclose(one, other)


def test_scalar_gate_starts_as_the_constant_one() -> None:
    features = torch.randn(1, 20, 6, generator=torch.Generator().manual_seed(1))
    outputs = []
    for gate in ("constant", "scalar"):
        torch.manual_seed(0)
        network = LevelNetwork(LevelSizes((4, 5), 6, 16, 1, 4, (3, 3), gate=gate))
        outputs.append(network(features).detach())
    torch.testing.assert_close(*outputs)


def test_masks_and_positions_are_not_stored() -> None:
    names = LevelNetwork(SIZES).state_dict()
    assert not [name for name in names if "inside" in name or "position" in name]


def test_reference_similarity_is_the_mean_over_pairs() -> None:
    references = torch.randn(4, 5, 3, dtype=torch.float64)
    pairs = [
        F.cosine_similarity(a.flatten(), b.flatten(), dim=0)
        for a, b in itertools.combinations(references, 2)
    ]
    torch.testing.assert_close(reference_similarity(references), torch.stack(pairs).mean())
    assert float(reference_similarity(references[:1])) == 0.0


def _learn(network: LevelNetwork, features: Tensor) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2, fused=True)
    network(features).square().sum().backward()
    optimizer.step()


def _load(network: LevelNetwork, features: Tensor) -> None:
    del features
    torch.manual_seed(1)
    network.load_state_dict(LevelNetwork(network.sizes).state_dict())


def _assign(network: LevelNetwork, features: Tensor) -> None:
    del features
    torch.manual_seed(1)
    network.load_state_dict(LevelNetwork(network.sizes).state_dict(), assign=True)


@torch.no_grad()
def _touch(network: LevelNetwork, features: Tensor) -> None:
    del features
    network.reference_projection.bias[0] += 1.0


def _train_in_half_precision(network: LevelNetwork, features: Tensor) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        network(features)
    _learn(network, features)


@pytest.mark.parametrize("change", [_learn, _load, _assign, _touch, _train_in_half_precision])
@pytest.mark.parametrize("switches", [{}, {"refine": True, "bank": 3, "references": 2}])
def test_what_is_kept_of_the_reference_is_never_stale(change, switches) -> None:
    torch.manual_seed(0)
    network = LevelNetwork(LevelSizes((4, 5), 6, 16, 2, 4, (3, 3), **switches))
    features = torch.randn(2, 20, 6)
    with torch.inference_mode():
        before = network(features)
    change(network, features)
    fresh = LevelNetwork(network.sizes)
    fresh.load_state_dict(network.state_dict())
    with torch.inference_mode():
        after = network(features)
        assert torch.equal(after, fresh(features))
    assert not torch.equal(after, before)


def test_the_reference_is_read_once_where_nothing_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    network = LevelNetwork(SIZES)
    reads: list[int] = []
    plain = LevelNetwork._read
    monkeypatch.setattr(LevelNetwork, "_read", lambda self: reads.append(1) or plain(self))
    features = torch.randn(1, 20, 6)
    with torch.no_grad():
        network(features)
        network(features)
    assert len(reads) == 1
    network(features)
    network(features)
    assert len(reads) == 3
