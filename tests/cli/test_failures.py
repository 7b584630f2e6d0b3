"""What a failure looks like from outside: one sentence on stderr, and the right status."""

import errno
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rlr.config as rlr_config
from rlr.foundation.errors import MachineError, UserError


def failing_with(error: BaseException) -> Callable[..., None]:
    def fail(*_arguments: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (UserError("The key x is wrong; mend it."), 2, "rlr: The key x is wrong; mend it.\n"),
        (MachineError("The server is away."), 1, "rlr: The server is away.\n"),
        (OSError(errno.ENOSPC, "No space", "a.bin"), 1, "rlr: The disk is full while writing a.b"),
        (OSError(errno.ENOSPC, "No space"), 1, "rlr: The disk is full; free some space"),
        (ValueError("odd\nnumber"), 1, "rlr: Unexpected ValueError: odd number; `rlr --verbose"),
        (ValueError(), 1, "rlr: Unexpected ValueError: no message; "),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_one_sentence_with_its_status(
    error: BaseException, status: int, words: str, rlr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlr.config.load_config", failing_with(error))
    answer = rlr("config", "show", "--json")
    assert answer.status == status
    assert answer.stdout == ""
    assert answer.stderr.startswith(words)
    assert len(answer.stderr.splitlines()) == (1 if words else 0)


@pytest.mark.parametrize("words", [["--verbose"], []], ids=["option", "variable"])
def test_the_traceback_is_there_when_asked_for(
    words: list[str], rlr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlr.config.load_config", failing_with(ValueError("odd number")))
    if not words:
        monkeypatch.setenv("RLR_DEBUG", "1")
    answer = rlr(*words, "config", "show")
    assert answer.status == 1
    assert answer.stderr.startswith("rlr: Unexpected ValueError: odd number")
    assert "Traceback (most recent call last)" in answer.stderr


@pytest.mark.parametrize(
    "words",
    [["nope"], ["config", "show", "--nope"], ["config", "show", "extra"], ["config", "--set"]],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(words: list[str], rlr) -> None:
    answer = rlr(*words)
    assert answer.status == 2
    assert answer.stdout == ""
    assert "Usage: rlr" in answer.stderr


def test_a_wrong_override_is_status_2_and_names_the_key(rlr) -> None:
    answer = rlr("config", "validate", "--set", "training.epoch=5")
    assert answer.status == 2
    assert answer.stderr == (
        "rlr: --set training.epoch: unknown key (did you mean epochs?); "
        "`rlr config schema` lists all.\n"
    )


def test_a_real_interrupt_ends_with_130(tmp_path: Path) -> None:
    source = tmp_path / "config.yaml"
    os.mkfifo(source)  # reading it waits for ever
    words = ["-m", "rlr", "config", "show", "--config", str(source)]
    process = subprocess.Popen(
        # A shell starts what it puts into the background deaf to interrupts, and so CI may be.
        ["env", "--default-signal=INT", sys.executable, *words],
        stderr=subprocess.PIPE,
        text=True,
    )
    writer = source.open("w")  # returns once the command has opened it
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    writer.close()
    assert process.returncode == 130
    assert stderr == ""


def test_the_log_is_plain_lines_on_stderr(rlr, monkeypatch: pytest.MonkeyPatch) -> None:
    real = rlr_config.load_config

    def talkative(*arguments: Any) -> Any:
        logging.getLogger("rlr").info("Reading")
        logging.getLogger("rlr").debug("Details")
        return real(*arguments)

    monkeypatch.setattr("rlr.config.load_config", talkative)
    # Dependencies configure the root logger; a line is not to be said twice.
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.StreamHandler(sys.stderr)])
    assert rlr("config", "validate").stderr == "Reading\n"
    assert rlr("--verbose", "config", "validate").stderr == "Reading\nDetails\n"
