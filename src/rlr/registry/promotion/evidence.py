"""Whether the gate has shown that a version may become champion today."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import UserError
from rlr.gate.result import GateResult, Party
from rlr.registry.audit.entry import GateFacts
from rlr.registry.audit.trail import Trail
from rlr.registry.gate_results import StoredGate, read_gate_result
from rlr.registry.names import DETECTOR_TAG, NO_CHAMPION
from rlr.registry.promotion.moving import find_version
from rlr.registry.versions import locate_model

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Evidence:
    """What speaks for a version, and what against it.

    Attributes:
        gate: Its newest gate result; None: there is none that can be read.
        refusals: Why it may not be promoted by it, a sentence each; empty: it may.
    """

    gate: GateFacts | None
    refusals: tuple[str, ...]


def weigh(client: "MlflowClient", settings: RegistryConfig, trail: Trail, version: str) -> Evidence:
    """Hold the gate result of a version against the models of today.

    Args:
        client: Client of the registry.
        settings: How long requests may take.
        trail: Who is champion.
        version: The version.

    Raises:
        MachineError: The server failed.
    """
    label = f"models:/{trail.model}/{version}"
    try:
        stored = read_gate_result(client, trail.model, version, settings)
    except UserError as error:  # what is stored cannot be believed
        return Evidence(None, (str(error),))
    if stored is None:
        return Evidence(None, (f"The gate has not judged {label}; run: rlr gate {label}",))
    refusals = []
    digest = detector_digest(trail, version, settings)
    if stored.result.candidate.sha256 != digest:
        refusals.append(
            f"The gate result of {label} is about another detector ({stored.result.candidate.name})"
            f"; judge this one: rlr gate {label}"
        )
    refusals += _about_champion(stored.result, trail, label, settings)
    if stored.result.outcome != "promote":
        why = " ".join(stored.result.reasons)
        refusals.append(f"The gate says {stored.result.outcome} of {label}. {why}".rstrip())
    return Evidence(_gate_facts(stored), tuple(refusals))


def detector_digest(trail: Trail, version: str, settings: RegistryConfig) -> str:
    """Return what identifies the detector of a version; one without the tag is fetched."""
    tagged = find_version(trail, version).tags.get(DETECTOR_TAG)
    return tagged or locate_model(f"models:/{trail.model}/{version}", settings).sha256


def _about_champion(
    result: GateResult, trail: Trail, label: str, settings: RegistryConfig
) -> list[str]:
    champion = trail.recorded.champion
    today = None
    if champion is not None:
        today = Party(
            name=f"models:/{trail.model}/{champion}",
            sha256=detector_digest(trail, champion, settings),
        )
    if result.champion == today:
        return []
    then = result.champion.name if result.champion else "no champion"
    now = today.name if today else "none"
    if result.champion and today and then == now:
        now = f"{now} with another detector"
    return [
        f"The gate judged {label} against {then}, and the champion is {now} today; judge it again: "
        f"rlr gate {label}"
    ]


def _gate_facts(stored: StoredGate) -> GateFacts:
    champion = stored.result.champion
    return GateFacts(
        outcome=stored.result.outcome,
        sha256=stored.sha256,
        champion=champion.name if champion else NO_CHAMPION,
        place=stored.place,
        reasons=stored.result.reasons,
    )
