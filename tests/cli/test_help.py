"""Help is instant: it loads nothing but typer, rich and the standard library."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rlr.cli.app import app

# typer, rich, and what these two load themselves.
LIGHT = {
    "annotated_doc",
    "annotated_types",
    "attr",
    "markdown_it",
    "mdurl",
    "pydantic",
    "pydantic_core",
    "pygments",
    "rich",
    "rlr",
    "shellingham",
    "typer",
    "typing_extensions",
    "typing_inspection",
}
ROOMS = {"cli", "foundation"}
SCRIPT = """
import json, sys
before = set(sys.modules)
from rlr.cli import main
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit as stop:
        assert stop.code == 0, (words, stop.code)
new = set(sys.modules) - before
print(json.dumps(sorted(new)), file=sys.stderr)
"""


def every_command() -> list[list[str]]:
    """Return the words that lead to each command and group."""
    words = [[]]
    words += [[command.callback.__name__] for command in app.registered_commands]
    for group in app.registered_groups:
        name = group.typer_instance.info.name
        words.append([name])
        words += [
            [name, command.name or command.callback.__name__.replace("_", "-")]
            for command in group.typer_instance.registered_commands
        ]
    return words


def test_help_of_every_command_loads_nothing_heavy() -> None:
    wanted = [[*words, "--help"] for words in every_command()]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(wanted)],
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = json.loads(done.stderr.splitlines()[-1])
    roots = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names
    assert {root for root in roots if not root.startswith("_")} - LIGHT == set()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("rlr.")}
    assert rooms == ROOMS


def test_the_commands_are_there(rlr) -> None:
    answer = rlr("--help")
    assert answer.status == 0
    for noun in ("config", "data", "train", "evaluate", "register", "predict", "pipeline"):
        assert f" {noun} " in answer.stdout, noun
    assert " doctor " in answer.stdout


@pytest.mark.parametrize("words", [["--version"], ["config", "show"]])
def test_the_module_is_the_command(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rlr", *words], cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout
    assert done.stderr == b""
