"""What a step tells of its run while it works."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlr.registry.scalars import flatten_metrics
from rlr.registry.spool.entries import Entry, MetricsEntry, StateEntry, TagsEntry
from rlr.registry.spool.folder import Position, Spool

if TYPE_CHECKING:
    from rlr.training.checkpoint import EpochRecord

TAG_LENGTH = 5000  # characters; MLflow's databases hold no more
UNDEFINED_TAG = "undefined_metrics"

State = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


class Recorder:
    """Writes everything into the spool; none of its methods asks the server.

    Args:
        spool: The spool of the run.
        wake: Called after each entry.
    """

    def __init__(self, spool: Spool, wake: Callable[[], None]) -> None:
        self._spool = spool
        self._wake = wake
        self._points = _recorded_points(spool)

    def log_epoch(self, record: "EpochRecord") -> None:
        """Log the losses and the throughput of one epoch, once.

        A training that goes on from a checkpoint comes to some epochs a second time. The first
        time counts: the losses are the same, and a server keeps every point it has got.
        """
        values: dict[str, float | None] = {
            "train.loss": record.loss,
            "train.validation_loss": record.validation_loss,
            "train.images_per_second": record.images_per_second,
            "train.seconds": record.seconds,
            **{f"train.loss.{level}": loss for level, loss in record.level_losses.items()},
        }
        finite, _ = flatten_metrics(values)
        step = record.epoch
        self._log_values({k: v for k, v in finite.items() if (k, step) not in self._points}, step)

    def log_metrics(self, metrics: Mapping[str, Any], undefined_tag: str = UNDEFINED_TAG) -> None:
        """Log nested metrics; those without a finite value are listed in a tag instead.

        Args:
            metrics: Contents of metrics.json.
            undefined_tag: Name of that tag.
        """
        finite, undefined = flatten_metrics(metrics)
        self._log_values({k: v for k, v in finite.items() if self._points.get((k, 0)) != v}, 0)
        self.set_tags({undefined_tag: " ".join(undefined) or "none"})

    def log_files(self, files: Iterable[Path], place: str) -> None:
        """Copy files for the folder `place` of the run's artifacts; missing ones are left out."""
        for file in files:
            if file.is_file():
                self._spool.append_file(file, place)
                self._wake()

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags; a long value is cut."""
        self._append(TagsEntry(tags={name: value[:TAG_LENGTH] for name, value in tags.items()}))

    def set_state(self, state: State) -> None:
        """Say that the run has begun, or how it has ended."""
        self._append(StateEntry(state=state))

    def _log_values(self, values: Mapping[str, float], step: int) -> None:
        if values:
            self._append(MetricsEntry(step=step, values=dict(values)))
            self._points.update({(key, step): value for key, value in values.items()})

    def _append(self, entry: Entry) -> None:
        self._spool.append(entry)
        self._wake()


def _recorded_points(spool: Spool) -> dict[tuple[str, int], float]:
    """Return the last value of each metric and step that a spool holds."""
    return {
        (key, entry.step): value
        for entry, _ in spool.entries(Position())
        if isinstance(entry, MetricsEntry)
        for key, value in entry.values.items()
    }
