"""What a person sees of a training: a bar on a terminal, a line an epoch elsewhere."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rlr.training.checkpoint import EpochRecord

logger = logging.getLogger(__name__)


class Display(Protocol):
    """Shows how a training comes along."""

    def step(self, images: int, loss: float) -> None:
        """Tell of a step's number of images and loss."""
        ...

    def epoch(self, record: EpochRecord) -> None:
        """Tell of a finished epoch."""
        ...


class _Lines:
    def __init__(self, label: str, epochs: int) -> None:
        self._label = label
        self._epochs = epochs

    def step(self, images: int, loss: float) -> None:
        pass

    def epoch(self, record: EpochRecord) -> None:
        logger.info(
            "%s: epoch %d of %d, loss %.4f, %.0f images/s",
            self._label,
            record.epoch,
            self._epochs,
            record.loss,
            record.images_per_second,
        )


class _Silent:
    def step(self, images: int, loss: float) -> None:
        pass

    def epoch(self, record: EpochRecord) -> None:
        pass


@contextmanager
def show_training(
    label: str, images: int, done: int, epochs: int, leads: bool
) -> Iterator[Display]:
    """Show a training.

    Args:
        label: What is trained.
        images: Images an epoch.
        done: Epochs done before, where a training goes on.
        epochs: Epochs in all.
        leads: Whether this process is the one that reports.
    """
    if not leads:
        yield _Silent()
    elif not sys.stderr.isatty():
        yield _Lines(label, epochs)
    else:
        yield from _bar(label, images, done, epochs)


def _bar(label: str, images: int, done: int, epochs: int) -> Iterator[Display]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("epoch {task.fields[epoch]}/" + str(epochs)),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TextColumn("{task.fields[rate]:.0f} images/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(
            label, total=epochs * images, completed=done * images, epoch=done, loss=0.0, rate=0.0
        )

        class _Bar:
            def step(self, images: int, loss: float) -> None:
                rate = progress.tasks[task].speed or 0.0
                progress.update(task, advance=images, loss=loss, rate=rate)

            def epoch(self, record: EpochRecord) -> None:
                progress.update(task, epoch=record.epoch)

        yield _Bar()
