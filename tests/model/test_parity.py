"""The network against the authors' code, by the golden numbers; and that the tool can fail."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file


def parity(repository: Path, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "tools" / "parity.py"), "model", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "golden" / "rlr_reference.safetensors"


def test_golden_numbers(repository: Path, golden: Path) -> None:
    answer = parity(repository, golden)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for name in ("level2/reconstruction", "level3/adam20_losses", "smoothed_map", "image_score"):
        assert f"ok   {name}:" in answer.stdout


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("level2/param/layers.1.mlka.in_proj_weight", lambda t: t * 1.001),
        ("level3/reconstruction", lambda t: t + 1e-4 * t.abs().max()),
        ("level2/grad/reference", lambda t: t * 1.01),
        ("level3/adam20_losses", lambda t: t * 1.001),
        ("image_score", lambda t: t * torch.nan),
        ("level2/grad/final_norm.bias", None),
        ("level3/param/reference", None),
        ("level3/token_score", None),
    ],
)
def test_a_difference_is_found(repository: Path, golden: Path, tmp_path: Path, key, change) -> None:
    tensors = load_file(golden)
    tensors = {
        name: t for name, t in tensors.items() if not name.startswith("level2/") or "2" in key
    }
    original = tensors.pop(key)
    if change:
        tensors[key] = change(original)
    file = tmp_path / "changed.safetensors"
    save_file(tensors, file)
    answer = parity(repository, file)
    assert answer.returncode == 1, answer.stdout + answer.stderr


def test_other_sizes_and_a_stated_window(repository: Path, golden: Path, tmp_path: Path) -> None:
    """A window in the metadata wins over the rule: a wrong one must show."""
    file = tmp_path / "window.safetensors"
    save_file(load_file(golden), file, metadata={"level2/window": "5,7"})
    answer = parity(repository, file)
    assert answer.returncode == 1
    assert "FAIL level2/reconstruction" in answer.stdout
    assert "ok   level3/reconstruction" in answer.stdout
