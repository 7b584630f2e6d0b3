"""One run a model: opened by training, continued by evaluation and by registration.

A run is addressed by its id alone, which travels in result.json; no run is ever "the active
one", so nothing depends on what else this process has logged.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rlr.config import Config
from rlr.foundation.errors import UserError
from rlr.foundation.network import without_password
from rlr.registry.facts import code_tags, hardware_tags, package_tags
from rlr.registry.scalars import flatten_metrics, flatten_settings
from rlr.registry.server import experiment_id, explained

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from rlr.training.checkpoint import EpochRecord

BATCH = 100  # what MLflow takes in one request
TAG_LENGTH = 5000  # characters; MLflow's databases hold no more
UNDEFINED_TAG = "undefined_metrics"

Item = TypeVar("Item")


class Run:
    """A run on the tracking server.

    Args:
        client: Client of a server that answers.
        run_id: The run's id.
    """

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    @classmethod
    def start(
        cls, client: "MlflowClient", config: Config, data_version: str, manifest_digest: str
    ) -> "Run":
        """Open a run and write down what it is made from.

        Args:
            client: Client of a server that answers, from `connect`.
            config: The resolved configuration.
            data_version: Data version of the images.
            manifest_digest: sha256 of the manifest.

        Raises:
            MachineError: The server failed.
        """
        tags = {
            "data_version": data_version,
            "manifest_sha256": manifest_digest,
            "config_name": config.name,
            "config_sha256": config.digest(),
            "seed": str(config.seed),
            **code_tags(),
            **package_tags(),
            **hardware_tags(),
        }
        with explained(client.tracking_uri):
            run = client.create_run(
                experiment_id(client, config.registry.experiment),
                run_name=f"{config.name}-{data_version[:8]}-seed{config.seed}",
                tags=tags,
            )
            started = cls(client, run.info.run_id)
            started._log_settings(config)
        return started

    @classmethod
    def resume(cls, client: "MlflowClient", run_id: str) -> "Run":
        """Return a run that is there already.

        Raises:
            UserError: The server does not know the run.
        """
        from mlflow.exceptions import MlflowException

        try:
            client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                with explained(client.tracking_uri):
                    raise
            raise UserError(
                f"The tracking server {without_password(client.tracking_uri)} does not know the "
                f"run {run_id}; use the server that the model was trained with."
            ) from error
        return cls(client, run_id)

    @contextmanager
    def active(self) -> Iterator["Run"]:
        """Mark the run as running, and by its end state when the block is left."""
        with explained(self.client.tracking_uri):
            self.client.update_run(self.run_id, status="RUNNING")
        try:
            yield self
        except BaseException as error:
            state = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
            # What went wrong matters, not that the server cannot be told.
            with suppress(Exception):
                self.client.set_terminated(self.run_id, state)
            raise
        with explained(self.client.tracking_uri):
            self.client.set_terminated(self.run_id)

    def log_epoch(self, record: "EpochRecord") -> None:
        """Log the losses and the throughput of one epoch."""
        values: dict[str, float | None] = {
            "train.loss": record.loss,
            "train.validation_loss": record.validation_loss,
            "train.images_per_second": record.images_per_second,
            "train.seconds": record.seconds,
            **{f"train.loss.{level}": loss for level, loss in record.level_losses.items()},
        }
        self._log_values(flatten_metrics(values)[0], step=record.epoch)

    def log_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Log nested metrics; those without a finite value are listed in a tag instead.

        Args:
            metrics: Contents of metrics.json.
        """
        finite, undefined = flatten_metrics(metrics)
        self._log_values(finite, step=0)
        self.set_tags({UNDEFINED_TAG: " ".join(undefined) or "none"})

    def log_files(self, files: Iterable[Path], place: str) -> None:
        """Copy files into the folder `place` of the run's artifacts; missing ones are left out."""
        with explained(self.client.tracking_uri):
            for file in files:
                if file.is_file():
                    self.client.log_artifact(self.run_id, str(file), place)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags; a long value is cut."""
        with explained(self.client.tracking_uri):
            for name, value in tags.items():
                self.client.set_tag(self.run_id, name, value[:TAG_LENGTH])

    def tags(self) -> dict[str, str]:
        """Return the tags of the run."""
        with explained(self.client.tracking_uri):
            return dict(self.client.get_run(self.run_id).data.tags)

    def _log_settings(self, config: Config) -> None:
        from mlflow.entities import Param

        flat = flatten_settings(config.model_dump(mode="json"))
        for part in _parts([Param(name, value) for name, value in flat.items()]):
            self.client.log_batch(self.run_id, params=part)
        self.client.log_text(self.run_id, config.as_yaml(), "config.yaml")

    def _log_values(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, step) for name, value in values.items()]
        with explained(self.client.tracking_uri):
            for part in _parts(metrics):
                self.client.log_batch(self.run_id, metrics=part)


def is_recorder() -> bool:
    """Return whether this process is the one of its torchrun group that logs."""
    return os.environ.get("RANK", "0") == "0"


def _parts(items: list[Item]) -> Iterator[list[Item]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
