"""One change of the aliases: an intent, the aliases themselves, a completion.

Whatever happens in between, the trail says how far it came, and whoever comes next goes on from
there. Setting the aliases of an intent twice gives the same as once; what must not happen is that
somebody slow sets those of an intent that others have completed, and gone on from. So before each
alias the trail is asked whether it has gone on, and who finds afterwards that it has sets the
aliases of its end.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rlr.foundation.errors import MachineError, UserError
from rlr.registry.audit.entry import (
    ENTRY_FORMAT,
    Action,
    Completion,
    GateFacts,
    Intent,
    State,
    new_nonce,
    now,
)
from rlr.registry.audit.reigns import Reigns, advance, below, reigns
from rlr.registry.audit.trail import Trail, append, has_entry, lost_race, read_trail, set_mark
from rlr.registry.names import CHALLENGER, CHAMPION, DETECTOR_TAG, PREVIOUS
from rlr.registry.promotion.actor import actor
from rlr.registry.references import DATA_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

ROUNDS = 10  # in which the aliases settle where others are at work
LONGEST_REASON = 2000  # characters

logger = logging.getLogger("rlr")


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


def finish(client: "MlflowClient", intent: Intent, sha256: str) -> str:
    """Set the aliases of an intent, and write its completion.

    Args:
        client: Client of the registry.
        intent: The intent: one's own, or one that was left behind.
        sha256: Digest of it.

    Returns:
        Digest of the completion, whoever wrote it.
    """
    given_up = _try_aliases(client, intent)
    completion = Completion(
        format_version=ENTRY_FORMAT,
        number=intent.number + 1,
        previous_sha256=sha256,
        nonce=new_nonce(),
        time=now(),
        actor=actor(),
        model=intent.model,
        of=intent.number,
        given_up=given_up,
    )
    written = append(client, completion)
    if written is None:
        return _settle(client, intent)
    if not given_up:
        set_mark(client, intent, completion.number, written)
    return written


def _try_aliases(client: "MlflowClient", intent: Intent) -> str:
    """Set the aliases of an intent; return why that is impossible for ever, or ""."""
    from mlflow.exceptions import MlflowException

    try:
        _set_aliases(client, intent.model, intent.after, intent.number + 1)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        logger.warning(
            "Entry %d of the audit trail is given up: a version that it names was deleted (%s).",
            intent.number,
            error.message,
        )
        with suppress(MlflowException):  # what cannot be set back is told as an outside change
            _set_aliases(client, intent.model, intent.before, intent.number + 1)
        return f"a version that it names was deleted ({error.message})"
    return ""


def _set_aliases(client: "MlflowClient", model: str, state: State, following: int) -> None:
    """Let the aliases point where they should, the champion after all that it stands on.

    Args:
        client: Client of the registry.
        model: Registered model.
        state: Where they should point.
        following: Number of the entry after whose writing somebody else knows better.
    """
    actual = {a: str(v) for a, v in client.get_registered_model(model).aliases.items()}
    for alias, version in ((PREVIOUS, state.previous), (CHAMPION, state.champion)):
        if actual.get(alias) == version:
            continue
        if has_entry(client, model, following):
            return
        if version is None:
            client.delete_registered_model_alias(model, alias)
        else:
            client.set_registered_model_alias(model, alias, version)
    # A champion is nobody's challenger.
    if CHALLENGER in actual and actual[CHALLENGER] == state.champion:
        client.delete_registered_model_alias(model, CHALLENGER)


def _settle(client: "MlflowClient", ours: Intent) -> str:
    """Make sure that the aliases are those of the trail's end, after others have completed ours."""
    for _ in range(ROUNDS):
        trail = read_trail(client, ours.model)
        if trail.pending is not None:
            finish_pending(client, trail)
        elif trail.actual != trail.recorded:
            _set_aliases(client, ours.model, trail.recorded, trail.next_number)
        else:
            break
    return trail.reading.digests.get(ours.number + 1, "")


def finish_pending(client: "MlflowClient", trail: Trail) -> Intent | None:
    """Complete what somebody has left between intent and completion, if there is such a thing."""
    intent = trail.pending
    if intent is None:
        return None
    logger.info(
        "Entry %d of the audit trail (%s of version %s, by %s at %s) was not completed; "
        "completing it.",
        intent.number,
        intent.action,
        intent.after.champion or "none",
        intent.actor,
        intent.time,
    )
    finish(client, intent, trail.next_previous)
    return intent


def ready(client: "MlflowClient", model: str, *, dry_run: bool) -> tuple[Trail, tuple[Intent, ...]]:
    """Return a trail that a decision can rest on.

    Args:
        client: Client of the registry.
        model: Registered model.
        dry_run: Whether an intent that was left behind stays as it is.

    Returns:
        The trail, and the intents that were completed.

    Raises:
        UserError: There is no such model.
        MachineError: The trail is broken, or the aliases were changed without it.
    """
    trail = read_trail(client, model)
    require_whole(trail)
    completed: tuple[Intent, ...] = ()
    if trail.pending is not None and not dry_run:
        completed = (trail.pending,)
        finish_pending(client, trail)
        trail = read_trail(client, model)
        require_whole(trail)
    changes = outside_changes(trail)
    if changes:
        raise MachineError(" ".join(changes))
    return trail, completed


def require_whole(trail: Trail) -> None:
    """Refuse a broken trail.

    Raises:
        MachineError: It is broken.
    """
    faults = trail.reading.faults
    if faults:
        more = f" ({len(faults) - 1} more: see `rlr registry history`)" if faults[1:] else ""
        raise MachineError(
            f"The audit trail of '{trail.model}' is broken, and nothing is changed on it. "
            f"{faults[0].sentence}{more}"
        )


def outside_changes(trail: Trail) -> list[str]:
    """Return how the aliases differ from the trail, a sentence each; empty: they do not.

    While an intent is pending, its aliases are on their way and nothing can be said.
    """
    if trail.pending is not None or trail.actual == trail.recorded:
        return []
    recorded, actual = trail.recorded, trail.actual
    if not trail.reading.entries:
        return [
            f"The aliases of '{trail.model}' were set before there was an audit trail (champion: "
            f"{actual.champion or 'none'}, previous: {actual.previous or 'none'}); take them over "
            "with `rlr registry reconcile --keep --reason ...`, or remove them with --undo."
        ]
    told = []
    for alias in (CHAMPION, PREVIOUS):
        wanted, found = getattr(recorded, alias), getattr(actual, alias)
        if wanted != found:
            told.append(
                f"The alias '{alias}' of '{trail.model}' is {_named(found)}, and by the audit "
                f"trail it is {_named(wanted)}: it was changed without `rlr`."
            )
    how = "undo that with `rlr registry reconcile --undo --reason ...`"
    if recorded.champion != actual.champion:
        how += ", or take the champion over with --keep"
    return [*told[:-1], f"{told[-1].rstrip('.')}; {how}."]


def _named(version: str | None) -> str:
    return f"version {version}" if version else "not set"


def _facts(trail: Trail, champion: str | None) -> dict[str, str]:
    """Return what a version is made from; in these words clean-ups find what they must keep."""
    if champion is None:
        return {}
    version = find_version(trail, champion)
    facts = {"version": f"models:/{trail.model}/{champion}", "run": version.run_id or ""}
    for tag in (DETECTOR_TAG, DATA_TAG, "commit"):
        facts[tag] = version.tags.get(tag, "")
    return {name: value for name, value in facts.items() if value}
