"""One change of the champion: what is wanted, and the intent in the audit trail that says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rlr.foundation.errors import UserError
from rlr.registry.audit.entry import (
    ENTRY_FORMAT,
    Action,
    GateFacts,
    Intent,
    State,
    new_nonce,
    now,
)
from rlr.registry.audit.reigns import Reigns, advance, below, reigns
from rlr.registry.audit.trail import Trail, append, lost_race
from rlr.registry.names import DETECTOR_TAG
from rlr.registry.promotion.actor import actor
from rlr.registry.promotion.finishing import finish
from rlr.registry.references import DATA_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

LONGEST_REASON = 2000  # characters


@dataclass(frozen=True)
class Moved:
    """What a change of the champion has done, or would do.

    Attributes:
        model: Registered model.
        action: "promote", "rollback", "adopt" or "restore".
        version: Version that is champion now; None: none is.
        former: Version that was champion before; None: none was.
        previous: Version that a rollback would go to; None: none is left.
        changed: False: all was as it should be already, and nothing was written.
        dry_run: True: nothing was written, because only the outcome was asked for.
        entry: Number of the intent; None: none was written.
        sha256: Digest of the completion, which stands for the whole trail up to it; "": none.
        reason: In the words of the actor.
        overrode: What spoke against it, and was set aside by word.
        check: What the check of the artifact found, or "".
        completed: What others had begun and this command has completed first.
    """

    model: str
    action: Action
    version: str | None
    former: str | None
    previous: str | None
    changed: bool
    dry_run: bool
    entry: int | None = None
    sha256: str = ""
    reason: str = ""
    overrode: tuple[str, ...] = ()
    check: str = ""
    completed: tuple[Intent, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Wish:
    """What the champion is to be, and why.

    Attributes:
        action: What is done.
        champion: The version; None: none.
        reason: In the words of the actor.
        overrode: What speaks against it, and is set aside.
        gate: The gate result it rests on.
        check: What the check of the artifact found.
        facts: Further facts for the entry.
        accepted: Keys of the trail's faults that are accepted.
    """

    action: Action
    champion: str | None
    reason: str
    overrode: Sequence[str] = ()
    gate: GateFacts | None = None
    check: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    accepted: Sequence[str] = ()


def require_reason(reason: str, why: str) -> str:
    """Return a reason without needless space.

    Raises:
        UserError: There is none, or it is longer than an entry may hold.
    """
    words = " ".join(reason.split())
    if not words and why:
        raise UserError(f'{why}, and the reason is recorded: add --reason "..."')
    if len(words) > LONGEST_REASON:
        raise UserError(
            f"The reason has {len(words)} characters, and {LONGEST_REASON} are kept; shorten it."
        )
    return words


def find_version(trail: Trail, number: str) -> "ModelVersion":
    """Return a version of the model.

    Raises:
        UserError: There is none of this number.
    """
    for version in trail.versions:
        if str(version.version) == number:
            return version
    there = ", ".join(sorted((str(v.version) for v in trail.versions), key=int)) or "none"
    raise UserError(f"models:/{trail.model}/{number} is not in the registry; there are: {there}.")


def standing(trail: Trail) -> Reigns:
    """Return the champions that lie on top of each other, without those that were deleted."""
    there = {str(version.version) for version in trail.versions}
    return tuple(version for version in reigns(trail.intents) if version in there)


def move(
    client: "MlflowClient",
    trail: Trail,
    wish: Wish,
    *,
    dry_run: bool,
    completed: tuple[Intent, ...] = (),
) -> Moved:
    """Change the champion, or say what would change.

    Args:
        client: Client of the registry.
        trail: The trail, on which the decision rests: if it has grown since, nothing is changed.
        wish: What is wanted.
        dry_run: Whether only to say it.
        completed: What was completed on the way here.

    Raises:
        MachineError: Somebody else was faster, or the server failed.
    """
    stack = advance(standing(trail), wish.action, wish.champion)
    previous = below(stack, wish.champion)
    intent = Intent(
        format_version=ENTRY_FORMAT,
        number=trail.next_number,
        previous_sha256=trail.next_previous,
        nonce=new_nonce(),
        time=now(),
        actor=actor(),
        model=trail.model,
        action=wish.action,
        before=trail.recorded if trail.pending else trail.actual,
        after=State(champion=wish.champion, previous=previous),
        reason=wish.reason,
        overrode=list(wish.overrode),
        gate=wish.gate,
        check=wish.check,
        facts={**_facts(trail, wish.champion), **wish.facts},
        accepted=list(wish.accepted),
    )
    entry, sha256 = None, ""
    if not dry_run:
        entry = intent.number
        written = append(client, intent)
        if written is None:
            raise lost_race(trail.model, entry)
        sha256 = finish(client, intent, written)
    return Moved(
        trail.model,
        wish.action,
        wish.champion,
        intent.before.champion,
        previous,
        changed=True,
        dry_run=dry_run,
        entry=entry,
        sha256=sha256,
        reason=wish.reason,
        overrode=tuple(wish.overrode),
        check=wish.check,
        completed=completed,
    )


def unchanged(trail: Trail, action: Action, dry_run: bool, completed: tuple[Intent, ...]) -> Moved:
    """Return the outcome of a command that finds everything as it should be."""
    state = trail.recorded
    return Moved(
        trail.model,
        action,
        state.champion,
        state.champion,
        state.previous,
        changed=False,
        dry_run=dry_run,
        completed=completed,
    )


def _facts(trail: Trail, champion: str | None) -> dict[str, str]:
    """Return what a version is made from; in these words clean-ups find what they must keep."""
    if champion is None:
        return {}
    version = find_version(trail, champion)
    facts = {"version": f"models:/{trail.model}/{champion}", "run": version.run_id or ""}
    for tag in (DETECTOR_TAG, DATA_TAG, "commit"):
        facts[tag] = version.tags.get(tag, "")
    return {name: value for name, value in facts.items() if value}
