"""`rlr` reads the file of variables before it does anything else."""

import os
from pathlib import Path

import pytest

SETTING = "MLFLOW_TRACKING_URI=http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _environment_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.chdir(tmp_path)
    del os.environ["RLR_ENV_FILE"]
    del os.environ["MLFLOW_TRACKING_URI"]


@pytest.mark.parametrize("way", ["option", "variable", "folder"])
def test_a_command_goes_where_the_file_points(way: str, rlr) -> None:
    file = Path(".env" if way == "folder" else "elsewhere")
    file.write_text(f"{SETTING}\n")
    if way == "variable":
        os.environ["RLR_ENV_FILE"] = str(file)
    words = ["--env-file", str(file)] if way == "option" else []
    answer = rlr(*words, "register", "nothing")
    assert answer.status == 1
    assert "The tracking server http://127.0.0.1:1 does not answer" in answer.stderr


def test_a_named_file_that_is_missing_is_one_sentence(rlr) -> None:
    answer = rlr("--env-file", "gone", "config", "validate")
    assert answer.status == 2
    assert answer.stdout == ""
    assert answer.stderr == (
        "rlr: The file of variables gone cannot be read (No such file or directory); name another "
        "with --env-file or RLR_ENV_FILE.\n"
    )
