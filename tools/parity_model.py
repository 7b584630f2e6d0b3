"""Hold the network against a reference file: outputs, loss, gradients, Adam, maps and scores.

The file's format and the two measures of error are those of the golden numbers' README: tensors
by max|a - b| / max(max|b|, 1e-12), losses by |a - b| / |b|. All sizes are read from the file.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from rlr.detection.scoring import anomaly_map, image_scores, smooth
from rlr.features.extractor import pool_to_tokens
from rlr.foundation.errors import UserError
from rlr.model import (
    LevelNetwork,
    LevelSizes,
    published_window,
    reconstruction_loss,
    token_score,
)

HEADS = 8
ALPHA = 2.0
POOLING = 3
SIGMA = 4.0
LEARNING_RATE = 1e-4
OUTPUT_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-4
SHARED_KEYS = {"anomaly_map", "smoothed_map", "image_score"}
LEVEL_KEYS = {
    "raw_features",
    "pooled_tokens",
    "reconstruction",
    "token_score",
    "loss",
    "adam20_losses",
}


class IncompleteError(LookupError):
    """The file can be read, but a key is missing or unexpected: the comparison has failed."""


@dataclass(frozen=True)
class Line:
    """One comparison."""

    name: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; NaN is not."""
        return self.error <= self.tolerance

    def __str__(self) -> str:
        verdict = "ok  " if self.passed else "FAIL"
        return f"{verdict} {self.name}: error {self.error:.2e} (tolerance {self.tolerance:.0e})"


@dataclass(frozen=True)
class Reference:
    """The tensors of a file, and the windows that its metadata states."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    @property
    def levels(self) -> list[str]:
        """Level names in order: the first part of every key with a slash."""
        return sorted({key.split("/")[0] for key in self.tensors if "/" in key})

    def group(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors below a prefix, by the rest of their key."""
        return {
            key.removeprefix(prefix): value
            for key, value in self.tensors.items()
            if key.startswith(prefix)
        }


def compare_model(file: Path) -> Iterator[Line]:
    """Compare everything in a reference file, and yield a line each.

    Raises:
        UserError: The file cannot be read.
        IncompleteError: A key is missing or unexpected.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    reference = read_reference(file)
    scores, grids = [], []
    for level in reference.levels:
        network = rebuild(reference, level)
        yield from compare_level(reference, level, network)
        with torch.no_grad():
            tokens = reference.tensors[f"{level}/pooled_tokens"]
            scores.append(token_score(network(tokens), tokens))
        grids.append(network.sizes.grid)
        yield _compare_adam(reference, level, network)
    yield from _compare_maps(reference, scores, grids)


def read_reference(file: Path) -> Reference:
    """Read a file, and require its keys."""
    try:
        with safe_open(file, framework="pt") as content:
            tensors = {key: content.get_tensor(key) for key in content.keys()}  # noqa: SIM118
            metadata = content.metadata() or {}
    except Exception as error:
        raise UserError(f"{file} is not a readable safetensors file ({error}).") from error
    reference = Reference(tensors, metadata)
    _require_keys(file, reference)
    return reference


def _require_keys(file: Path, reference: Reference) -> None:
    shared = {key for key in reference.tensors if "/" not in key}
    wrong = {f"{key}" for key in shared ^ SHARED_KEYS}
    for level in reference.levels:
        group = reference.group(f"{level}/")
        plain = {key for key in group if not key.startswith(("param/", "grad/"))}
        wrong |= {f"{level}/{key}" for key in plain ^ LEVEL_KEYS}
    if wrong or not reference.levels:
        raise IncompleteError(f"{file}: missing or unexpected keys: {', '.join(sorted(wrong))}.")


def rebuild(
    reference: Reference, level: str, build: Callable[[LevelSizes], nn.Module] = LevelNetwork
) -> Any:
    """Rebuild a level's network from the shapes in the file, and load its parameters.

    Args:
        reference: The file.
        level: Name of the level.
        build: Makes a network with the parameter names of `LevelNetwork`.
    """
    parameters = reference.group(f"{level}/param/")
    raw = reference.tensors[f"{level}/raw_features"]  # (N, C, h, w)
    grid = (raw.shape[2], raw.shape[3])
    try:
        width = parameters["output_projection.weight"].shape[1]
        sizes = LevelSizes(
            grid=grid,
            channels=raw.shape[1],
            width=width,
            layers=1 + max(int(key.split(".")[1]) for key in parameters if key[:7] == "layers."),
            heads=HEADS,
            window=_window(reference, level, grid),
            ffn_ratio=parameters["layers.0.ffn.fc1.weight"].shape[0] // width,
            alpha=ALPHA,
        )
        network = build(sizes)
        network.load_state_dict(_as_linear(parameters), strict=True)
    except (KeyError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise IncompleteError(
            f"{level}: the parameters do not form a network ({reason})."
        ) from error
    return network


def _window(reference: Reference, level: str, grid: tuple[int, int]) -> tuple[int, int]:
    stated = reference.metadata.get(f"{level}/window")
    if stated is None:
        return published_window(grid)
    match = re.fullmatch(r"(\d+),(\d+)", stated)
    if match is None:
        raise IncompleteError(f"{level}/window: '{stated}' is not of the form kh,kw.")
    return int(match[1]), int(match[2])


def _as_linear(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A 1x1 convolution over tokens (D, C, 1) is a linear layer (D, C)."""
    return {
        key: value.squeeze(-1) if value.ndim == 3 and key.endswith("weight") else value
        for key, value in tensors.items()
    }


def compare_level(reference: Reference, level: str, network: nn.Module) -> Iterator[Line]:
    """Compare tokens, outputs, scores, loss and gradients of one level, and yield a line each."""
    expected = reference.group(f"{level}/")
    pooled = pool_to_tokens(expected["raw_features"], POOLING)
    yield _tensor_line(f"{level}/pooled_tokens", pooled, expected["pooled_tokens"])
    tokens = expected["pooled_tokens"]
    output = network(tokens)
    loss = reconstruction_loss(output, tokens)
    loss.backward()
    yield _tensor_line(f"{level}/reconstruction", output, expected["reconstruction"])
    yield _tensor_line(f"{level}/token_score", token_score(output, tokens), expected["token_score"])
    yield _scalar_line(f"{level}/loss", loss[None], expected["loss"], OUTPUT_TOLERANCE)
    yield from _compare_gradients(reference, level, network)


def _compare_gradients(reference: Reference, level: str, network: nn.Module) -> Iterator[Line]:
    expected = _as_linear(reference.group(f"{level}/grad/"))
    found = {name: parameter.grad for name, parameter in network.named_parameters()}
    for name in sorted(expected.keys() ^ found.keys()):
        yield Line(f"{level}/grad/{name} (missing or unexpected)", float("inf"), 0.0)
    for name in sorted(expected.keys() & found.keys()):
        ours, theirs = found[name], expected[name]
        assert ours is not None
        label = f"{level}/grad/{name}"
        if name.endswith("in_proj_bias"):
            # Softmax does not see a shift of all keys: that third is zero but for rounding.
            (q, key, v), (tq, _, tv) = ours.chunk(3), theirs.chunk(3)
            noise = float(key.abs().max() / theirs.abs().max().clamp_min(1e-12))
            yield Line(f"{label} (key third)", noise, 1e-6)
            ours, theirs = torch.cat([q, v]), torch.cat([tq, tv])
        yield _tensor_line(label, ours, theirs, GRADIENT_TOLERANCE)


def _compare_adam(reference: Reference, level: str, network: LevelNetwork) -> Line:
    """Train on the same batch, and compare the loss before each step."""
    tokens = reference.tensors[f"{level}/pooled_tokens"]
    expected = reference.tensors[f"{level}/adam20_losses"]
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    losses = []
    for _ in range(len(expected)):
        optimizer.zero_grad()
        loss = reconstruction_loss(network(tokens), tokens)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    name = f"{level}/adam{len(expected)}_losses"
    return _scalar_line(name, torch.stack(losses), expected, GRADIENT_TOLERANCE)


def _compare_maps(
    reference: Reference, scores: list[Tensor], grids: list[tuple[int, int]]
) -> Iterator[Line]:
    expected = reference.tensors
    size = (expected["anomaly_map"].shape[1], expected["anomaly_map"].shape[2])
    maps = anomaly_map(scores, grids, size)
    smoothed = smooth(maps.numpy(), SIGMA)
    yield _tensor_line("anomaly_map", maps, expected["anomaly_map"])
    yield _tensor_line("smoothed_map", torch.from_numpy(smoothed), expected["smoothed_map"])
    found = torch.from_numpy(image_scores(smoothed))
    yield _scalar_line("image_score", found, expected["image_score"], OUTPUT_TOLERANCE)


def _tensor_line(
    name: str, ours: Tensor, theirs: Tensor, tolerance: float = OUTPUT_TOLERANCE
) -> Line:
    if ours.shape != theirs.shape:
        return Line(f"{name} (shape)", float("inf"), tolerance)
    difference = (ours.detach().double() - theirs.double()).abs().max()
    return Line(name, float(difference / theirs.double().abs().max().clamp_min(1e-12)), tolerance)


def _scalar_line(name: str, ours: Tensor, theirs: Tensor, tolerance: float) -> Line:
    if ours.shape != theirs.shape:
        return Line(f"{name} (shape)", float("inf"), tolerance)
    difference = (ours.detach().double() - theirs.double()).abs() / theirs.double().abs()
    return Line(name, float(difference.max()), tolerance)
