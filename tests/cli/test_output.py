"""--json: one object on stdout and nothing else, whoever else prints."""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

import rlr.config as rlr_config
from rlr.cli.output import cell, emit, table

# A library that prints, a C library that writes to the descriptor, a child that inherits it.
NOISY = """
import os, subprocess, sys
import rlr.config
real = rlr.config.load_config
def noisy(*arguments):
    print("printed")
    os.write(1, b"written\\n")
    subprocess.run(["echo", "inherited"], check=True)
    return real(*arguments)
rlr.config.load_config = noisy
from rlr.cli import main
main(sys.argv[1:])
"""


def noisy(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", NOISY, *words], capture_output=True, text=True, check=False
    )


def test_json_is_alone_on_stdout_whoever_prints() -> None:
    done = noisy("config", "validate", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["valid"] is True
    assert sorted(done.stderr.split()) == ["inherited", "printed", "written"]


def test_what_prints_in_this_process_is_moved_too(rlr, monkeypatch: pytest.MonkeyPatch) -> None:
    real = rlr_config.load_config

    def printing(*arguments: Any) -> Any:
        sys.stdout.write("printed\n")
        return real(*arguments)

    monkeypatch.setattr("rlr.config.load_config", printing)
    answer = rlr("config", "validate", "--json")
    assert json.loads(answer.stdout)["valid"] is True
    assert answer.stderr == "printed\n"


def test_a_failure_leaves_stdout_empty() -> None:
    done = noisy("config", "validate", "--json", "--set", "a=1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "rlr: --set a: unknown key" in done.stderr


def test_without_json_stdout_is_as_ever() -> None:
    done = noisy("config", "validate")
    assert {"inherited", "printed", "written"} <= set(done.stdout.split())
    assert "Configuration 'published' is valid" in done.stdout


def test_stdout_is_given_back_after_the_command(rlr, capfd: pytest.CaptureFixture[str]) -> None:
    assert json.loads(rlr("config", "validate", "--json").stdout)["schema_version"] == 1
    sys.stdout.write("mine\n")
    sys.stdout.flush()
    subprocess.run(["echo", "child"], check=True)
    assert capfd.readouterr().out.split() == ["mine", "child"]


@pytest.mark.parametrize("words", [["show"], ["schema"], ["validate"]], ids=str)
def test_every_answer_has_its_schema_version_first(words: list[str], rlr) -> None:
    answer = rlr("config", *words, "--json")
    assert answer.stderr == ""
    assert next(iter(json.loads(answer.stdout))) == "schema_version"


def test_a_number_that_is_not_finite_never_reaches_a_reader(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match="JSON"):
        emit({"aupro": math.nan}, True, lambda _document: [])
    assert capsys.readouterr().out == ""


def test_what_is_for_people_is_taken_literally(capsys: pytest.CaptureFixture[str]) -> None:
    def render(document: Mapping[str, Any]) -> list[Any]:
        return ["[bold]a.png[/bold]", table(("path",), [[document["path"]]])]

    emit({"path": "part[0]/:no:.png"}, False, render)
    shown = capsys.readouterr().out
    assert "[bold]a.png[/bold]" in shown
    assert "part[0]/:no:.png" in shown


def test_a_long_line_is_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    emit({}, False, lambda _document: ["x " * 500])
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.98765, "0.9877"), (0.0, "0.0000"), (3, "3"), (True, "yes"), ("a", "a")],
)
def test_a_cell(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_numbers_stand_on_the_right_even_where_some_are_undefined() -> None:
    made = table(("class", "aupro"), [["tile", None], ["bottle", 0.5]])
    assert [column.justify for column in made.columns] == ["left", "right"]
