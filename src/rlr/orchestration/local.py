"""A pipeline on this machine: Kubeflow's own runner, every step a process or a container."""

import io
import os
import secrets
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rlr.foundation.errors import MachineError, RlrError
from rlr.foundation.threads import brief_waits
from rlr.orchestration.outputs import StepOutput, missing_outputs, read_outputs
from rlr.orchestration.parameters import Parameters, refuse_unknown
from rlr.orchestration.place import Place, Processes
from rlr.orchestration.project import Project
from rlr.orchestration.reporting import FAILURE_FILE, LINE_MARK, RUN_NAME, read_failure

RUNS = Path(".rlr/runs")
LOG_FILE = "log.txt"
CRASHED = "a step of the pipeline crashed or was killed (out of memory?)"


@dataclass(frozen=True)
class LocalRun:
    """A run that came to its end.

    Attributes:
        folder: What it left: the steps' folders, and the log.
        steps: What each step that ran has left, by its name.
        seconds: Duration.
        runner: Where its steps ran, "subprocess" or "docker".
    """

    folder: Path
    steps: dict[str, StepOutput]
    seconds: float
    runner: str = Processes.name


def run_pipeline(
    project: Project,
    name: str,
    parameters: Parameters,
    folder: Path | None = None,
    place: Place | None = None,
) -> LocalRun:
    """Run a pipeline on this machine.

    Args:
        project: The checkout.
        name: Name of the pipeline.
        parameters: Its parameters.
        folder: Folder to write; None: a new one in `.rlr/runs`.
        place: Where the steps run; None: in processes of their own.

    Raises:
        UserError: A step refused what it was given; the sentence is the step's own.
        MachineError: A step failed otherwise, or left less than it should have.
    """
    from kfp import local

    place = place or Processes()
    parameters.resolve()  # a wrong key is told now, not by the first step
    folder = (folder or _new_folder()).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with project.load(name) as module:
        pipeline = module.build(place.prepare, parameters)
        arguments = parameters.as_arguments()
        refuse_unknown(arguments, pipeline.component_spec.inputs or (), name)
        with _step_environment(folder), _quiet_runner(folder / LOG_FILE):
            try:
                with place.opened(folder) as runner:
                    local.init(runner, pipeline_root=str(folder))
                    pipeline(**arguments)
            except Exception as error:
                raise _explain(error, folder, place) from error
        spec = pipeline.pipeline_spec
    faults = place.faults(spec, folder) + missing_outputs(spec, folder)
    if faults:
        # A step that refused and was gone before the runner looked counts as a success there.
        raise read_failure(_failure_file(folder)) or MachineError(
            f"The runner reported success, but {'; '.join(faults)}; see {folder / LOG_FILE}."
        )
    return LocalRun(folder, read_outputs(folder), time.monotonic() - start, place.name)


def _explain(error: Exception, folder: Path, place: Place) -> RlrError:
    """Return the sentence for a run that broke off: the step's own, where it has left one.

    The runner's own words name tasks. Where it has taken a step that vanished for a success, the
    next one fails in the runner, by whatever error.
    """
    sentence = read_failure(_failure_file(folder))
    if sentence:
        return sentence
    if isinstance(error, RlrError):
        return error
    why = place.why_failed(folder) or CRASHED
    return MachineError(f"{why[0].upper()}{why[1:]}; the last words are in {folder / LOG_FILE}.")


def _new_folder() -> Path:
    return RUNS / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def _failure_file(folder: Path) -> Path:
    return folder / "failure.json"


@contextmanager
def _step_environment(folder: Path) -> Iterator[None]:
    """Tell the steps which run they are of, where to leave their sentence, and how to wait."""
    own = {FAILURE_FILE: str(_failure_file(folder)), RUN_NAME: folder.name}
    own |= brief_waits(os.environ)
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _quiet_runner(log: Path) -> Iterator[None]:
    """Write all that the runner prints into a log, and show the steps' own lines only."""
    with (
        log.open("w", encoding="utf-8") as file,
        redirect_stdout(_Tee(file, sys.stderr)),
        warnings.catch_warnings(),
    ):
        # It warns that images and resources mean nothing here, which is why they are not set.
        warnings.simplefilter("ignore")
        yield


class _Tee(io.TextIOBase):
    """Takes what is printed, keeps it in a log, and passes the marked lines on."""

    def __init__(self, log: TextIO, screen: TextIO) -> None:
        self._log = log
        self._screen = screen
        self._line = ""

    def write(self, text: str) -> int:
        self._log.write(text)
        self._log.flush()
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            _, mark, words = line.partition(LINE_MARK)
            if mark:
                self._screen.write(f"{words}\n")
                self._screen.flush()
        return len(text)

    def flush(self) -> None:
        self._log.flush()
