"""A run as a process of its own: `rlr pipeline run`, with its log and its answer in files."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rlr.config.schedules import Schedule
from rlr.orchestration.schedules.declared import Declared
from rlr.orchestration.schedules.here.diary import Entry

RLR = (sys.executable, "-m", "rlr")


@dataclass(frozen=True)
class Runner:
    """Where the steps of a run are executed.

    Attributes:
        name: "subprocess" or "docker".
        image_pipeline: Image of the light steps; None: the one of this version.
        image_train: Image of the heavy steps; None: the one of this version.
    """

    name: str = "subprocess"
    image_pipeline: str | None = None
    image_train: str | None = None

    def words(self) -> list[str]:
        """Return the options of `rlr pipeline run`."""
        words = [f"--runner={self.name}"]
        if self.image_pipeline:
            words.append(f"--image-pipeline={self.image_pipeline}")
        if self.image_train:
            words.append(f"--image-train={self.image_train}")
        return words


def command_of(declared: Declared, schedule: Schedule, runner: Runner) -> list[str]:
    """Return the command that runs a schedule's pipeline here."""
    given = schedule.parameters
    words = [*RLR, "pipeline", "run", schedule.pipeline, "--json", *runner.words()]
    words += [f"--project={declared.project.root}"]
    words += [f"--config={declared.configuration(schedule)}"]
    words += [f"--set={override}" for override in given.overrides]
    if given.data_version:
        words.append(f"--data-version={given.data_version}")
    if given.seed is not None:
        words.append(f"--seed={given.seed}")
    for key, value in given.others().items():
        words += _option(key, value)
    return words


def _option(key: str, value: Any) -> list[str]:
    """Return a parameter of one pipeline alone, whose option is called like it."""
    option = f"--{key.replace('_', '-')}"
    if isinstance(value, bool):
        return [option] if value else []
    return [f"{option}={value}"]


class Child:
    """A run that was started here."""

    def __init__(self, entry: Entry, command: Sequence[str], folder: os.PathLike[str]) -> None:
        """Start it.

        Args:
            entry: Its files.
            command: What to run.
            folder: Its working directory.
        """
        self.entry = entry
        self.is_stopped = False
        lock = entry.take_lock()
        try:
            with entry.beside(".log").open("wb") as log, entry.beside(".out").open("wb") as out:
                # A session of its own: Ctrl-C on the terminal is for the scheduler, which decides.
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=log,
                    cwd=folder,
                    start_new_session=True,
                    pass_fds=(lock,),
                )
        finally:
            os.close(lock)  # the process holds it on

    def wait(self) -> int:
        """Return the exit status, once it is over."""
        return self._process.wait()

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process and all that it has started to end."""
        self.is_stopped = True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, with_signal)
