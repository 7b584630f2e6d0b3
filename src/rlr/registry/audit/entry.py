"""One entry of the trail, and how it stands in the tags of an experiment."""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from rlr.registry.names import AUDIT_PREFIX
from rlr.registry.times import as_text

ENTRY_FORMAT: Literal[1] = 1
FIRST = 1
NO_ENTRY = "0" * 64  # what the first entry names as the one before it
DIGITS = 8

PART_TAG = "audit.entry"  # audit.entry.0, audit.entry.1 ...
DIGEST_TAG = "audit.sha256"
PREVIOUS_TAG = "audit.previous_sha256"
PART = 4000  # characters; MLflow has allowed 5,000 a tag, and 20,000 since

# MLflow's page of experiments leaves out those with this tag, which are its gateway's own.
HIDING_TAG = "mlflow.experiment.isGateway"
NOTE_TAG = "mlflow.note.content"
NOTE = (
    "An entry of the audit trail of `rlr`: who made which version champion, when and why. "
    "Renaming, changing or deleting it is reported by `rlr registry history`."
)

Action = Literal["promote", "rollback", "adopt", "restore"]


class Record(BaseModel):
    """Frozen, complete, and strict about types and unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class State(Record):
    """What the aliases point at; None: an alias is not set.

    Attributes:
        champion: Version that is champion.
        previous: Version that a rollback would go to.
    """

    champion: str | None
    previous: str | None


class GateFacts(Record):
    """The gate result that a promotion rests on.

    Attributes:
        outcome: "promote", "inconclusive" or "reject".
        sha256: Digest of gate.json.
        champion: Against whom: `models:/NAME/VERSION`, or "none".
        place: Folder in the artifacts of the version's run.
        reasons: What decided, a sentence each.
    """

    outcome: str
    sha256: str
    champion: str
    place: str
    reasons: list[str]


class Intent(Record):
    """What is to be done: where the aliases point from now on, and why.

    Attributes:
        number: Place in the trail, from 1.
        previous_sha256: Digest of the entry before this one.
        nonce: Tells two entries of the same content apart.
        time: When it was written, in UTC.
        actor: Who asked for it.
        model: Registered model.
        action: promote: by a gate result or by word; rollback: to an earlier champion; adopt: what
            somebody has set without `rlr` is taken over; restore: it is undone.
        before: What the aliases pointed at.
        after: What they point at from now on.
        reason: In the words of the actor.
        overrode: What spoke against it and was set aside by --override; empty: nothing.
        gate: The gate result of the version; None where there is none.
        check: What the check of the artifact found; "": there was none.
        facts: Of the version that becomes champion: address, detector, run, data version ...
        accepted: Keys of the faults of the trail that the actor knows and accepts.
    """

    kind: Literal["intent"] = "intent"
    format_version: Literal[1]
    number: int
    previous_sha256: str
    nonce: str
    time: str
    actor: str
    model: str
    action: Action
    before: State
    after: State
    reason: str
    overrode: list[str]
    gate: GateFacts | None
    check: str
    facts: dict[str, str]
    accepted: list[str]


class Completion(Record):
    """That all aliases point where an intent says.

    Attributes:
        number: Place in the trail: the one after the intent.
        of: Number of the intent.
        actor: Who set the last of them; somebody else than the intent's, where that one died.
        given_up: Why the aliases cannot be set as the intent says; "": they are.
    """

    kind: Literal["completion"] = "completion"
    format_version: Literal[1]
    number: int
    previous_sha256: str
    nonce: str
    time: str
    actor: str
    model: str
    of: int
    given_up: str


Entry = Intent | Completion
_READER: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


def entry_name(model: str, number: int) -> str:
    """Return the name of the experiment that holds an entry.

    Example:
        >>> entry_name("rlr", 12)
        'rlr-audit/rlr/00000012'
    """
    return f"{name_prefix(model)}{number:0{DIGITS}d}"


def name_prefix(model: str) -> str:
    """Return what the names of all entries of a model begin with."""
    return f"{AUDIT_PREFIX}/{model}/"


def entry_number(model: str, name: str) -> int | None:
    """Return the number in the name of an experiment; None: it is no entry of this model."""
    match = re.fullmatch(rf"{re.escape(name_prefix(model))}(\d{{{DIGITS},18}})", name)
    number = int(match.group(1)) if match else 0
    return number if number >= FIRST and name == entry_name(model, number) else None


def new_nonce() -> str:
    """Return what tells an entry from another of the same content."""
    return secrets.token_hex(8)


def now() -> str:
    """Return the time as entries give it."""
    return as_text(datetime.now(UTC))


def to_tags(entry: Entry) -> dict[str, str]:
    """Return the tags that hold an entry: its canonical JSON in parts, and both digests."""
    text = _canonical(entry.model_dump(mode="json"))
    parts = [text[start : start + PART] for start in range(0, len(text), PART)]
    return {
        **{f"{PART_TAG}.{place}": part for place, part in enumerate(parts)},
        PREVIOUS_TAG: entry.previous_sha256,
        DIGEST_TAG: _sha256(text),
        HIDING_TAG: "true",
        NOTE_TAG: NOTE,
    }


def digest_of(tags: Mapping[str, str]) -> str:
    """Return the digest of what tags hold, whatever digest they claim."""
    return _sha256(text_of(tags))


def from_tags(tags: Mapping[str, str]) -> Entry:
    """Return the entry that tags hold.

    Raises:
        ValueError: They hold none, or not the one that their digests are of.
    """
    if f"{PART_TAG}.0" not in tags:
        raise ValueError("it holds no entry")
    text = text_of(tags)
    if _sha256(text) != tags.get(DIGEST_TAG):
        raise ValueError("its content is not what its digest was made of")
    entry = _READER.validate_json(text)
    if entry.previous_sha256 != tags.get(PREVIOUS_TAG):
        raise ValueError("its tags name another entry before it than its content does")
    return entry


def text_of(tags: Mapping[str, str]) -> str:
    """Return the text of an entry out of its parts; "" where there are none."""
    parts: list[str] = []
    while f"{PART_TAG}.{len(parts)}" in tags:
        parts.append(tags[f"{PART_TAG}.{len(parts)}"])
    return "".join(parts)


def _canonical(document: Any) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
