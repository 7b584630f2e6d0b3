"""What `rlr registry` answers: the versions, what differs, and the history with its verdict."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.versions import gate_result, make_version, write_gate

from rlr.config.registry import RegistryConfig
from rlr.gate.result import Finding
from rlr.registry.audit.trail import read_trail
from rlr.registry.gate_results import attach_gate_result
from rlr.registry.history.events import events_of, spans
from rlr.registry.promotion import promote, rollback

if TYPE_CHECKING:
    from mlflow import MlflowClient

Command = Callable[..., Any]


@pytest.fixture
def story(client: "MlflowClient", settings: RegistryConfig, tmp_path: Path) -> None:
    """A first champion by its gate, a second by word, and back; a third was rejected."""
    name = settings.model_name
    outcomes = (("1", None, "promote"), ("2", "1", "inconclusive"), ("3", "1", "reject"))
    for version, champion, outcome in outcomes:
        assert make_version(client, settings, data_version="ab" * 16 + ".dir") == version
        sentence = "rings is shown worse <b>by far</b>."
        finding = Finding(
            rule="class", subject="rings", outcome=outcome, sentence=sentence, values={}
        )
        result = gate_result(settings, version, champion, outcome)
        result = result.model_copy(update={"findings": [finding], "reasons": [sentence]})
        attach_gate_result(client, name, version, write_gate(tmp_path / version, result), settings)
    promote(client, settings, "1")
    promote(client, settings, "2", override=True, reason="the line stands <i>still</i>")
    rollback(client, settings, check=lambda _: "scores as it did", reason="it was worse")


@pytest.fixture
def ask(rlr: Callable[..., Any], settings: RegistryConfig) -> Command:
    """Return a function that runs `rlr registry VERB` against the store of the test."""

    def run(verb: str, *words: str | Path) -> Any:
        where = ("tracking_uri", "experiment", "model_name")
        sets = [w for key in where for w in ("--set", f"registry.{key}={getattr(settings, key)}")]
        return rlr("registry", verb, *words, "--config", "tiny", *sets)

    return run


def test_everything_is_listed_shown_and_told(
    story: None, ask: Command, settings: RegistryConfig, client: "MlflowClient", tmp_path: Path
) -> None:
    listed = json.loads(ask("list", "--json", "--dry-run").stdout)
    assert [one["version"] for one in listed["versions"]] == ["3", "2", "1"]
    assert [one["aliases"] for one in listed["versions"]] == [[], [], ["champion"]]
    assert [one["was_champion"] for one in listed["versions"]] == [False, True, True]
    assert [one["gate_outcome"] for one in listed["versions"]] == [
        "reject",
        "inconclusive",
        "promote",
    ]
    shown = json.loads(ask("show", "@champion", "--json").stdout)
    assert shown["version"] == "1"
    assert shown["gate"]["outcome"] == "promote"
    assert [entry["number"] for entry in shown["entries"]] == [1, 3, 5]
    assert "was champion" in ask("list").stdout
    assert "rings is shown worse" in ask("show", f"models:/{settings.model_name}/3").stdout

    page = tmp_path / "history.html"
    told = ask("history", "--html", page, "--json")
    assert told.status == 0
    document = json.loads(told.stdout)
    assert document["sound"]
    assert [e["action"] for e in document["entries"]] == ["promote", "promote", "rollback"]
    assert [e["override"] for e in document["entries"]] == [False, True, False]
    assert document["entries"][2]["check"] == "scores as it did"
    assert document["head"]["number"] == 6
    trail = read_trail(client, settings.model_name)
    assert document["head"]["sha256"] == trail.reading.digests[6]

    text = page.read_text()
    assert "Verified: 6 entries" in text
    assert text.count('class="champion"') == 3 + 1  # three reigns, and the key
    assert 'class="change promote override"' in text
    assert "reject: class rings" in text
    assert "<b>by far" not in text
    assert "<i>still" not in text
    assert "http" not in text.replace("http-equiv", "")

    client.set_registered_model_alias(settings.model_name, "champion", "3")
    told = ask("history", "--html", tmp_path / "again.html", "--dry-run")
    assert told.status == 1
    assert "was changed without `rlr`" in told.stdout
    assert not (tmp_path / "again.html").exists()
    assert ask("history", "--html", page).status == 1
    assert 'class="notice critical"' in page.read_text()


def test_changes_are_made_and_refused_from_the_command_line(
    story: None, ask: Command, settings: RegistryConfig
) -> None:
    refused = ask("promote", "3")
    assert refused.status == 2
    assert "The gate says reject" in refused.stderr
    assert "--override --reason" in refused.stderr
    assert ask("promote", "3", "--override").status == 2
    by_word = ("promote", "3", "--override", "--reason", "x", "--json")
    planned = json.loads(ask(*by_word, "--dry-run").stdout)
    assert (planned["champion"], planned["former"], planned["entry"]) == ("3", "1", None)
    done = json.loads(ask("promote", "@champion", "--json").stdout)
    assert not done["changed"]
    done = json.loads(ask(*by_word).stdout)
    assert (done["champion"], done["previous"], done["entry"]) == ("3", "1", 7)
    assert done["override"]
    nothing = ask("reconcile", "--keep", "--reason", "x")
    assert nothing.status == 0
    assert "Nothing to do" in nothing.stdout


WRONG = [
    (("show", "9"), "is not in the registry; there are: 1, 2, 3"),
    (("show", "latest"), "'latest' names no version"),
    (("show", "@nobody"), "has no alias 'nobody'; there are: @champion"),
    (("promote", "models:/other/1"), "is of another model than"),
    (("rollback", "--to", "3"), "has never been champion, by the audit trail"),
    (("reconcile", "--reason", "x"), "--keep or --undo"),
    (("diff", "1", "x"), "'x' names no version"),
]


def test_wrong_input_is_told_in_a_sentence(story: None, ask: Command) -> None:
    for words, sentence in WRONG:
        answer = ask(*words)
        assert answer.status == 2
        assert sentence in answer.stderr
        assert answer.stderr.count("\n") == 1


def test_a_model_that_is_not_there_is_told(ask: Command) -> None:
    for verb in ("list", "history"):
        answer = ask(verb)
        assert answer.status == 2
        assert "There is no registered model" in answer.stderr


def test_reigns_are_drawn_from_entry_to_entry() -> None:
    def entry(number: int, to: str | None, given_up: str = "") -> dict[str, object]:
        time = f"2026-01-01T00:00:0{number}.000Z"
        return {"number": number, "time": time, "to": to, "completed": {"given_up": given_up}}

    entries = [entry(1, "1"), entry(3, "2"), entry(5, "9", "it was deleted"), entry(7, None)]
    registered = {"1": "2026-01-01T00:00:00.000Z", "2": "2026-01-01T00:00:02.000Z"}
    events = events_of(entries, registered)
    assert [event.version for event in events] == ["1", "1", "2", "2", "9", None]
    assert spans(events, "to") == [("1", 1, 3), ("2", 3, 5)]
