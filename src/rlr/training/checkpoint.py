"""Checkpoints: safetensors and a JSON state, each in a folder that appears when it is complete.

    epoch-0005/network.safetensors
    epoch-0005/optimizer.safetensors
    epoch-0005/average.safetensors    where weights are averaged
    epoch-0005/state.json

There is no state of random generators in them, for there is none (see `seeding.py`), nor of a
schedule, for it follows from the step: a run that goes on from a checkpoint is bit for bit the
run that was never interrupted.
"""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from rlr.foundation.atomic import atomic_folder
from rlr.foundation.documents import read_json, write_json
from rlr.foundation.errors import UserError
from rlr.training.learner import Learner


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch has to tell.

    Attributes:
        epoch: Number of the epoch, from 1.
        loss: Mean loss over the images, summed over the levels.
        level_losses: The same, a level.
        validation_loss: Loss of the normal validation images without jitter, or None.
        images_per_second: Throughput over all processes.
        seconds: Duration.
        cpu_seconds: Processor time of the leading process over all its threads; None in records
            of earlier versions, which did not take it.
    """

    epoch: int
    loss: float
    level_losses: dict[str, float]
    validation_loss: float | None
    images_per_second: float
    seconds: float
    cpu_seconds: float | None = None


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training.

    Attributes:
        folder: Where they are.
        fingerprint: Digest of all that determines the weights; a checkpoint of another training
            is refused.
    """

    folder: Path
    fingerprint: str

    def save(self, learner: Learner, history: list[EpochRecord]) -> None:
        """Write a checkpoint after the last epoch of `history`, then remove the older ones."""
        name = f"epoch-{len(history):04d}"
        with atomic_folder(self.folder / name) as temporary:
            save_file(learner.networks.state_dict(), temporary / "network.safetensors")
            save_file(flatten_optimizer(learner.optimizer), temporary / "optimizer.safetensors")
            if average := learner.average.state():
                save_file(average, temporary / "average.safetensors")
            state = {
                "fingerprint": self.fingerprint,
                "epoch": len(history),
                "history": [asdict(record) for record in history],
            }
            write_json(temporary / "state.json", state)
        for entry in self.folder.iterdir():
            if entry.name != name:
                shutil.rmtree(entry)

    def restore(self, learner: Learner) -> list[EpochRecord]:
        """Load the last checkpoint, if there is one.

        Returns:
            The history up to it; empty where training starts from the beginning.

        Raises:
            UserError: The checkpoint belongs to another training, or files of it are gone or torn.
        """
        complete = sorted(self.folder.glob("epoch-*"))
        if not complete:
            return []
        latest = complete[-1]
        state = read_json(latest / "state.json")
        if state["fingerprint"] != self.fingerprint:
            raise UserError(
                f"{latest} was written with another configuration, code version or data; "
                "remove the folder, or choose another --output."
            )
        learner.networks.load_state_dict(_tensors(latest / "network.safetensors"))
        restore_optimizer(learner.optimizer, _tensors(latest / "optimizer.safetensors"))
        if learner.average.state():
            learner.average.load(_tensors(latest / "average.safetensors"))
        return [EpochRecord(**record) for record in state["history"]]


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read one file of a checkpoint; it was complete once, so what is missing was taken away."""
    try:
        tensors: dict[str, torch.Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); remove {path.parent} to train from the beginning."
        ) from error
    return tensors


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return what an optimiser remembers of each parameter, as tensors by name."""
    state = optimizer.state_dict()["state"]
    return {
        f"{parameter}.{name}": value.contiguous()
        for parameter, entries in state.items()
        for name, value in entries.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Let an optimiser of the same parameters remember what another one did."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        parameter, name = key.split(".", 1)
        state.setdefault(int(parameter), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
