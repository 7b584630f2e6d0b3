"""The history as a page: the verdict on top, the figure, and every entry."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError
from rlr.foundation.page import Notice, page_environment, render_page
from rlr.foundation.progress import track
from rlr.gate.result import Finding, GateResult
from rlr.registry.audit.trail import read_trail
from rlr.registry.gate_results import read_gate_result
from rlr.registry.history.chart import MARKS, figure
from rlr.registry.history.events import Judgement, events_of
from rlr.registry.names import GATE_DIGEST_TAG, NO_CHAMPION
from rlr.registry.server import explained
from rlr.registry.times import created

if TYPE_CHECKING:
    from mlflow import MlflowClient

MOST_LANES = 30  # versions that were never champion, the newest ones
TONES = {"promote": "pass", "inconclusive": "warn", "reject": "fail"}


def write_page(
    client: "MlflowClient", settings: RegistryConfig, document: Mapping[str, Any], path: Path
) -> None:
    """Write the history as a page.

    Args:
        client: Client of the registry.
        settings: How long requests may take.
        document: The history.
        path: File to write.

    Raises:
        MachineError: The server failed, or the file cannot be written.
    """
    with explained(client.tracking_uri):
        trail = read_trail(client, document["model"])
    registered = {str(version.version): created(version) for version in trail.versions}
    tagged = {str(v.version) for v in trail.versions if GATE_DIGEST_TAG in v.tags}
    lanes = _lanes(document, registered)
    judgements = {
        version: _judgement(client, settings, document["model"], version)
        for version in track([v for v in lanes if v in tagged], "Reading gate results")
    }
    text = _render(document, registered, lanes, judgements)
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _render(
    document: Mapping[str, Any],
    registered: Mapping[str, str],
    lanes: list[str],
    judgements: Mapping[str, Judgement],
) -> str:
    shown = {version: time for version, time in registered.items() if version in lanes}
    events = events_of(document["entries"], shown)
    package = "rlr.registry.history"
    body = (
        page_environment(package)
        .get_template("page.html")
        .render(
            lanes=lanes,
            figure=figure(document["model"], events, lanes, judgements),
            left_out=len(registered) - len(shown),
            marks=MARKS,
            tones=TONES,
            entries=[{**entry, "sentences": _why(entry)} for entry in document["entries"]],
            head=document["head"],
            accepted=document["accepted"],
        )
    )
    champion = document["champion"]
    return render_page(
        f"History of {document['model']}",
        body,
        eyebrow="Audit trail",
        lead=f"Version {champion} is champion." if champion else "There is no champion.",
        notices=_notices(document),
        style=resources.files(package).joinpath("page.css").read_text(encoding="utf-8"),
    )


def _notices(document: Mapping[str, Any]) -> list[Notice]:
    notices = [Notice(sentence, "critical") for sentence in document["problems"]]
    if document["pending"]:
        notices.append(Notice(document["pending"], "warning"))
    if not notices and document["head"]:
        notices.append(
            Notice(
                f"Verified: {document['head']['number']} entries, each as it was written, and the "
                "aliases point where the last one says.",
                "info",
            )
        )
    return notices


def _lanes(document: Mapping[str, Any], registered: Mapping[str, str]) -> list[str]:
    """Return the versions to draw, the newest first: all champions, and the newest others."""
    named = {entry[end] for entry in document["entries"] for end in ("from", "to", "previous")}
    numbers = sorted({*registered, *(n for n in named if n)}, key=int, reverse=True)
    others = [number for number in numbers if number not in named][:MOST_LANES]
    return [number for number in numbers if number in named or number in others]


def _judgement(
    client: "MlflowClient", settings: RegistryConfig, model: str, version: str
) -> Judgement:
    try:
        stored = read_gate_result(client, model, version, settings)
    except UserError as error:
        return Judgement(sentence=str(error))
    return _summary(stored.result) if stored else Judgement()


def _summary(result: GateResult) -> Judgement:
    """Return the outcome with the rule that decided: for a promotion, the one about the aim."""
    decided = [finding for finding in result.findings if finding.outcome == result.outcome]
    decided.sort(key=lambda finding: result.outcome == "promote" and finding.rule != "primary")
    rule = _named(decided[0]) if decided else ""
    sentence = " ".join(result.reasons)
    champion = result.champion.name.rpartition("/")[2] if result.champion else NO_CHAMPION
    return Judgement(result.outcome, rule.replace("_", " "), sentence, champion)


def _named(finding: Finding) -> str:
    """Return a rule and what it is about; that of the primary metric is always about the same."""
    return (
        finding.rule if finding.rule == "primary" else f"{finding.rule} {finding.subject}".strip()
    )


def _why(entry: Mapping[str, Any]) -> list[str]:
    """Return all that an entry gives as its reasons."""
    told = [entry["reason"], entry["check"]]
    if "pipeline_run" in entry["facts"]:
        told.append(f"Run of the pipeline: {entry['facts']['pipeline_run']}.")
    told += [f"Overridden: {sentence}" for sentence in entry["overrode"]]
    if entry["gate"] and not entry["overrode"]:
        told += entry["gate"]["reasons"]
    if entry["accepted"]:
        told.append(f"Accepted faults: {len(entry['accepted'])}.")
    if entry["completed"] and entry["completed"]["given_up"]:
        told.append(f"Given up: {entry['completed']['given_up']}")
    return [sentence for sentence in told if sentence]
