"""The TrainJob: `rlr train` under torchrun, on so many nodes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.foundation.documents import digest
from rlr.orchestration.cluster import LABELS
from rlr.orchestration.reporting import FAILURE_FILE
from rlr.orchestration.team.settings import TeamSettings

GROUP = "trainer.kubeflow.org"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
PLURAL = "trainjobs"

LABEL_LENGTH = 63


@dataclass(frozen=True)
class Training:
    """What is to be trained, and the folder in which nodes and step meet.

    Attributes:
        config: Preset, or YAML document.
        overrides: `key=value` each, data version and seed among them.
        run: Kubeflow's id of the run that asks for it.
        work: Where the shared claim is mounted, here and on the nodes.
    """

    config: str
    overrides: tuple[str, ...]
    run: str
    work: Path

    @property
    def name(self) -> str:
        """Name of the job: the same when a step is started again, another for all else."""
        return f"rlr-train-{digest([self.run, self.config, list(self.overrides)])[:12]}"

    @property
    def folder(self) -> Path:
        """Folder of this training on the claim."""
        return self.work / self.name

    @property
    def dataset(self) -> Path:
        """Where the nodes find what validation has written."""
        return self.folder / "dataset"

    @property
    def output(self) -> Path:
        """Where the leading process writes checkpoints, and in the end the model."""
        return self.folder / "output"

    @property
    def failure(self) -> Path:
        """Where a process that fails leaves its sentence."""
        return self.folder / "failure.json"

    @property
    def logs(self) -> Path:
        """What the processes have said."""
        return self.folder / "logs"


def make_train_job(training: Training, settings: TeamSettings) -> dict[str, Any]:
    """Return the TrainJob of a training.

    Kubeflow Trainer tells torchrun by variables (PET_NNODES, PET_NODE_RANK, PET_MASTER_ADDR ...)
    how many nodes there are, which one this is, and where the first one listens.

    Args:
        training: What is to be trained.
        settings: What the nodes get.
    """
    team = settings.pipeline.distributed
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainJob",
        "metadata": {
            "name": training.name,
            "labels": {
                **LABELS,
                "app.kubernetes.io/component": "train",
                "rlr.dev/run": _label(training.run),
            },
        },
        "spec": {
            "runtimeRef": {"apiGroup": GROUP, "kind": "TrainingRuntime", "name": team.runtime},
            "activeDeadlineSeconds": team.timeout_seconds,
            "trainer": {
                "image": settings.image,
                "command": ["torchrun"],
                "args": _words(training),
                "env": [
                    {"name": "RLR_IMAGE", "value": settings.image},
                    {"name": FAILURE_FILE, "value": str(training.failure)},
                ],
                "numNodes": team.nodes,
                "numProcPerNode": _processes(settings),
                "resourcesPerNode": _resources(settings),
            },
        },
    }


def _words(training: Training) -> list[str]:
    """Return what torchrun is told: to keep what is said on the claim, and to run `rlr train`."""
    return [
        f"--log-dir={training.logs}",
        "--tee=3",
        "-m",
        "rlr",
        "train",
        f"--config={training.config}",
        *(f"--set={override}" for override in training.overrides),
        f"--dataset={training.dataset}",
        f"--output={training.output}",
    ]


def _processes(settings: TeamSettings) -> int:
    return settings.pipeline.distributed.processes or max(1, settings.pipeline.accelerator_count)


def _resources(settings: TeamSettings) -> dict[str, Any]:
    pipeline = settings.pipeline
    count = pipeline.accelerator_count
    accelerators = {pipeline.accelerator: str(count)} if count else {}
    return {
        "requests": {
            "cpu": pipeline.cpu_request,
            "memory": pipeline.memory_request,
            **accelerators,
        },
        "limits": {"cpu": pipeline.cpu, "memory": pipeline.memory, **accelerators},
    }


def _label(text: str) -> str:
    """Return a text as the value of a label may be."""
    return re.sub(r"[^\w.-]", "-", text)[:LABEL_LENGTH].strip("-._")


def with_facts(overrides: Sequence[str], data_version: str, seed: int | None) -> tuple[str, ...]:
    """Return overrides that say data version and seed, too, as the command line takes them."""
    extra = [f"data.version={data_version}"] if data_version else []
    if seed is not None and seed >= 0:
        extra.append(f"seed={seed}")
    return (*overrides, *extra)
