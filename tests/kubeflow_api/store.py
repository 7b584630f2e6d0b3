"""What the server remembers."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

from kubeflow_api.checking import RefusedError, check_parameters, check_pipeline
from kubeflow_api.engine import Course, Frame, details, frames

Document = dict[str, Any]
ENDS = ("SUCCEEDED", "FAILED", "CANCELED")
BEGINNING = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class StatusError(Exception):
    """An answer with a status that is no success."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Store:
    """Experiments, pipelines, versions, runs and recurring runs, in memory."""

    def __init__(self) -> None:
        self.experiments: dict[str, Document] = {}
        self.pipelines: dict[str, Document] = {}
        self.versions: dict[str, Document] = {}
        self.runs: dict[str, Document] = {}
        self.recurring: dict[str, Document] = {}
        self.killed: list[str] = []  # runs that a deletion has ended
        self.course = Course()
        self._frames: dict[str, list[Frame]] = {}
        self.clock = BEGINNING

    def add_experiment(self, body: Document) -> Document:
        """Make an experiment; its name is taken once a namespace."""
        self._refuse_double(self.experiments, body, "namespace")
        made = {**body, "experiment_id": self._id(), "created_at": self._now()}
        made["storage_state"] = "AVAILABLE"
        self.experiments[made["experiment_id"]] = made
        return made

    def add_pipeline(self, body: Document) -> Document:
        """Make a pipeline without a version."""
        name = body.get("display_name") or body.get("name")
        if not name:
            raise StatusError(400, "A pipeline needs a name")
        body = {**body, "display_name": name}
        self._refuse_double(self.pipelines, body, "namespace")
        made = {**body, "pipeline_id": self._id(), "created_at": self._now()}
        self.pipelines[made["pipeline_id"]] = made
        return made

    def add_version(self, pipeline_id: str, name: str, text: str, words: Document) -> Document:
        """Make a version of a pipeline."""
        if pipeline_id not in self.pipelines:
            raise StatusError(404, f"Pipeline {pipeline_id} not found")
        document = self.read_package(text)
        body = {
            **words,
            "pipeline_id": pipeline_id,
            "display_name": name,
            "pipeline_spec": document,
        }
        self._refuse_double(self.versions, body, "pipeline_id")
        made = {**body, "pipeline_version_id": self._id(), "created_at": self._now()}
        self.versions[made["pipeline_version_id"]] = made
        return made

    def read_package(self, text: str) -> Document:
        """Return the pipeline of an uploaded file."""
        documents = list(yaml.safe_load_all(text))
        document = documents[0]
        if len(documents) > 1:
            document = {"pipeline_spec": documents[0], "platform_spec": documents[1]}
        check_pipeline(document)
        return document

    def add_run(self, body: Document) -> Document:
        """Make a run; it begins at once."""
        spec, resolved = self._take_order(body)
        made = {**resolved, "run_id": self._id(), "created_at": self._now()}
        made |= {"storage_state": "AVAILABLE", "finished_at": "1970-01-01T00:00:00Z"}
        self.runs[made["run_id"]] = made
        self._frames[made["run_id"]] = frames(spec, self.course)
        return made

    def add_recurring_run(self, body: Document) -> Document:
        """Make a recurring run; its name may be taken."""
        _check_trigger(body.get("trigger") or {})
        if not 1 <= int(body.get("max_concurrency", 0)) <= 10:
            raise StatusError(400, "The max concurrency of the recurring run is out of range")
        _, resolved = self._take_order(body)
        # Protobuf's JSON writes 64 bits as text.
        resolved["max_concurrency"] = str(resolved["max_concurrency"])
        made = {**resolved, "recurring_run_id": self._id(), "created_at": self._now()}
        made |= {"status": "DISABLED" if body.get("mode") == "DISABLE" else "ENABLED"}
        made["trigger"] = _as_text(made["trigger"])
        self.recurring[made["recurring_run_id"]] = made
        return made

    def switch_recurring_run(self, recurring_run_id: str, on: bool) -> None:
        """Enable or disable a recurring run; its runs in flight go on."""
        made = self._recurring_run(recurring_run_id)
        made |= {"status": "ENABLED" if on else "DISABLED", "updated_at": self._now()}

    def delete_recurring_run(self, recurring_run_id: str) -> None:
        """Delete a recurring run; its runs in flight are killed, as the real server does it."""
        self._recurring_run(recurring_run_id)
        for run in self.runs.values():
            over = run.get("state") in ENDS
            if run.get("recurring_run_id") == recurring_run_id and not over:
                self.killed.append(run["run_id"])
                run["state"] = "FAILED"
        del self.recurring[recurring_run_id]

    def fire(self, recurring_run_id: str) -> Document:
        """Start a run of a recurring run, as the real scheduler does when its time has come."""
        made = self._recurring_run(recurring_run_id)
        order = ("experiment_id", "pipeline_version_reference", "runtime_config")
        run = self.add_run(
            {"display_name": made["display_name"], **{key: made[key] for key in order}}
        )
        run["recurring_run_id"] = recurring_run_id
        return run

    def end(self, run_id: str, state: str = "SUCCEEDED") -> None:
        """Let a run end."""
        self.runs[run_id] |= {"state": state, "finished_at": self._now()}

    def _recurring_run(self, recurring_run_id: str) -> Document:
        if recurring_run_id not in self.recurring:
            raise StatusError(404, f"Recurring run {recurring_run_id} not found")
        return self.recurring[recurring_run_id]

    def look_at_run(self, run_id: str) -> Document:
        """Return a run, and let it go on by one moment."""
        run = self.runs.get(run_id)
        if run is None:
            raise StatusError(404, f"Run {run_id} not found")
        left = self._frames[run_id]
        frame = left.pop(0) if len(left) > 1 else left[0]
        run["state"] = frame.state
        if frame.state in ENDS:
            run["finished_at"] = self._now()
        made = details(run_id, workflow_of(run_id), frame, self.course)
        return {**run, "run_details": {"task_details": made}}

    def _take_order(self, body: Document) -> tuple[PipelineSpec, Document]:
        if body.get("experiment_id") not in self.experiments:
            raise StatusError(404, f"Experiment {body.get('experiment_id')} not found")
        if not body.get("display_name"):
            raise StatusError(400, "A run needs a name")
        source = body.get("pipeline_spec")
        reference = body.get("pipeline_version_reference")
        if (source is None) == (reference is None):
            raise RefusedError(
                "pipeline_spec and pipeline_version_reference: exactly one is needed"
            )
        if reference:
            version = self.versions.get(reference.get("pipeline_version_id"))
            if version is None or version["pipeline_id"] != reference.get("pipeline_id"):
                raise StatusError(404, "Pipeline version not found")
            source = version["pipeline_spec"]
        spec = check_pipeline(source)
        check_parameters(spec, body.get("runtime_config", {}).get("parameters", {}))
        return spec, dict(body)

    def _refuse_double(self, kind: dict[str, Document], body: Document, scope: str) -> None:
        for other in kind.values():
            keys = ("display_name", scope)
            same = all((other.get(key) or "") == (body.get(key) or "") for key in keys)
            if same:
                raise StatusError(409, f"The name {body['display_name']} already exists")

    def _id(self) -> str:
        return str(uuid.uuid4())

    def _now(self) -> str:
        self.clock += timedelta(seconds=1)
        return self.clock.isoformat()


def _check_trigger(trigger: Document) -> None:
    """Refuse a trigger as the real server does: one kind, six fields, no time without length."""
    if len(trigger) != 1:
        raise StatusError(400, "A recurring run needs a trigger")
    cron = trigger.get("cron_schedule", {}).get("cron")
    if "cron_schedule" in trigger and len((cron or "").split()) != 6:
        raise StatusError(400, f"The cron {cron} is not of six fields")
    if "periodic_schedule" in trigger and int(trigger["periodic_schedule"]["interval_second"]) < 1:
        raise StatusError(400, "The interval must be at least a second")


def _as_text(trigger: Document) -> Document:
    periodic = trigger.get("periodic_schedule")
    if periodic is None:
        return trigger
    return {"periodic_schedule": {**periodic, "interval_second": str(periodic["interval_second"])}}


def workflow_of(run_id: str) -> str:
    """Return the engine's name of a run."""
    return f"workflow-{run_id[:5]}"


def page(
    entries: list[Document], size: int, token: str, sort_by: str, wanted: str
) -> tuple[list[Document], int, str]:
    """Return a page of a list, its whole length, and the token of the next page.

    Args:
        entries: The list.
        size: Greatest number on a page.
        token: Token of the page; "": the first.
        sort_by: `field`, `field asc` or `field desc`; "": as they were made.
        wanted: A filter in JSON, predicates of equality; "": none.
    """
    for predicate in json.loads(wanted or "{}").get("predicates", []):
        entries = [entry for entry in entries if _matches(entry, predicate)]
    key, _, order = sort_by.partition(" ")
    if key:
        entries = sorted(entries, key=lambda entry: entry[key], reverse=order == "desc")
    begin = int(token or 0)
    following = begin + size
    more = str(following) if following < len(entries) else ""
    return entries[begin:following], len(entries), more


def _matches(entry: Document, predicate: Document) -> bool:
    value = predicate.get("stringValue", predicate.get("string_value"))
    known = {"operation", "key", "stringValue", "string_value"}
    if predicate.get("operation") not in ("EQUALS", 1) or set(predicate) - known or value is None:
        raise StatusError(400, f"The filter {predicate} is not understood")
    if predicate["key"] not in ("display_name", "name", "state", "recurring_run_id"):
        raise StatusError(400, f"There is no field {predicate['key']}")
    return entry.get(predicate["key"]) == value
