import os
from pathlib import Path

import pytest

from rlr.foundation.environment import read_env_file
from rlr.foundation.errors import UserError


@pytest.fixture(autouse=True)
def _environment_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.chdir(tmp_path)


def test_the_file_of_the_working_directory_is_read_and_what_is_set_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.environ["RLR_SET"] = "before"
    Path(".env").write_text("# words\nRLR_SET=file\nexport RLR_NEW='a b'\nRLR_RAW=a$b#c=d\n\n")
    read_env_file(None)
    assert os.environ["RLR_SET"] == "before"
    assert os.environ["RLR_NEW"] == "a b"
    assert os.environ["RLR_RAW"] == "a$b#c=d"


def test_a_named_file_goes_before_the_one_of_the_working_directory() -> None:
    Path(".env").write_text("RLR_HERE=1\n")
    Path("other").write_text("RLR_THERE=1\n")
    read_env_file("other")
    assert "RLR_HERE" not in os.environ
    assert os.environ["RLR_THERE"] == "1"


def test_no_file_is_no_fault_and_the_null_device_is_no_file() -> None:
    read_env_file(None)
    Path(".env").write_text("RLR_HERE=1\n")
    read_env_file(os.devnull)
    assert "RLR_HERE" not in os.environ


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "file of variables named cannot be read .No such file"),
        (b"A=1\nno value\n", "named, line 2: NAME=VALUE is expected"),
        (b"A=1\n\nB='open\n", "named, line 3: NAME=VALUE is expected"),
        (b"A=\xff\n", "cannot be read .not text"),
    ],
)
def test_a_wrong_file_is_told_and_changes_nothing(content: bytes | None, words: str) -> None:
    if content is not None:
        Path("named").write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_env_file("named")
    assert "A" not in os.environ
