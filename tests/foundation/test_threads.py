"""Waiting threads leave the processors to others, wherever torch may be loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlr.foundation.threads import BRIEFLY, CHOICES, SPINS, brief_waits

OPENMP_SAYS = (
    "import os, sys\n"
    "from rlr.foundation.threads import brief_waits\n"
    "os.environ.update(brief_waits(os.environ))\n"
    "import torch"
)


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_of_the_user_stands(name: str) -> None:
    assert brief_waits({name: "17"}) == {}


def test_openmp_reads_what_a_running_process_sets() -> None:
    clean = {name: value for name, value in os.environ.items() if name not in CHOICES}
    done = subprocess.run(
        [sys.executable, "-c", OPENMP_SAYS],
        env=clean | {"OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{SPINS} = '{BRIEFLY}'" in done.stderr


def test_a_command_sets_it(monkeypatch: pytest.MonkeyPatch, rlr) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in CHOICES:
        os.environ.pop(name, None)
    assert rlr("config", "validate", "--config", "tiny").status == 0
    assert os.environ[SPINS] == BRIEFLY


def test_the_images_set_it(repository: Path) -> None:
    assert f" {SPINS}={BRIEFLY} " in (repository / "infra/docker/Dockerfile").read_text()
