"""The training loop: one step a global batch, all levels side by side.

The levels do not share parameters, and Adam works element by element: one backward pass of the
summed losses and one optimiser are the same as a loss and an optimiser a level.
"""

import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from rlr.config import Config
from rlr.detection.artifact import Networks
from rlr.foundation.errors import UserError
from rlr.model import LevelNetwork, reconstruction_loss, reference_similarity
from rlr.training.checkpoint import Checkpoints, EpochRecord
from rlr.training.display import Display, show_training
from rlr.training.jitter import jitter
from rlr.training.seeding import generator
from rlr.training.store import FeatureStore, ImageSet
from rlr.training.team import Team

OnEpoch = Callable[[EpochRecord], None]
Batch = list[int]


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
        optimizer = config.training.optimizer
        self._optimizer = torch.optim.Adam(
            networks.parameters(),
            lr=optimizer.learning_rate,
            betas=optimizer.betas,
            weight_decay=optimizer.weight_decay,
        )

    def fit(
        self,
        images: ImageSet,
        store: FeatureStore,
        *,
        held_out: tuple[int, FeatureStore] | None = None,
        checkpoints: Checkpoints | None = None,
        label: str = "training",
        on_epoch: OnEpoch | None = None,
        until: int | None = None,
    ) -> list[EpochRecord]:
        """Train to the last epoch, or until the validation loss says stop.

        A training that pauses (`until`) is the training of all epochs, interrupted: with the same
        checkpoints it goes on from there, bit for bit.

        Args:
            images: The training images.
            store: Their features.
            held_out: Number and features of the validation images.
            checkpoints: Where to save, and where to go on from.
            label: What is shown of this training.
            on_epoch: Called after each epoch by the leading process.
            until: Epoch to pause after; None: the last one.

        Returns:
            One record an epoch, those before an interruption included.

        Raises:
            UserError: The loss is not finite, or a checkpoint is of another training.
        """
        training = self._config.training
        last = min(until or training.epochs, training.epochs)
        history = checkpoints.restore(self._networks, self._optimizer) if checkpoints else []
        with show_training(
            label, len(images), len(history), training.epochs, self._team.leads
        ) as display:
            while len(history) < last and not self._should_stop(history):
                record = self._epoch(len(history) + 1, images, store, held_out, display)
                history.append(record)
                display.epoch(record)
                due = record.epoch % training.checkpoint_epochs == 0
                if checkpoints and self._team.leads and (due or record.epoch == last):
                    checkpoints.save(self._networks, self._optimizer, history)
                if on_epoch and self._team.leads:
                    on_epoch(record)
        return history

    def _epoch(
        self,
        epoch: int,
        images: ImageSet,
        store: FeatureStore,
        held_out: tuple[int, FeatureStore] | None,
        display: Display,
    ) -> EpochRecord:
        start, cpu_start = time.perf_counter(), time.process_time()
        total = torch.zeros(len(self._networks), dtype=torch.float64)
        for batch in self._batches(epoch, len(images)):
            losses = self._step(epoch, batch, images, store)
            self._require_finite(losses, epoch)
            total += losses * len(batch)
            display.step(len(batch), float(losses.sum()))
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        means = (total / len(images)).tolist()
        return EpochRecord(
            epoch=epoch,
            loss=sum(means),
            level_losses=dict(zip(self._networks.keys(), means, strict=True)),
            validation_loss=self._validation_loss(*held_out) if held_out else None,
            images_per_second=len(images) / seconds,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
        )

    def _batches(self, epoch: int, count: int) -> Iterator[Batch]:
        order = torch.randperm(count, generator=generator(self._config.seed, "order", epoch))
        size = self._config.training.batch_size
        yield from (part.tolist() for part in order.split(size))

    def _step(self, epoch: int, batch: Batch, images: ImageSet, store: FeatureStore) -> Tensor:
        """Take one step on a global batch; return its mean loss a level, float64 on the CPU."""
        places = self._team.share(batch)
        losses = torch.zeros(len(self._networks), dtype=torch.float64)
        self._optimizer.zero_grad(set_to_none=True)
        if places:
            # The loss is a mean over images: each process weighs in with its share of them.
            weight = len(places) / len(batch)
            hashes = [images.hashes[place] for place in places]
            weighted = self._level_losses(epoch, store.tokens(places), hashes) * weight
            weighted.sum().backward()
            losses = weighted.detach().double().cpu()
        self._team.sum_gradients(self._networks.parameters())
        self._optimizer.step()
        return self._team.total(losses.to(self._device)).cpu()

    def _level_losses(self, epoch: int, clean: list[Tensor], hashes: list[str]) -> Tensor:
        config = self._config
        losses = []
        for (index, network), target in zip(self._networks.items(), clean, strict=True):
            noisy = jitter(target, hashes, int(index), epoch, config.seed, config.training.jitter)
            with self._autocast():
                output = network(noisy)
            loss = reconstruction_loss(output.float(), target)
            penalty = config.model.reference_penalty
            assert isinstance(network, LevelNetwork)
            losses.append(loss + penalty * reference_similarity(network.reference))
        return torch.stack(losses)

    @torch.no_grad()
    def _validation_loss(self, count: int, store: FeatureStore) -> float:
        total = 0.0
        size = self._config.features.batch_size
        self._networks.eval()
        for start in range(0, count, size):
            places = range(start, min(start + size, count))
            for network, target in zip(self._networks.values(), store.tokens(places), strict=True):
                with self._autocast():
                    output = network(target)
                total += float(reconstruction_loss(output.float(), target)) * len(places)
        self._networks.train()
        return total / count

    def _should_stop(self, history: list[EpochRecord]) -> bool:
        stopping = self._config.training.stopping
        losses = [r.validation_loss for r in history if r.validation_loss is not None]
        if not stopping.enabled or len(losses) <= stopping.patience:
            return False
        best_before = min(losses[: -stopping.patience])
        best_since = min(losses[-stopping.patience :])
        return best_since > best_before * (1.0 - stopping.min_improvement)

    def _autocast(self) -> torch.autocast:
        enabled = self._config.training.precision == "bf16"
        return torch.autocast(self._device.type, torch.bfloat16, enabled=enabled)

    def _require_finite(self, losses: Tensor, epoch: int) -> None:
        for index, loss in zip(self._networks.keys(), losses.tolist(), strict=True):
            if not math.isfinite(loss):
                raise UserError(
                    f"The loss of level {index} is {loss} in epoch {epoch}; lower "
                    "training.optimizer.learning_rate, or look at the images of the training set."
                )
