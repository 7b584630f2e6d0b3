"""What waiting threads cost, on idle and on busy processors."""

import json
import sys
from pathlib import Path

import pytest
import waiting

from rlr.foundation.threads import SPINS

ASKS = [sys.executable, "-c", "import os, pathlib; pathlib.Path('{}').write_text(str(os.environ))"]


def test_variables_of_the_user_do_not_reach_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    said = tmp_path / "said"
    words = [*ASKS[:2], ASKS[2].format(said)]
    wall, cpu = waiting.run(words, tmp_path, {SPINS: "300000"})
    assert wall > 0
    assert cpu > 0
    assert "OMP_WAIT_POLICY" not in said.read_text()
    assert f"'{SPINS}': '300000'" in said.read_text()


@pytest.mark.slow
def test_a_row_a_subject_and_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "waiting.json"
    monkeypatch.setattr(waiting, "SIZES", ("train_good=3", "test_good=1", "test_defective=1"))
    monkeypatch.setattr(waiting, "SUBJECTS", {"rlr": {}})
    monkeypatch.setattr(waiting, "NEIGHBOURS", {"busy": 1})
    words = ["waiting.py", "--rounds", "1", "--epochs", "1", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", words)
    assert waiting.main() == 0
    rows = json.loads(file.read_text())["rows"]
    assert [(row["machine"], row["threads"]) for row in rows] == [("busy", "rlr")]
    assert all(row["wall_s"] > 0 and row["cpu_s"] > 0 for row in rows)
