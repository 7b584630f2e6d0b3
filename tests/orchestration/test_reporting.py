from pathlib import Path

import pytest

from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.reporting import FAILURE_FILE, read_failure, step


@step
def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (UserError("The file a.png is no image."), UserError, "The file a.png is no image."),
        (MachineError("The disk is full."), MachineError, "The disk is full."),
        (KeyError("x"), MachineError, "The step fail failed by an unexpected KeyError: 'x'"),
    ],
)
def test_a_failure_is_found_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kind: type[Exception],
    sentence: str,
) -> None:
    file = tmp_path / "failure.json"
    monkeypatch.setenv(FAILURE_FILE, str(file))
    with pytest.raises(type(error)):
        fail(error)
    found = read_failure(file)
    assert type(found) is kind
    assert str(found) == sentence


def test_the_first_failure_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "failure.json"
    monkeypatch.setenv(FAILURE_FILE, str(file))
    for sentence in ("cause", "consequence"):
        with pytest.raises(UserError):
            fail(UserError(sentence))
    assert str(read_failure(file)) == "cause"


def test_nobody_asked_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        fail(UserError("x"))
    assert read_failure(tmp_path / "failure.json") is None
