"""Every way to tamper with the trail is seen, and told with what to do."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from rlr.registry.audit.entry import (
    DIGEST_TAG,
    NO_ENTRY,
    PART_TAG,
    PREVIOUS_TAG,
    Completion,
    Entry,
    Intent,
    State,
    digest_of,
    entry_name,
    entry_number,
    from_tags,
    to_tags,
)
from rlr.registry.audit.reigns import advance, reigns
from rlr.registry.audit.verification import Found, Mark, verify

Chain = list[Found]


def write(chain: Chain, accepted: tuple[str, ...] = (), reason: str = "") -> Entry:
    """Return the entry that would follow: intents and completions by turns."""
    number = len(chain) + 1
    common = {
        "format_version": 1,
        "number": number,
        "previous_sha256": digest_of(chain[-1].tags) if chain else NO_ENTRY,
        "nonce": f"{number}",
        "time": f"2026-01-01T00:00:{number:02d}.000Z",
        "actor": "Ada",
        "model": "m",
    }
    if number % 2 == 0:
        return Completion(**common, of=number - 1, given_up="")
    return Intent(
        **common,
        action="promote",
        before=State(champion=None, previous=None),
        after=State(champion=str(number), previous=None),
        reason=reason,
        overrode=[],
        gate=None,
        check="",
        facts={},
        accepted=list(accepted),
    )


def as_found(number: int, entry: Entry) -> Found:
    return Found(number, f"id-{number}", True, to_tags(entry))


@pytest.fixture
def chain() -> Chain:
    made: Chain = []
    for number in range(1, 9):
        made.append(as_found(number, write(made)))
    return made


def mark(chain: Chain, number: int = 8) -> Mark:
    return Mark(number, digest_of(chain[number - 1].tags), "the registered model")


def change_text(chain: Chain, number: int, honest: bool) -> None:
    """Change an entry; honest: its own digest, too."""
    tags = dict(chain[number - 1].tags)
    document = json.loads(tags[f"{PART_TAG}.0"])
    document["actor"] = "Eve"
    tags[f"{PART_TAG}.0"] = json.dumps(document, sort_keys=True, separators=(",", ":"))
    if honest:
        tags[DIGEST_TAG] = digest_of(tags)
    chain[number - 1] = replace(chain[number - 1], tags=tags)


def alter(chain: Chain) -> None:
    change_text(chain, 3, honest=False)


def forge(chain: Chain) -> None:
    change_text(chain, 3, honest=True)


def forge_the_last(chain: Chain) -> None:
    change_text(chain, 8, honest=True)


def empty(chain: Chain) -> None:
    chain[4] = replace(chain[4], tags={"anything": "else"})


def point_elsewhere(chain: Chain) -> None:
    chain[4] = replace(chain[4], tags={**chain[4].tags, PREVIOUS_TAG: "f" * 64})


def delete(chain: Chain) -> None:
    chain[5] = replace(chain[5], is_active=False)


def swap(chain: Chain) -> None:
    chain[2], chain[4] = replace(chain[4], number=3), replace(chain[2], number=5)


def cut_out(chain: Chain) -> None:
    del chain[3:5]


def cut_the_first(chain: Chain) -> None:
    del chain[0]


def cut_the_tail(chain: Chain) -> None:
    del chain[6:]


def cut_everything(chain: Chain) -> None:
    del chain[:]


TAMPERING = [
    (alter, ["Entry 3 was altered (its content is not what its digest was made of)"]),
    (forge, ["The link between entries 3 and 4 is broken"]),
    (forge_the_last, ["Entry 8 is not the one that the registered model names"]),
    (empty, ["Entry 5 was altered (it holds no entry)"]),
    (point_elsewhere, ["Entry 5 was altered (its tags name another entry before it"]),
    (delete, ["Entry 6 (rlr-audit/m/00000006) was deleted in MLflow; give it back"]),
    (swap, ["Entry 3 was altered (it was written as entry 5 of m)", "Entry 5 was altered"]),
    (cut_out, ["Entries 4 to 5 are missing; somebody has removed or renamed"]),
    (cut_the_first, ["Entry 1 is missing"]),
    (cut_the_tail, ["Entries 7 to 8 are missing, for the registered model names the last one"]),
    (cut_everything, ["Entries 1 to 8 are missing"]),
]


def test_a_trail_is_whole(chain: Chain) -> None:
    reading = verify("m", chain, [mark(chain)])
    assert not reading.faults
    assert [entry.number for entry in reading.entries] == list(range(1, 9))


def test_a_mark_may_lag_behind(chain: Chain) -> None:
    assert not verify("m", chain, [mark(chain, 6)]).faults


@pytest.mark.parametrize(("tamper", "sentences"), TAMPERING)
def test_tampering_is_told_once_and_can_be_accepted(
    chain: Chain, tamper: Callable[[Chain], None], sentences: list[str]
) -> None:
    marks = [mark(chain)]
    tamper(chain)
    faults = verify("m", chain, marks).faults
    assert len(faults) == len(sentences)
    for fault, sentence in zip(faults, sentences, strict=True):
        assert fault.sentence.startswith(sentence)
        assert "mlflow experiments restore" in fault.sentence or "reconcile" in fault.sentence
    # Once it is accepted it is shown, and no fault any more; the same again is one.
    number = 9
    acceptance = write([]).model_copy(
        update={
            "number": number,
            "previous_sha256": digest_of(chain[-1].tags) if chain else marks[0].sha256,
            "accepted": [fault.key for fault in faults],
        }
    )
    chain.append(as_found(number, acceptance))
    later = verify("m", chain, marks)
    assert not later.faults
    assert [fault.key for fault in later.accepted] == [fault.key for fault in faults]
    tags = chain[-1].tags
    chain[-1] = replace(chain[-1], tags={**tags, f"{PART_TAG}.0": tags[f"{PART_TAG}.0"] + " "})
    assert len(verify("m", chain, marks).faults) == len(faults) + 1


def test_an_intent_that_was_passed_over_is_told() -> None:
    chain: Chain = []
    chain.append(as_found(1, write(chain)))
    second = write([*chain, *chain]).model_copy(
        update={"number": 2, "previous_sha256": digest_of(chain[0].tags)}
    )
    chain.append(as_found(2, second))
    (fault,) = verify("m", chain, []).faults
    assert fault.sentence.startswith("Entry 2 does not belong where it stands")


def test_a_trail_that_begins_with_a_completion_is_told(chain: Chain) -> None:
    first = Completion.model_validate(
        {**from_tags(chain[1].tags).model_dump(), "number": 1, "previous_sha256": NO_ENTRY}
    )
    (fault,) = verify("m", [as_found(1, first)], []).faults
    assert fault.key == "order:1"


def test_long_entries_are_kept_in_several_tags() -> None:
    entry = write([], reason="\N{SNOWMAN} " * 2000)
    tags = to_tags(entry)
    assert f"{PART_TAG}.3" in tags
    assert max(map(len, tags.values())) <= 4000
    assert from_tags(tags) == entry
    del tags[f"{PART_TAG}.3"]
    with pytest.raises(ValueError, match="not what its digest was made of"):
        from_tags(tags)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        (entry_name("m", 12), 12),
        ("rlr-audit/m/123456789", 123456789),
        ("rlr-audit/m/012345678", None),
        ("rlr-audit/m/00000000", None),
        ("rlr-audit/m/12", None),
        ("rlr-audit/mm/00000012", None),
        ("rlr-audit/m/00000012/x", None),
    ],
)
def test_names(name: str, number: int | None) -> None:
    assert entry_number("m", name) == number


def test_reigns_lie_on_top_of_each_other(chain: Chain) -> None:
    intents = [entry for entry in verify("m", chain, []).entries if isinstance(entry, Intent)]
    stack = reigns(intents)
    assert stack == ("1", "3", "5", "7")
    assert advance(stack, "rollback", "3") == ("1", "3")
    assert advance(("1", "3"), "rollback", "7") == ("1", "3", "7")
    assert advance(stack, "promote", "3") == ("1", "5", "7", "3")
    assert advance(stack, "adopt", None) == stack
