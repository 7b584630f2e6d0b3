"""How a retraining ended, told: a page, a document, a message, and the end of its run."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.config import Config
from rlr.foundation.atomic import atomic_file
from rlr.foundation.documents import write_result
from rlr.foundation.errors import RlrError
from rlr.foundation.page import page_environment, render_page
from rlr.orchestration.notify import send
from rlr.orchestration.reporting import FAILURE_FILE, read_failure
from rlr.orchestration.retraining.deciding import DECISION_TAG, REASON_TAG, gpu_hours
from rlr.registry.gate_results import read_gate_result
from rlr.registry.names import NO_CHAMPION
from rlr.registry.references import DATA_TAG
from rlr.registry.retraining import GPU_HOURS_TAG, TRIGGER_TAG, Retraining, Retrainings
from rlr.registry.server import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

KIND = "report"
PAGE = "report.html"
STORY = "story.json"
SUCCEEDED = "SUCCEEDED"
FAILED = "failed: "
STATES = {SUCCEEDED: "FINISHED", "CANCELLED": "KILLED"}  # Kubeflow's words, and MLflow's
UNPROMOTED = {
    "reject": ("rejected", "is rejected"),
    "inconclusive": ("inconclusive", "is inconclusive"),
    "promote": ("registered", "may be promoted, and is not the champion"),
}
SENT = ("configuration", "data version", "champion")  # facts that the message repeats
TONES = {"promoted": "pass", "failed": "fail", "rejected": "fail"}

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class End:
    """How a pipeline's run ended.

    Attributes:
        name: Name of the run, for people.
        pipeline_run: Its id.
        state: "SUCCEEDED", "FAILED" or "CANCELLED".
        message: What went wrong, or "".
    """

    name: str
    pipeline_run: str
    state: str
    message: str


@dataclass(frozen=True)
class Story:
    """What has come of a retraining.

    Attributes:
        outcome: "promoted", "inconclusive", "rejected", "registered", "not retrained" or "failed".
        sentence: The same with versions and figures.
        facts: What else there is to know, by name.
    """

    outcome: str
    sentence: str
    facts: Mapping[str, str]


def tell(settings: Config, end: End, output: Path) -> Story:
    """Find out what has come of a retraining, write it down, and send it.

    A tracking server that is away takes nothing from the message but the figures that only it
    knows.

    Args:
        settings: The configuration.
        end: How the run of the pipeline ended.
        output: Folder to write: report.html, result.json.
    """
    # On this machine a step has left its own sentence; the runner's words name tasks.
    message = "" if end.state == SUCCEEDED else _sentence_left() or end.message
    end = End(end.name, end.pipeline_run, end.state, message)
    try:
        client = connect(settings.registry)
        past = Retrainings(client, settings.registry)
        known = past.of_pipeline(end.pipeline_run)
        story = _story(client, settings, end, past, known)
    except RlrError as error:
        logger.warning("%s", error)
        past, known = None, None
        story = Story(*_without_registry(end), {"configuration": settings.name})
    document = _document(end, story)
    output.mkdir(parents=True, exist_ok=True)
    with atomic_file(output / PAGE) as temporary:
        temporary.write_text(_page(end, story), encoding="utf-8")
    write_result(output, KIND, **document)
    if past and known:
        _close(past, known, settings, end, story, output)
    told = {name: story.facts[name] for name in SENT if name in story.facts}
    send(end.name, end.state, story.sentence.removeprefix(FAILED), told)
    return story


def _story(
    client: "MlflowClient",
    settings: Config,
    end: End,
    past: Retrainings,
    known: Retraining | None,
) -> Story:
    tags = known.tags if known else {}
    base = tags.get("base")
    version = past.made_by(end.pipeline_run)
    facts = {
        "configuration": settings.name,
        "data version": tags.get(DATA_TAG),
        "made from": base if base != tags.get(DATA_TAG) else None,
        "trigger": tags.get(TRIGGER_TAG) if tags.get(DECISION_TAG) == "train" else None,
        "decision": tags.get(REASON_TAG),
        "version": f"models:/{version.name}/{version.version}" if version else None,
        "champion": past.champion() or NO_CHAMPION,
    }
    shown = {name: value for name, value in facts.items() if value}
    outcome, sentence = _outcome(client, settings, end, past, tags, version)
    return Story(outcome, sentence.rstrip("."), shown)


def _outcome(
    client: "MlflowClient",
    settings: Config,
    end: End,
    past: Retrainings,
    tags: Mapping[str, str],
    version: "ModelVersion | None",
) -> tuple[str, str]:
    if end.state != SUCCEEDED:
        return _without_registry(end)
    if version is None:
        return "not retrained", f"not retrained: {tags.get(REASON_TAG, 'nothing was decided')}"
    label = f"version {version.version}"
    stored = read_gate_result(client, version.name, version.version, settings.registry)
    if stored is None:
        return "registered", f"registered {label}, which the gate has not judged"
    why = stored.result.reasons[0] if stored.result.reasons else "no reason is given"
    if past.champion() == f"models:/{version.name}/{version.version}":
        before = stored.result.champion
        over = f"over {before.name.rpartition('/')[2]}" if before else "as the first champion"
        return "promoted", f"promoted {label} {over}: {why}"
    outcome, words = UNPROMOTED[stored.result.outcome]
    return outcome, f"{label} {words}: {why}"


def _without_registry(end: End) -> tuple[str, str]:
    if end.state == SUCCEEDED:
        return "ended", "the run has ended; what came of it, the tracking server did not tell"
    words = end.message or "no step has said why"
    return "failed", f"{FAILED}{words}"


def _sentence_left() -> str:
    """Return what the step that failed has left to whoever started it on this machine."""
    place = os.environ.get(FAILURE_FILE)
    failure = read_failure(Path(place)) if place else None
    return str(failure) if failure else ""


def _document(end: End, story: Story) -> dict[str, Any]:
    return {
        "run": end.name,
        "pipeline_run": end.pipeline_run,
        "state": end.state,
        "outcome": story.outcome,
        "sentence": story.sentence,
        "facts": dict(story.facts),
    }


def _page(end: End, story: Story) -> str:
    template = page_environment("rlr.orchestration.retraining").get_template(PAGE)
    body = template.render(
        outcome=story.outcome,
        tone=TONES.get(story.outcome, "warn"),
        facts=story.facts,
        run=end.name,
    )
    sentence = story.sentence[:1].upper() + story.sentence[1:]
    return render_page("Retraining", body, eyebrow=end.name, lead=sentence)


def _close(
    past: Retrainings, known: Retraining, settings: Config, end: End, story: Story, output: Path
) -> None:
    """Tell the retraining's run how it ended; the message does not depend on it."""
    try:
        tags = {"outcome": story.outcome, "sentence": story.sentence}
        claim = next((one for one in past.claims() if one.run_id == known.run_id), None)
        if claim:
            hours = gpu_hours(claim.began, datetime.now(UTC), settings)
            tags[GPU_HOURS_TAG] = f"{hours:.4f}"
        past.tell(known.run_id, tags)
        past.log(known.run_id, STORY, _document(end, story))
        past.keep(known.run_id, output / PAGE)
        past.end(known.run_id, STATES.get(end.state, "FAILED"))
    except RlrError as error:
        logger.warning("%s", error)
