"""The audit trail as a document: an entry a change, with its completion, and the verdict on top."""

from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.registry.audit.entry import Completion, Intent
from rlr.registry.audit.trail import Trail, read_trail
from rlr.registry.promotion.footing import outside_changes
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient


def read_history(client: "MlflowClient", settings: RegistryConfig) -> dict[str, Any]:
    """Return the whole history of the model, verified.

    Raises:
        UserError: There is no such model.
        MachineError: The server failed.
    """
    with explained(client.tracking_uri):
        trail = read_trail(client, settings.model_name)
    return history_document(trail)


def history_document(trail: Trail) -> dict[str, Any]:
    """Return a trail as a document."""
    number = trail.next_number - 1
    return {
        "model": trail.model,
        "champion": trail.actual.champion,
        "previous": trail.actual.previous,
        **verdict(trail),
        "accepted": [fault.sentence for fault in trail.reading.accepted],
        "head": {"number": number, "sha256": trail.next_previous} if number else None,
        "entries": entry_documents(trail),
    }


def verdict(trail: Trail) -> dict[str, Any]:
    """Return whether the trail is whole and tells what is really set.

    Returns:
        `sound`; `problems`, a sentence each; `pending`: a sentence about what was begun and not
        completed, which the next command completes, or null.
    """
    problems = [fault.sentence for fault in trail.reading.faults] + outside_changes(trail)
    pending = trail.pending
    words = None
    if pending is not None:
        words = (
            f"Entry {pending.number} ({pending.action} of version "
            f"{pending.after.champion or 'none'} by {pending.actor}) is under way, or was left "
            "behind; the next promotion or rollback completes it."
        )
    return {"sound": not problems, "problems": problems, "pending": words}


def entry_documents(trail: Trail) -> list[dict[str, Any]]:
    """Return the entries in their order, each with its completion."""
    completions = {e.of: e for e in trail.reading.entries if isinstance(e, Completion)}
    intents = [e for e in trail.reading.entries if isinstance(e, Intent)]
    return [_document(one, completions.get(one.number), trail) for one in intents]


def _document(intent: Intent, completion: Completion | None, trail: Trail) -> dict[str, Any]:
    completed = None
    if completion is not None:
        completed = {
            "number": completion.number,
            "time": completion.time,
            "actor": completion.actor,
            "given_up": completion.given_up,
        }
    return {
        "number": intent.number,
        "time": intent.time,
        "actor": intent.actor,
        "action": intent.action,
        "from": intent.before.champion,
        "to": intent.after.champion,
        "previous": intent.after.previous,
        "reason": intent.reason,
        "override": bool(intent.overrode),
        "overrode": intent.overrode,
        "gate": intent.gate.model_dump(mode="json") if intent.gate else None,
        "check": intent.check,
        "facts": intent.facts,
        "accepted": intent.accepted,
        "sha256": trail.reading.digests[intent.number],
        "completed": completed,
    }
