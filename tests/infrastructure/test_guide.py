"""docs/cluster.md: what it tells to type is there to be typed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from rlr.cli.app import app

PLACE = re.compile(r"infra/k8s/[\w/.-]+|tools/[\w.-]+")


@pytest.fixture(scope="module")
def guide(repository: Path) -> str:
    return (repository / "docs" / "cluster.md").read_text()


def commands(text: str, name: str) -> Iterator[list[str]]:
    """Yield the words of every command of that name, after a prompt or a pipe."""
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.partition("$ ")[2].split(" | "):
                words = shlex.split(part, comments=True)
                if words and words[0] == name:
                    yield [word for word in words[1:] if word != "&"]


def test_every_command_of_ours_takes_its_options(guide: str) -> None:
    root = typer.main.get_command(app)
    found = list(commands(guide, "rlr"))
    assert len(found) >= 8
    for words in found:
        command: Any = root
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        used = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}
        assert used <= options, command.name


def test_every_command_of_kubeflow_takes_its_options(guide: str) -> None:
    from kfp.cli.cli import cli

    found = list(commands(guide, "kfp"))
    assert found
    for words in found:
        command: click.Command = cli
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), words.pop(0))
        options = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        used = {word for word in words if word.startswith("-")}
        assert used <= options, command.name


def test_every_place_is_there(guide: str, repository: Path) -> None:
    places = set(PLACE.findall(guide))
    assert len(places) >= 8
    for place in places:
        assert (repository / place.rstrip(".")).exists(), place


def test_every_folder_that_is_applied_can_be(guide: str, repository: Path) -> None:
    applied = [
        words[words.index("-k") + 1] for words in commands(guide, "kubectl") if "-k" in words
    ]
    assert "infra/k8s/overlays/dev" in applied
    for folder in applied:
        assert (repository / folder / "kustomization.yaml").is_file()
