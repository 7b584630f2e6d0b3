"""What a step tells the outside: lines of its log, and one sentence when it fails.

A step runs in a process of its own, where an exception ends as a traceback and an exit status of
1. Whoever started it may name a file in RLR_FAILURE_FILE; there the sentence is found again.
"""

import functools
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from rlr.foundation.documents import read_json, write_json
from rlr.foundation.errors import MachineError, RlrError, UserError

FAILURE_FILE = "RLR_FAILURE_FILE"
RUN_NAME = "RLR_PIPELINE_RUN"  # name of a run on this machine, whose Kubeflow ids mean nothing
LINE_MARK = "rlr | "  # tells our lines from those of everybody else in the log of a step

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

logger = logging.getLogger("rlr")


def step(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Make a function a step: its failure is told in one sentence to whoever started it."""

    @functools.wraps(function)
    def reported(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        _mark_lines()
        name = function.__name__
        start = time.monotonic()
        logger.info("%s: started", name)
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            _leave_sentence(name, error)
            raise
        logger.info("%s: done in %.1f s", name, time.monotonic() - start)
        return result

    return reported


def read_failure(path: Path) -> RlrError | None:
    """Return the failure that a step has left, if any."""
    if not path.is_file():
        return None
    document = read_json(path)
    kind = UserError if document["exit_status"] == UserError.exit_status else MachineError
    return kind(document["sentence"])


def run_name(given: str) -> str:
    """Return what a run of the pipeline is called: its folder here, Kubeflow's id on a cluster."""
    return os.environ.get(RUN_NAME) or given


def _leave_sentence(step_name: str, error: Exception) -> None:
    place = os.environ.get(FAILURE_FILE)
    if not place or Path(place).exists():  # the first failure is the cause of the others
        return
    if isinstance(error, RlrError):
        status, sentence = error.exit_status, str(error)
    else:
        words = " ".join(str(error).split()) or "no message"
        status = MachineError.exit_status
        sentence = f"The step {step_name} failed by an unexpected {type(error).__name__}: {words}"
    write_json(Path(place), {"step": step_name, "exit_status": status, "sentence": sentence})


def _mark_lines() -> None:
    """Inside a Kubeflow step, mark our lines; elsewhere the log is the caller's business."""
    if "_KFP_RUNTIME" not in os.environ:
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter(f"{LINE_MARK}%(asctime)s %(message)s", "%H:%M:%S"))
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
