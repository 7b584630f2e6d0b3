"""What nobody may remove: runs, models and data that something still refers to.

Referred to is what a model version with an alias (champion, previous, challenger, any other) was
made from, what an entry of an audit experiment names, what carries the tag `keep`, and what is
running now.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rlr.registry.audit.entry import text_of
from rlr.registry.lookup import GONE, all_pages, all_versions, find_run
from rlr.registry.names import AUDIT_PREFIX, FINGERPRINT_TAG
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run
    from mlflow.entities.model_registry import ModelVersion

KEEP_TAG = "keep"
DATA_TAG = "data_version"
ACTIVE = ("RUNNING", "SCHEDULED")

RUN_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f.])")
DATA_VERSION = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}\.dir")
VERSION = re.compile(r"models:/([\w-]+)/(\d+)")


@dataclass
class References:
    """Why things stay.

    Attributes:
        runs: Reasons by run id.
        data: Reasons by data version.
        fingerprints: Reasons by the fingerprint of a model version.
    """

    runs: dict[str, list[str]] = field(default_factory=dict)
    data: dict[str, list[str]] = field(default_factory=dict)
    fingerprints: dict[str, list[str]] = field(default_factory=dict)

    def add_version(self, version: "ModelVersion", reason: str) -> None:
        """Keep what a model version was made from."""
        tags = version.tags
        _add(self.runs, version.run_id, reason)
        _add(self.data, tags.get(DATA_TAG), reason)
        _add(self.fingerprints, tags.get(FINGERPRINT_TAG), reason)

    def add_run(self, run: "Run", reason: str) -> None:
        """Keep a run and its data."""
        _add(self.runs, run.info.run_id, reason)
        _add(self.data, run.data.tags.get(DATA_TAG), reason)


def find_references(client: "MlflowClient", model_name: str) -> References:
    """Return what is referred to on a tracking server, by all registered models and experiments.

    Args:
        client: Client of the server.
        model_name: The registered model whose versions without alias may go; those of others are
            somebody else's.

    Raises:
        MachineError: The server failed.
    """
    from mlflow.entities import ViewType

    references = References()
    with explained(client.tracking_uri):
        for name in [model.name for model in all_pages(client.search_registered_models)]:
            _add_versions(references, client, name, is_ours=name == model_name)
        experiments = list(all_pages(client.search_experiments, view_type=ViewType.ALL))
        _add_runs(references, client, [e.experiment_id for e in experiments])
        audits = {e.experiment_id: e for e in experiments if e.name.startswith(AUDIT_PREFIX)}
        _add_audits(references, client, audits)
        _add_data_of_runs(references, client)
    return references


def _runs(client: "MlflowClient", experiments: list[str], query: str = "") -> Iterator["Run"]:
    """Yield runs; deleted ones too, for an audit entry is one even then."""
    from mlflow.entities import ViewType

    if experiments:
        yield from all_pages(
            client.search_runs,
            experiment_ids=experiments,
            filter_string=query,
            run_view_type=ViewType.ALL,
        )


def _add_versions(references: References, client: "MlflowClient", name: str, is_ours: bool) -> None:
    # A search for versions does not tell their aliases.
    aliases: dict[str, list[str]] = {}
    for alias, number in client.get_registered_model(name).aliases.items():
        aliases.setdefault(str(number), []).append(alias)
    for version in all_versions(client, name):
        label = f"models:/{name}/{version.version}"
        for alias in sorted(aliases.get(str(version.version), [])):
            references.add_version(version, f"{label} is {alias}")
        if not is_ours and str(version.version) not in aliases:
            references.add_version(version, f"{label} is a version of another model")


def _add_runs(references: References, client: "MlflowClient", experiments: list[str]) -> None:
    for state in ACTIVE:
        for run in _runs(client, experiments, f"attributes.status = '{state}'"):
            references.add_run(run, f"the run is {state}")
    for run in _runs(client, experiments, f"tags.{KEEP_TAG} LIKE '%'"):
        references.add_run(run, f"the run has the tag {KEEP_TAG}")


def _add_audits(
    references: References, client: "MlflowClient", audits: Mapping[str, "Experiment"]
) -> None:
    """Keep what audit entries name: the tags of their experiments, and the runs in them."""
    # An entry may be cut into tags anywhere.
    texts = {e.name: [*e.tags.values(), text_of(e.tags)] for e in audits.values()}
    for run in _runs(client, list(audits)):
        references.add_run(run, "it is an audit entry")
        texts[audits[run.info.experiment_id].name] += [
            *run.data.tags.values(),
            *run.data.params.values(),
        ]
    # Entries name the same few versions over and over.
    versions: dict[tuple[str, str], list[str]] = {}
    for name, parts in texts.items():
        reason = f"an entry of {name.rpartition('/')[0] or name} names it"
        text = "\n".join(parts)
        for run_id in RUN_ID.findall(text):
            _add(references.runs, run_id, reason)
        for version in DATA_VERSION.findall(text):
            _add(references.data, version, reason)
        for named in VERSION.findall(text):
            versions.setdefault(named, []).append(reason)
    for (model, number), reasons in versions.items():
        for reason in dict.fromkeys(reasons):
            _add_named_version(references, client, model, number, reason)


def _add_named_version(
    references: References, client: "MlflowClient", name: str, number: str, reason: str
) -> None:
    from mlflow.exceptions import MlflowException

    try:
        references.add_version(client.get_model_version(name, number), reason)
    except MlflowException as error:
        if error.error_code != GONE:
            raise


def _add_data_of_runs(references: References, client: "MlflowClient") -> None:
    """Keep the data of every run that is kept, for it may have to be done again."""
    for run_id, reasons in list(references.runs.items()):
        run = find_run(client, run_id)
        if run is None:
            continue
        for reason in reasons:
            _add(references.data, run.data.tags.get(DATA_TAG), reason)


def _add(kept: dict[str, list[str]], key: str | None, reason: str) -> None:
    if key and reason not in kept.setdefault(key, []):
        kept[key].append(reason)
