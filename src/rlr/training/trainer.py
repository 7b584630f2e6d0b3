"""The training loop: one step a global batch, all levels side by side.

The levels do not share parameters, and Adam works element by element: one optimiser is the same
as one a level.
"""

import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from rlr.config import Config
from rlr.detection.artifact import Networks
from rlr.foundation.errors import UserError
from rlr.training.checkpoint import Checkpoints, EpochRecord
from rlr.training.display import Display, show_training
from rlr.training.learner import Learner
from rlr.training.objective import Moment, Objective
from rlr.training.seeding import generator
from rlr.training.stopping import should_stop
from rlr.training.store import FeatureStore, ImageSet, at_epoch, stream
from rlr.training.team import Team

OnEpoch = Callable[[EpochRecord], None]
Batch = list[int]
HeldOut = tuple[int, FeatureStore]


class Trainer:
    """Trains networks on the features of normal images.

    Args:
        networks: One network a level, by its index; trained in place.
        config: The configuration.
        team: The processes that train together.
        device: Where the networks are.
    """

    def __init__(
        self, networks: Networks, config: Config, team: Team, device: torch.device
    ) -> None:
        self._networks = networks.train()
        self._config = config
        self._team = team
        self._device = device
        self._learner = Learner(networks, config.training)
        self._objective = Objective(config, device)

    def fit(
        self,
        images: ImageSet,
        store: FeatureStore,
        *,
        held_out: HeldOut | None = None,
        checkpoints: Checkpoints | None = None,
        label: str = "training",
        on_epoch: OnEpoch | None = None,
        until: int | None = None,
    ) -> list[EpochRecord]:
        """Train to the last epoch, or until the validation loss says stop.

        Where weights are averaged, the networks end with the averaged ones. A training that pauses
        (`until`) is the training of all epochs, interrupted: with the same checkpoints it goes on
        from there, bit for bit.

        Args:
            images: The training images.
            store: Their features.
            held_out: Number and features of the validation images.
            checkpoints: Where to save, and where to go on from.
            label: What is shown of this training.
            on_epoch: Called after each epoch by the leading process; meanwhile the networks
                have the averaged weights.
            until: Epoch to pause after; None: the last one.

        Returns:
            One record an epoch, those before an interruption included.

        Raises:
            UserError: The loss is not finite, or a checkpoint is of another training.
        """
        training = self._config.training
        last = min(until or training.epochs, training.epochs)
        history = checkpoints.restore(self._learner) if checkpoints else []
        with show_training(
            label, len(images), len(history), training.epochs, self._team.leads
        ) as display:
            while len(history) < last and not should_stop(history, training.stopping):
                record = self._epoch(len(history) + 1, images, store, held_out, display)
                history.append(record)
                display.epoch(record)
                due = record.epoch % training.checkpoint_epochs == 0
                if checkpoints and self._team.leads and (due or record.epoch == last):
                    checkpoints.save(self._learner, history)
                if on_epoch and self._team.leads:
                    with self._learner.average.shown():
                        on_epoch(record)
        self._learner.average.keep()
        return history

    def _epoch(
        self,
        epoch: int,
        images: ImageSet,
        store: FeatureStore,
        held_out: HeldOut | None,
        display: Display,
    ) -> EpochRecord:
        training = self._config.training
        start, cpu_start = time.perf_counter(), time.process_time()
        total = torch.zeros(len(self._networks), dtype=torch.float64)
        shown = at_epoch(store, epoch)
        batches = list(self._batches(epoch, len(images)))
        shares = [self._team.share(batch) for batch in batches]
        for place, clean in enumerate(stream(shown, shares)):
            batch = batches[place]
            at = Moment(epoch, (epoch - 1) * len(batches) + place, training.epochs * len(batches))
            losses = self._step(at, len(batch), shares[place], clean, images)
            self._require_finite(losses, epoch)
            total += losses * len(batch)
            display.step(len(batch), float(losses.sum()))
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        means = (total / len(images)).tolist()
        return EpochRecord(
            epoch=epoch,
            loss=sum(means),
            level_losses=dict(zip(self._networks.keys(), means, strict=True)),
            validation_loss=self._validation_loss(held_out),
            images_per_second=len(images) / seconds,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
        )

    def _validation_loss(self, held_out: HeldOut | None) -> float | None:
        if held_out is None:
            return None
        with self._learner.average.shown():
            return self._objective.validation_loss(self._networks, *held_out)

    def _batches(self, epoch: int, count: int) -> Iterator[Batch]:
        order = torch.randperm(count, generator=generator(self._config.seed, "order", epoch))
        size = self._config.training.batch_size
        yield from (part.tolist() for part in order.split(size))

    def _step(
        self, at: Moment, count: int, places: Batch, clean: list[Tensor], images: ImageSet
    ) -> Tensor:
        """Take one step on this process's share of a global batch of `count` images.

        Returns:
            The mean loss of the global batch, a level, float64 on the CPU.
        """
        losses = torch.zeros(len(self._networks), dtype=torch.float64, device=self._device)
        self._networks.zero_grad(set_to_none=True)
        hashes = [images.hashes[place] for place in places]
        for level, loss in self._objective.losses(self._networks, at, count, clean, hashes):
            loss.backward()
            losses[level] += loss.detach()
        self._team.sum_gradients(self._networks.parameters())
        self._learner.step(at.step, at.steps)
        return self._team.total(losses).cpu()

    def _require_finite(self, losses: Tensor, epoch: int) -> None:
        for index, loss in zip(self._networks.keys(), losses.tolist(), strict=True):
            if not math.isfinite(loss):
                raise UserError(
                    f"The loss of level {index} is {loss} in epoch {epoch}; lower "
                    "training.optimizer.learning_rate, or look at the images of the training set."
                )
