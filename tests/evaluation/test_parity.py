"""The tool that holds the metrics against the oracles: it agrees, and it can disagree."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


def parity(repository: Path, arrays: Path, values: Path) -> subprocess.CompletedProcess[str]:
    tool = repository / "tools" / "parity.py"
    command = [sys.executable, str(tool), "metrics", str(arrays), str(values)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def case(tmp_path: Path) -> tuple[Path, Path, dict]:
    """Return a small case whose values are known by heart: every defect above every good pixel."""
    masks = np.zeros((2, 4, 4), dtype=np.uint8)
    masks[0, 1, 1] = 1
    np.savez(tmp_path / "a.npz", **{"one.masks": masks, "one.scores": masks.astype(np.float32)})
    names = ("auroc", "ap", "f1max")
    values = {f"{level}_{name}": 1.0 for level in ("pixel", "image") for name in names}
    values |= {"aupro_0.30": 1.0, "aupro_0.05": 1.0}
    return tmp_path / "a.npz", tmp_path / "v.json", {"one": values}


def test_golden_numbers(repository: Path, shared: Path) -> None:
    golden = shared / "golden"
    arrays, values = golden / "metrics_reference.npz", golden / "metrics_reference.json"
    answer = parity(repository, arrays, values)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    count = sum(len(case) for case in json.loads(values.read_text()).values())
    assert answer.stdout.count("ok  ") == count
    assert answer.stdout.splitlines()[-1] == f"{count} of {count} agree"


def test_agreement(repository: Path, case: tuple[Path, Path, dict]) -> None:
    arrays, file, values = case
    values["one"]["aupro_0.10"] = 1.0  # a limit of the file's own
    file.write_text(json.dumps(values))
    answer = parity(repository, arrays, file)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "ok   one aupro_0.10: ours 1.0, reference 1.0, error 0.00e+00" in answer.stdout


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("aupro_0.30", 1.0 + 2e-6, "FAIL one aupro_0.30: ours 1.0"),
        ("pixel_ap", None, "FAIL one pixel_ap: ours 1.0, reference None"),
        ("image_auroc", "absent", "missing in the reference"),
        ("image_aurocs", 1.0, "missing in ours"),
    ],
)
def test_a_difference_is_found(
    repository: Path, case: tuple[Path, Path, dict], key: str, value: object, shown: str
) -> None:
    arrays, file, values = case
    values["one"][key] = value
    if value == "absent":
        del values["one"][key]
    file.write_text(json.dumps(values))
    answer = parity(repository, arrays, file)
    assert answer.returncode == 1
    assert shown in answer.stdout


def test_a_case_on_one_side_alone_fails(repository: Path, case: tuple[Path, Path, dict]) -> None:
    arrays, file, values = case
    file.write_text(json.dumps({**values, "two": values["one"]}))
    answer = parity(repository, arrays, file)
    assert answer.returncode == 1
    assert "FAIL two all" in answer.stdout


def test_a_file_that_cannot_be_read(repository: Path, case: tuple[Path, Path, dict]) -> None:
    arrays, file, _ = case
    file.write_text("no json")
    answer = parity(repository, arrays, file)
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
