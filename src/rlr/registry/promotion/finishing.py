"""From an intent to its completion: the aliases are set, by whoever comes first to do it.

Whatever happens in between, the trail says how far it came, and whoever comes next goes on from
there. Setting the aliases of an intent twice gives the same as once; what must not happen is that
somebody slow sets those of an intent that others have completed, and gone on from. So before each
alias the trail is asked whether it has gone on, and who finds afterwards that it has sets the
aliases of its end.
"""

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from rlr.registry.audit.entry import ENTRY_FORMAT, Completion, Intent, State, new_nonce, now
from rlr.registry.audit.trail import Trail, append, has_entry, read_trail, set_mark
from rlr.registry.lookup import GONE
from rlr.registry.names import CHALLENGER, CHAMPION, PREVIOUS
from rlr.registry.promotion.actor import actor

if TYPE_CHECKING:
    from mlflow import MlflowClient

ROUNDS = 10  # in which the aliases settle where others are at work

logger = logging.getLogger("rlr")


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
        if error.error_code != GONE:
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
