"""What the registry remembers of retrainings: what each decided, and which of them trained.

Every run of the retraining pipeline is a run of an experiment of its own. One that trains makes a
*claim* first: an experiment whose name is a number, one more than the last. A name can be made but
once, so of two that count the same claims and decide alike one gets the number, and the other has
to count again. A claim is deleted as soon as it is made: MLflow keeps names and times of deleted
experiments and shows them to nobody. No lock is left by who is killed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.foundation.documents import dump_json
from rlr.registry.limits import transfers
from rlr.registry.lookup import aliased_version, all_pages, all_versions, find_run
from rlr.registry.names import CHAMPION, PIPELINE_RUN_TAG
from rlr.registry.references import DATA_TAG
from rlr.registry.server import experiment_id, explained
from rlr.registry.times import moment

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun
    from mlflow.entities.model_registry import ModelVersion

SUFFIX = "-retraining"  # of the experiment's name
CLAIM = "rlr-retraining-claim"
RUN_TAG = "run"
TRIGGER_TAG = "trigger"
GPU_HOURS_TAG = "gpu_hours"


@dataclass(frozen=True)
class Claim:
    """A training that a retraining has started.

    Attributes:
        number: Its number.
        began: When, by the server's clock.
        run_id: The retraining's run.
    """

    number: int
    began: datetime
    run_id: str


@dataclass(frozen=True)
class Retraining:
    """One run of the retraining pipeline.

    Attributes:
        run_id: Its run.
        began: When it began.
        ended: When it ended; None: it has not, or was killed.
        tags: What it says of itself.
    """

    run_id: str
    began: datetime
    ended: datetime | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class KnownVersion:
    """A data version that the registry knows.

    Attributes:
        data_version: The data version.
        seen: When it was imported, or a model version made from it.
    """

    data_version: str
    seen: datetime


class Retrainings:
    """The retrainings of one registered model.

    Args:
        client: Client of a server that answers.
        settings: Experiment and name of the model.
    """

    def __init__(self, client: "MlflowClient", settings: RegistryConfig) -> None:
        self._client = client
        self._settings = settings
        self._claim_prefix = f"{CLAIM}/{settings.model_name}/"

    def begin(self, pipeline_run: str, tags: Mapping[str, str]) -> str:
        """Open the run of a retraining, or find that of a step that is tried again.

        Args:
            pipeline_run: Kubeflow's id of the run; "": there is none.
            tags: What is known of it.

        Returns:
            Its run.

        Raises:
            MachineError: The server failed.
        """
        known = self.of_pipeline(pipeline_run)
        if known and known.ended is None:
            self.tell(known.run_id, tags)
            return known.run_id
        tags = {**tags, **({PIPELINE_RUN_TAG: pipeline_run} if pipeline_run else {})}
        with explained(self._client.tracking_uri):
            experiment = experiment_id(self._client, self._experiment)
            run = self._client.create_run(experiment, tags=tags, run_name=self._name())
        return str(run.info.run_id)

    def tell(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Write down what a retraining has found out."""
        with explained(self._client.tracking_uri):
            for name, value in tags.items():
                self._client.set_tag(run_id, name, value)

    def log(self, run_id: str, name: str, document: Mapping[str, Any]) -> None:
        """Keep a document with a retraining."""
        with explained(self._client.tracking_uri), transfers(self._settings):
            self._client.log_text(run_id, dump_json(document), name)

    def keep(self, run_id: str, file: Path) -> None:
        """Keep a file with a retraining."""
        with explained(self._client.tracking_uri), transfers(self._settings):
            self._client.log_artifact(run_id, str(file))

    def end(self, run_id: str, state: str) -> None:
        """Say how a retraining ended: "FINISHED", "FAILED" or "KILLED"."""
        with explained(self._client.tracking_uri):
            self._client.set_terminated(run_id, state)

    def of_pipeline(self, pipeline_run: str) -> Retraining | None:
        """Return the newest retraining of a pipeline's run, or None."""
        if not pipeline_run:
            return None
        return next(self._retrainings(f"tags.{PIPELINE_RUN_TAG} = '{pipeline_run}'"), None)

    def get(self, run_id: str) -> Retraining | None:
        """Return a retraining, or None where its run was removed."""
        run = find_run(self._client, run_id)
        return _retraining(run) if run else None

    def claims(self) -> list[Claim]:
        """Return the trainings that retrainings have started, the oldest first."""
        from mlflow.entities import ViewType

        with explained(self._client.tracking_uri):
            found = all_pages(
                self._client.search_experiments,
                view_type=ViewType.ALL,
                filter_string=f"name LIKE '{self._claim_prefix}%'",
            )
            # A name with an underscore matches others, too.
            claims = [
                Claim(int(match[1]), moment(entry.creation_time), entry.tags.get(RUN_TAG, ""))
                for entry in found
                if (match := re.fullmatch(rf"{re.escape(self._claim_prefix)}(\d+)", entry.name))
            ]
        return sorted(claims, key=lambda claim: claim.number)

    def claim(self, number: int, run_id: str) -> bool:
        """Start a training, unless another retraining has started one of this number.

        Args:
            number: One more than that of the last claim which the decision knew.
            run_id: The retraining's run.

        Returns:
            Whether the number was free.
        """
        from mlflow.exceptions import MlflowException

        with explained(self._client.tracking_uri):
            try:
                made = self._client.create_experiment(
                    f"{self._claim_prefix}{number:06d}", tags={RUN_TAG: run_id}
                )
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                return False
            self._client.delete_experiment(made)
        return True

    def last_imported(self) -> KnownVersion | None:
        """Return the data version of the newest retraining that had one; None: there is none."""
        found = next(self._retrainings(f"tags.{DATA_TAG} LIKE '%.dir'"), None)
        return KnownVersion(found.tags[DATA_TAG], found.began) if found else None

    def last_trained(self) -> KnownVersion | None:
        """Return the data version of the newest model version; None: there is none.

        A candidate that the gate has refused counts, for the same data would give the same again.
        """
        return max(self._trained(), key=lambda known: known.seen, default=None)

    def champion(self) -> str | None:
        """Return `models:/NAME/VERSION` of the champion; None: there is none."""
        version = aliased_version(self._client, self._settings.model_name, CHAMPION)
        return f"models:/{self._settings.model_name}/{version}" if version else None

    def made_by(self, pipeline_run: str) -> "ModelVersion | None":
        """Return the newest model version that a pipeline's run has registered, or None."""
        with explained(self._client.tracking_uri):
            mine = [
                entry
                for entry in all_versions(self._client, self._settings.model_name)
                if pipeline_run and entry.tags.get(PIPELINE_RUN_TAG) == pipeline_run
            ]
        return max(mine, key=lambda entry: int(entry.version), default=None)

    @property
    def _experiment(self) -> str:
        return f"{self._settings.experiment}{SUFFIX}"

    def _name(self) -> str:
        return f"{self._settings.model_name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"

    def _retrainings(self, query: str) -> Iterator[Retraining]:
        """Yield retrainings, the newest first."""
        with explained(self._client.tracking_uri):
            experiment = self._client.get_experiment_by_name(self._experiment)
            if experiment is None:
                return
            for run in all_pages(
                self._client.search_runs,
                experiment_ids=[experiment.experiment_id],
                filter_string=query,
                order_by=["attributes.start_time DESC"],
            ):
                yield _retraining(run)

    def _trained(self) -> list[KnownVersion]:
        with explained(self._client.tracking_uri):
            return [
                KnownVersion(entry.tags[DATA_TAG], moment(entry.creation_timestamp))
                for entry in all_versions(self._client, self._settings.model_name)
                if DATA_TAG in entry.tags
            ]


def _retraining(run: "MlflowRun") -> Retraining:
    ended = moment(run.info.end_time) if run.info.end_time else None
    return Retraining(run.info.run_id, moment(run.info.start_time), ended, dict(run.data.tags))
