"""Where the steps of a local run are executed, and what that place testifies of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rlr.orchestration.cluster import Needs, on_this_machine

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from kfp.dsl import PipelineTask
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec


class Place(Protocol):
    """Where steps are executed on this machine: one object, one run."""

    name: str

    def prepare(self, task: "PipelineTask", needs: Needs) -> "PipelineTask":
        """Give a step what it needs here."""

    def opened(self, folder: Path) -> "AbstractContextManager[Any]":
        """Yield Kubeflow's runner; when the block is left, nothing of the run is alive.

        Args:
            folder: Pipeline root of the run.
        """

    def why_failed(self, folder: Path) -> str:
        """Return what is known of the step that ended badly, or "".

        Args:
            folder: Pipeline root of the run.
        """

    def faults(self, spec: "PipelineSpec", folder: Path) -> list[str]:
        """Return what speaks against a success that the runner has reported.

        Args:
            spec: The pipeline that ran.
            folder: Pipeline root of the run.
        """


class Processes:
    """Every step a process of its own, in this environment."""

    name = "subprocess"

    def prepare(self, task: "PipelineTask", needs: Needs) -> "PipelineTask":
        return on_this_machine(task, needs)

    @contextmanager
    def opened(self, folder: Path) -> Iterator[Any]:
        from kfp import local

        yield local.SubprocessRunner(use_venv=False)

    def why_failed(self, folder: Path) -> str:
        return ""

    def faults(self, spec: "PipelineSpec", folder: Path) -> list[str]:
        return []
