"""When a version was champion, as the audit trail tells it."""

from typing import TYPE_CHECKING, Any

from rlr.registry.audit.trail import read_trail
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient

Times = dict[str, list[dict[str, Any]]]


def champion_times(client: "MlflowClient", name: str) -> tuple[Times, list[str]]:
    """Return when each version of a model was champion.

    Args:
        client: Client of the registry.
        name: Registered model.

    Returns:
        By version number, the times in their order: `from`, `until` (null: until today), `action`,
        `actor` and `reason`; and the faults of the trail, a sentence each: where there are any,
        the times may be incomplete.

    Raises:
        MachineError: The server failed.
    """
    with explained(client.tracking_uri):
        trail = read_trail(client, name)
    times: Times = {}
    champion: str | None = None
    for intent in trail.intents:
        if intent.after.champion == champion:
            continue
        if champion is not None:
            times[champion][-1]["until"] = intent.time
        champion = intent.after.champion
        if champion is not None:
            times.setdefault(champion, []).append(
                {
                    "from": intent.time,
                    "until": None,
                    "action": intent.action,
                    "actor": intent.actor,
                    "reason": intent.reason,
                }
            )
    return times, [fault.sentence for fault in trail.reading.faults]
