"""One run a model: opened by training, continued by evaluation and by registration.

A run is addressed by its id alone, which travels in result.json; no run is ever "the active
one", so nothing depends on what else this process has logged. Opening a run asks the server; what
happens in it is recorded in a spool and sent by a thread.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rlr.config import Config
from rlr.config.registry import RegistryConfig
from rlr.foundation.build import current_changes
from rlr.foundation.changes import Changes
from rlr.foundation.errors import UserError
from rlr.foundation.network import without_password
from rlr.registry.facts import (
    PARENT_TAG,
    code_tags,
    compute_tags,
    data_tags,
    diff_tags,
    hardware_tags,
    mixed_tags,
    package_tags,
)
from rlr.registry.limits import transfers
from rlr.registry.lookup import aliased_version, find_run
from rlr.registry.names import CHAMPION, NO_CHAMPION
from rlr.registry.scalars import flatten_settings
from rlr.registry.server import experiment_id, explained
from rlr.registry.spool.folder import open_spool
from rlr.registry.spool.recorder import Recorder
from rlr.registry.spool.sender import Sender

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH = 100  # what MLflow takes in one request
CONFIG_FILE = "config.yaml"
CODE_PLACE = "code"  # folder of the run's artifacts
DIFF_FILE = "dirty.diff"  # what the checkout held beside its commit

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
        changes = current_changes(config.reproduction.max_diff_kib * 1024)
        tags = {
            "data_version": data_version,
            "manifest_sha256": manifest_digest,
            "config_name": config.name,
            "config_sha256": config.digest(),
            "seed": str(config.seed),
            **code_tags(),
            **diff_tags(changes),
            **data_tags(config.data),
            **package_tags(),
            **hardware_tags(),
            **compute_tags(config),
        }
        with explained(client.tracking_uri):
            tags[PARENT_TAG] = _champion(client, config.registry.model_name)
            run = client.create_run(
                experiment_id(client, config.registry.experiment),
                run_name=f"{config.name}-{data_version[:8]}-seed{config.seed}",
                tags=tags,
            )
            started = cls(client, run.info.run_id)
            started._log_settings(config)
            started._log_changes(changes, config.registry)
        return started

    @classmethod
    def resume(cls, client: "MlflowClient", run_id: str) -> "Run":
        """Return a run that is there already.

        Raises:
            UserError: The server does not know the run.
        """
        if find_run(client, run_id) is None:
            raise UserError(
                f"The tracking server {without_password(client.tracking_uri)} does not know the "
                f"run {run_id}; use the server that the model was trained with."
            )
        return cls(client, run_id)

    @contextmanager
    def active(self, output: Path, settings: RegistryConfig) -> Iterator[Recorder]:
        """Record what happens in a step, from "running" to the end state of the run.

        Inside the block nothing waits for the server. When it is left, what is not sent yet is
        waited for as long as `settings.flush_seconds` allows; then it stays in the spool.

        Args:
            output: Output folder of the step, where the spool lies.
            settings: How long requests may take.

        Raises:
            MachineError: The spool cannot be written.
        """
        spool = open_spool(output, self.run_id, without_password(self.client.tracking_uri))
        sender = Sender(spool, self.client, settings)
        recorder = Recorder(spool, sender.wake)
        recorder.set_state("RUNNING")
        sender.start()
        try:
            yield recorder
            recorder.set_state("FINISHED")
        except BaseException as error:
            # What went wrong matters, not that the server cannot be told.
            with suppress(Exception):
                recorder.set_state("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
                sender.finish(settings.flush_seconds, patient=False)
            raise
        sender.finish(settings.flush_seconds)

    def note_change_of_machine(self, config: Config) -> None:
        """Say in the tags what has changed since the training was begun, if anything has."""
        now = {**code_tags(), **package_tags(), **compute_tags(config)}
        for name, value in mixed_tags(self.tags(), now).items():
            with explained(self.client.tracking_uri):
                self.client.set_tag(self.run_id, name, value)

    def tags(self) -> dict[str, str]:
        """Return the tags of the run."""
        with explained(self.client.tracking_uri):
            return dict(self.client.get_run(self.run_id).data.tags)

    def _log_settings(self, config: Config) -> None:
        from mlflow.entities import Param

        flat = flatten_settings(config.model_dump(mode="json"))
        for part in _parts([Param(name, value) for name, value in flat.items()]):
            self.client.log_batch(self.run_id, params=part)
        with transfers(config.registry):
            self.client.log_text(self.run_id, config.as_yaml(), CONFIG_FILE)

    def _log_changes(self, changes: Changes | None, settings: RegistryConfig) -> None:
        if changes is None or changes.patch is None:
            return
        with tempfile.TemporaryDirectory() as scratch, transfers(settings):
            file = Path(scratch) / DIFF_FILE
            file.write_bytes(changes.patch)
            self.client.log_artifact(self.run_id, str(file), CODE_PLACE)


def is_recorder() -> bool:
    """Return whether this process is the one of its torchrun group that logs."""
    return os.environ.get("RANK", "0") == "0"


def _champion(client: "MlflowClient", name: str) -> str:
    """Return the champion of today, `models:/NAME/VERSION`, or "none"."""
    version = aliased_version(client, name, CHAMPION)
    return NO_CHAMPION if version is None else f"models:/{name}/{version}"


def _parts(items: list[Item]) -> Iterator[list[Item]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
