"""The training itself: epochs of fresh canvases, checkpoints, the running mean of the weights."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from learner import STRIDES, Learner
from procedural.canvas import material, paint
from procedural.facts import state_facts
from procedural.scenes import compose
from questions import losses
from recipe import Recipe
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from rlr.foundation.atomic import atomic_folder
from rlr.foundation.documents import read_json, write_json
from rlr.foundation.errors import UserError
from rlr.training.checkpoint import flatten_optimizer, restore_optimizer
from rlr.training.seeding import derive_seed, generator


class Lessons:
    """One training run, which goes on from its last checkpoint.

    Args:
        recipe: What determines the weights.
        folder: Where checkpoints lie.
    """

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        torch.manual_seed(derive_seed(recipe.seed, "weights"))
        self.learner = Learner(recipe.classes).to(memory_format=torch.channels_last)
        self.mean = {name: value.clone() for name, value in _floats(self.learner).items()}
        self.optimizer = _optimizer(self.learner, recipe)
        self.history: list[dict[str, float]] = []
        self._restore()

    @property
    def left(self) -> range:
        """The epochs still to come, counted from 0."""
        return range(len(self.history), self.recipe.epochs)

    def epoch(self, number: int) -> dict[str, float]:
        """Run one epoch and write its checkpoint; return its mean losses and its processor time."""
        start = time.process_time()
        pool, labels = _canvases(self.recipe, number)
        drawn = time.process_time()
        rng = generator(self.recipe.seed, "scenes", number)
        self.learner.train()
        sums: dict[str, float] = {}
        for step in range(self.recipe.steps):
            for name, value in self._step(pool, labels, rng, number * self.recipe.steps + step):
                sums[name] = sums.get(name, 0.0) + value / self.recipe.steps
        record = {"epoch": number + 1, **sums}
        record["cpu_seconds"] = time.process_time() - start
        record["drawing_seconds"] = record.pop("scenes") * self.recipe.steps + drawn - start
        self.history.append(record)
        self._save()
        return record

    def _step(
        self, pool: Tensor, labels: Tensor, rng: torch.Generator, step: int
    ) -> Iterator[tuple[str, float]]:
        recipe, start = self.recipe, time.process_time()
        scenes = compose(pool, labels, recipe.batch, recipe.side, rng, recipe.light)
        yield "scenes", time.process_time() - start
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            answers = self.learner(scenes.images, scenes.twins)
        terms = losses(answers, state_facts(scenes, STRIDES), recipe.terms)
        self.optimizer.zero_grad()
        terms["loss"].backward()
        nn.utils.clip_grad_norm_(self.learner.parameters(), 5.0)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate(step)
        self.optimizer.step()
        keep = min(recipe.average, (1 + step) / (10 + step))
        for name, value in _floats(self.learner).items():
            self.mean[name].lerp_(value, 1 - keep)
        yield from ((name, term.item()) for name, term in terms.items())

    def _save(self) -> None:
        name = f"epoch-{len(self.history):04d}"
        with atomic_folder(self.folder / name) as temporary:
            save_file(_packed(self.learner.state_dict()), temporary / "learner.safetensors")
            save_file(_packed(self.mean), temporary / "mean.safetensors")
            save_file(flatten_optimizer(self.optimizer), temporary / "optimizer.safetensors")
            state = {"fingerprint": self.recipe.fingerprint, "history": self.history}
            write_json(temporary / "state.json", state)
        for entry in self.folder.glob("epoch-*"):
            if entry.name != name:
                shutil.rmtree(entry)

    def _restore(self) -> None:
        complete = sorted(self.folder.glob("epoch-*"))
        if not complete:
            return
        state = read_json(complete[-1] / "state.json")
        if state["fingerprint"] != self.recipe.fingerprint:
            raise UserError(
                f"{complete[-1]} was written with another recipe; remove {self.folder}, or choose "
                "another --work."
            )
        self.learner.load_state_dict(load_file(complete[-1] / "learner.safetensors"))
        self.mean = load_file(complete[-1] / "mean.safetensors")
        restore_optimizer(self.optimizer, load_file(complete[-1] / "optimizer.safetensors"))
        self.history = state["history"]


def _floats(module: nn.Module) -> dict[str, Tensor]:
    """Return weights and batch statistics, without the counters."""
    state: dict[str, Tensor] = module.state_dict()
    return {name: value for name, value in state.items() if value.is_floating_point()}


def _packed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.contiguous() for name, value in state.items()}


def _optimizer(learner: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    matrices = [value for value in learner.parameters() if value.ndim > 1]
    others = [value for value in learner.parameters() if value.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, foreach=False)


def _canvases(recipe: Recipe, epoch: int) -> tuple[Tensor, Tensor]:
    """Paint the canvases of an epoch (M, 3, P, P), uint8, and return their classes (M,)."""
    pictures, labels = [], []
    for number in range(recipe.classes):
        kind = material(recipe.seed, number)
        for copy in range(recipe.canvases):
            rng = np.random.default_rng(derive_seed(recipe.seed, "canvas", epoch, number, copy))
            pictures.append(paint(kind, rng, recipe.canvas))
            labels.append(number)
    pool = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    return pool, torch.tensor(labels)
