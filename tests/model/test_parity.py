"""The network against the authors' code, by the golden numbers; and that the tool can fail."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from rlr.detection.scoring import anomaly_map, image_scores, smooth
from rlr.features.extractor import pool_to_tokens
from rlr.model import LevelNetwork, LevelSizes, published_window, reconstruction_loss, token_score

GRIDS = {"level1": (6, 9), "level2": (20, 5)}
METADATA = {"level2/window": "3,1"}


def parity(repository: Path, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "tools" / "parity.py"), "model", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_golden_numbers(repository: Path, shared: Path) -> None:
    answer = parity(repository, shared / "golden" / "rlr_reference.safetensors")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for name in ("level2/reconstruction", "level3/adam20_losses", "smoothed_map", "image_score"):
        assert f"ok   {name}:" in answer.stdout


def level_tensors(level: str, grid: tuple[int, int], window: tuple[int, int]) -> dict[str, Tensor]:
    """What the golden file's format holds of one level, for a small network of our own."""
    sizes = LevelSizes(grid, channels=6, width=16, layers=2, heads=8, window=window)
    network = LevelNetwork(sizes)
    raw = torch.randn(2, 6, *grid)
    tokens = pool_to_tokens(raw, 3).contiguous()
    found = {"raw_features": raw, "pooled_tokens": tokens}
    for name, value in network.state_dict().items():
        convolution = name in ("input_projection.weight", "reference_projection.weight")
        found[f"param/{name}"] = value.clone()[..., None] if convolution else value.clone()
    output = network(tokens)
    loss = reconstruction_loss(output, tokens)
    loss.backward()
    found |= {"reconstruction": output, "loss": loss[None]}
    found["token_score"] = token_score(output, tokens)
    found |= {f"grad/{n}": p.grad.clone() for n, p in network.named_parameters()}
    found["adam20_losses"] = adam_losses(network, tokens)
    return {f"{level}/{name}": value.detach().contiguous() for name, value in found.items()}


def adam_losses(network: LevelNetwork, tokens: Tensor) -> Tensor:
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        losses.append(reconstruction_loss(network(tokens), tokens))
        losses[-1].backward()
        optimizer.step()
    return torch.stack(losses)


@pytest.fixture(scope="module")
def reference() -> dict[str, Tensor]:
    """Another file of the format: other sizes, levels, grids that are not square, a window."""
    torch.manual_seed(0)
    windows = {"level1": published_window(GRIDS["level1"]), "level2": (3, 1)}
    tensors: dict[str, Tensor] = {}
    for level, grid in GRIDS.items():
        tensors |= level_tensors(level, grid, windows[level])
    scores = [tensors[f"{level}/token_score"] for level in GRIDS]
    tensors["anomaly_map"] = anomaly_map(scores, list(GRIDS.values()), (40, 30))
    smoothed = smooth(tensors["anomaly_map"].numpy(), 4.0)
    tensors["smoothed_map"] = torch.from_numpy(smoothed)
    tensors["image_score"] = torch.from_numpy(image_scores(smoothed))
    return tensors


def failures(repository: Path, tensors: dict[str, Tensor], file: Path) -> list[str]:
    """Return the names of the lines that fail, without starting a process for each case."""
    sys.path.insert(0, str(repository / "tools"))
    try:
        from parity_model import compare_model
    finally:
        sys.path.pop(0)
    save_file(tensors, file, metadata=METADATA)
    return [line.name for line in compare_model(file) if not line.passed]


def test_other_sizes_agree(repository: Path, reference: dict[str, Tensor], tmp_path: Path) -> None:
    assert failures(repository, reference, tmp_path / "file.safetensors") == []


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("level1/param/layers.1.mlka.in_proj_weight", lambda t: t * 1.01),
        ("level2/reconstruction", lambda t: t + 1e-4 * t.abs().max()),
        ("level1/grad/reference", lambda t: t * 1.01),
        ("level2/adam20_losses", lambda t: t * 1.001),
        ("level1/pooled_tokens", lambda t: t + 1e-3),
        ("image_score", lambda t: t * torch.nan),
        ("smoothed_map", lambda t: t[:, :-1].contiguous()),
        ("level1/grad/final_norm.bias", None),
    ],
)
def test_a_difference_is_found(
    repository: Path,
    reference: dict[str, Tensor],
    tmp_path: Path,
    key: str,
    change: Callable[[Tensor], Tensor] | None,
) -> None:
    tensors = dict(reference)
    original = tensors.pop(key)
    if change:
        tensors[key] = change(original)
    found = failures(repository, tensors, tmp_path / "file.safetensors")
    named = "level1/reconstruction" if "param" in key else key
    assert any(line.startswith(named) for line in found), found


@pytest.mark.parametrize("key", ["level1/param/reference", "level2/token_score", "anomaly_map"])
def test_a_missing_key_ends_with_status_1(
    repository: Path, reference: dict[str, Tensor], tmp_path: Path, key: str
) -> None:
    file = tmp_path / "file.safetensors"
    save_file({name: value for name, value in reference.items() if name != key}, file)
    answer = parity(repository, file)
    assert answer.returncode == 1
    assert key.rsplit("/", maxsplit=1)[-1] in answer.stderr


def test_the_stated_window_wins_over_the_rule(
    repository: Path, reference: dict[str, Tensor], tmp_path: Path
) -> None:
    file = tmp_path / "file.safetensors"
    save_file(reference, file)  # without the metadata the rule gives another window
    answer = parity(repository, file)
    assert answer.returncode == 1
    assert "FAIL level2/reconstruction" in answer.stdout
    assert "ok   level1/reconstruction" in answer.stdout
