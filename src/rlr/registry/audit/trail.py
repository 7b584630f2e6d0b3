"""The trail of one model on the tracking server: read whole, verified, and written to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlr.foundation.errors import MachineError, UserError
from rlr.registry.audit.entry import (
    FIRST,
    NO_ENTRY,
    Completion,
    Entry,
    Intent,
    State,
    digest_of,
    entry_name,
    entry_number,
    name_prefix,
    to_tags,
)
from rlr.registry.audit.verification import Found, Mark, Reading, verify
from rlr.registry.lookup import GONE, all_pages, all_versions
from rlr.registry.names import CHAMPION, PREVIOUS

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

PAGE = 1000  # experiments a request
TRIES = 5
# Where the end of the trail is named besides, so that a missing tail is seen: on the registered
# model the last entry, on a version the one that made it champion. NUMBER:DIGEST each.
HEAD_MARK = "audit_head"
VERSION_MARK = "audit_entry"


@dataclass(frozen=True)
class Trail:
    """What the registry says of a model: the trail, and what is really set.

    Attributes:
        model: Registered model.
        reading: The entries and their faults.
        next_number: Number of the next entry.
        next_previous: Digest that the next entry names.
        aliases: Versions by alias, as they are set.
        versions: The versions, the newest first.
    """

    model: str
    reading: Reading
    next_number: int
    next_previous: str
    aliases: Mapping[str, str]
    versions: tuple["ModelVersion", ...]

    @property
    def intents(self) -> tuple[Intent, ...]:
        """What was done or is under way, in its order; without what was given up."""
        entries = self.reading.entries
        given_up = {e.of for e in entries if isinstance(e, Completion) and e.given_up}
        return tuple(e for e in entries if isinstance(e, Intent) and e.number not in given_up)

    @property
    def pending(self) -> Intent | None:
        """The last entry, if it is an intent that nobody has completed."""
        last = self.reading.entries[-1] if self.reading.entries else None
        is_last = last is not None and last.number == self.next_number - 1
        return last if is_last and isinstance(last, Intent) else None

    @property
    def recorded(self) -> State:
        """Where the aliases point by the trail."""
        intents = self.intents
        return intents[-1].after if intents else State(champion=None, previous=None)

    @property
    def actual(self) -> State:
        """Where the aliases really point."""
        return State(
            champion=self.aliases.get(CHAMPION),
            previous=self.aliases.get(PREVIOUS),
        )


def read_trail(client: "MlflowClient", model: str) -> Trail:
    """Read and verify the trail of a model, and what is set, of one and the same moment.

    Raises:
        UserError: There is no such registered model.
    """
    for _ in range(TRIES):
        found = list(_search(client, model))
        registered = _registered_model(client, model)
        versions = tuple(all_versions(client, model))
        following = max((one.number for one in found), default=FIRST - 1) + 1
        # An entry that was written meanwhile would make its aliases look like somebody else's.
        if not has_entry(client, model, following):
            break
    marks = list(_marks(registered, versions))
    reading = verify(model, found, marks)
    number, digest = _end(reading, marks)
    return Trail(
        model,
        reading,
        number + 1,
        digest,
        {alias: str(version) for alias, version in registered.aliases.items()},
        versions,
    )


def has_entry(client: "MlflowClient", model: str, number: int) -> bool:
    """Return whether an entry was written, even if it was deleted since."""
    return client.get_experiment_by_name(entry_name(model, number)) is not None


def append(client: "MlflowClient", entry: Entry) -> str | None:
    """Write an entry, unless one of its number is there.

    Returns:
        Its digest; None: somebody else has written the entry of this number.
    """
    from mlflow.exceptions import MlflowException

    tags = to_tags(entry)
    name = entry_name(entry.model, entry.number)
    try:
        client.create_experiment(name, tags=tags)
    except MlflowException:
        # Whatever was answered: where a request was repeated because its answer was lost, the
        # entry that is in the way is our own.
        other = client.get_experiment_by_name(name)
        if other is None:
            raise
        if digest_of(other.tags) != digest_of(tags):
            return None
    return digest_of(tags)


def set_mark(client: "MlflowClient", intent: Intent, number: int, sha256: str) -> None:
    """Name the end of the trail on the model, and on its champion.

    Args:
        client: Client of the registry.
        intent: The intent that was completed.
        number: Number of the completion.
        sha256: Digest of the completion.
    """
    client.set_registered_model_tag(intent.model, HEAD_MARK, f"{number}:{sha256}")
    if intent.after.champion is not None:
        client.set_model_version_tag(
            intent.model, intent.after.champion, VERSION_MARK, f"{number}:{sha256}"
        )


def _registered_model(client: "MlflowClient", model: str) -> "RegisteredModel":
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(model)
    except MlflowException as error:
        if error.error_code != GONE:
            raise
        raise UserError(
            f"There is no registered model '{model}'; register a version first (`rlr register`), "
            "or set registry.model_name."
        ) from error


def _search(client: "MlflowClient", model: str) -> Iterator[Found]:
    from mlflow.entities import ViewType

    found = all_pages(
        client.search_experiments,
        view_type=ViewType.ALL,
        max_results=PAGE,
        filter_string=f"name LIKE '{name_prefix(model)}%'",
        order_by=["name ASC"],
    )
    seen = set()
    for experiment in found:
        number = entry_number(model, experiment.name)
        # Pages are cut by count, so that one that is written meanwhile may come twice.
        if number is None or number in seen:
            continue
        seen.add(number)
        is_active = experiment.lifecycle_stage == "active"
        yield Found(number, experiment.experiment_id, is_active, experiment.tags)


def _marks(registered: "RegisteredModel", versions: tuple["ModelVersion", ...]) -> Iterator[Mark]:
    head = _mark(registered.tags.get(HEAD_MARK), "the registered model")
    if head is not None:
        yield head
    for version in versions:
        mark = _mark(version.tags.get(VERSION_MARK), f"version {version.version}")
        if mark is not None:
            yield mark


def _mark(text: str | None, where: str) -> Mark | None:
    number, _, sha256 = (text or "").partition(":")
    return Mark(int(number), sha256, where) if number.isdecimal() and sha256 else None


def _end(reading: Reading, marks: list[Mark]) -> tuple[int, str]:
    """Return number and digest of the last entry, one that is missing by now included."""
    last = max(reading.digests, default=FIRST - 1)
    furthest = max(marks, key=lambda mark: mark.number, default=None)
    if furthest is not None and furthest.number > last:
        return furthest.number, furthest.sha256
    return last, reading.digests.get(last, NO_ENTRY)


def lost_race(model: str, number: int) -> MachineError:
    """Return the failure of whoever wanted to write an entry that somebody else has written."""
    return MachineError(
        f"Somebody else changed the champion of '{model}' at the same moment (entry {number} of "
        "its audit trail); nothing was changed here. See `rlr registry history`, and decide again."
    )
