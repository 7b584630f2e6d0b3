"""Lineage, asked from either end: nothing hidden, nothing guessed."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.versions import make_version

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import UserError
from rlr.registry.lineage import draw_lineage, trace
from rlr.registry.lineage.query import understand
from rlr.registry.promotion import promote

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATA = ["0a" * 16 + ".dir", "0b" * 16 + ".dir"]
COMMITS = ["0a" * 20, "0f" * 20]
Trace = Callable[[str], dict[str, Any]]


@pytest.fixture
def ask(client: "MlflowClient", settings: RegistryConfig) -> Trace:
    """Return a function that asks for a lineage."""
    return lambda text: trace(client, settings, text)


@pytest.fixture
def versions(client: "MlflowClient", settings: RegistryConfig) -> list[str]:
    """Make three versions of two data versions and two commits; the third was trained by the
    second's champion. Return their addresses."""
    name = settings.model_name
    first = make_version(client, settings, data_version=DATA[0], commit=COMMITS[0], seed="7")
    second = make_version(client, settings, data_version=DATA[1], commit=COMMITS[0])
    third = make_version(
        client,
        settings,
        data_version=DATA[1],
        commit=COMMITS[1],
        parent_champion=f"models:/{name}/{second}",
        gate_outcome="promote",
        gate_champion=f"models:/{name}/{second}",
    )
    return [f"models:/{name}/{number}" for number in (first, second, third)]


def named(document: dict[str, Any]) -> list[str]:
    return [facts["version"] for facts in document["versions"]]


def run_of(client: "MlflowClient", version: str) -> str:
    name, number = version.removeprefix("models:/").split("/")
    return str(client.get_model_version(name, number).run_id)


def test_a_version_is_asked_in_every_form(
    versions: list[str], ask: Trace, client: "MlflowClient", settings: RegistryConfig
) -> None:
    client.set_registered_model_alias(settings.model_name, "challenger", "2")
    for text in ("2", "@challenger", versions[1], f"models:/{settings.model_name}@challenger"):
        document = ask(text)
        assert named(document) == [versions[1]]
        assert document["versions"][0]["aliases"] == ["challenger"]


def test_what_nobody_wrote_down_is_null(versions: list[str], ask: Trace) -> None:
    (facts,) = ask("1")["versions"]
    assert facts["data"]["version"] == DATA[0]
    assert facts["configuration"] == {"name": None, "sha256": None, "seed": "7"}
    assert facts["code"]["commit"] == COMMITS[0]
    assert facts["code"]["dirty"] is facts["code"]["diff_stored"] is facts["code"]["image"] is None
    assert set(facts["compute"].values()) == {None}
    assert facts["gate"]["outcome"] is facts["pipeline_run"] is facts["parent_champion"] is None


def test_data_and_commits_know_their_versions(versions: list[str], ask: Trace) -> None:
    assert named(ask(DATA[1])) == versions[1:]
    assert named(ask(DATA[1].removesuffix(".dir"))) == versions[1:]
    assert named(ask("0b0b")) == versions[1:]
    assert named(ask(COMMITS[1])) == versions[2:]
    assert ask("0f0f0f0")["asked"] == {"kind": "commit", "value": COMMITS[1]}


def test_runs_know_their_versions_and_data_their_runs(
    versions: list[str], ask: Trace, client: "MlflowClient", settings: RegistryConfig
) -> None:
    run_id = run_of(client, versions[0])
    assert named(ask(run_id)) == named(ask(run_id[:12])) == versions[:1]
    experiment = client.get_run(run_id).info.experiment_id
    failed = client.create_run(experiment, tags={"data_version": DATA[0]})
    document = ask(DATA[0])
    assert named(document) == versions[:1]
    assert [facts["run"]["id"] for facts in document["runs"]] == [failed.info.run_id]
    alone = ask(failed.info.run_id)
    assert alone["versions"] == []
    assert alone["runs"][0]["data"]["version"] == DATA[0]


def test_a_beginning_of_several_things_is_refused(versions: list[str], ask: Trace) -> None:
    with pytest.raises(UserError, match=f"may mean commit {COMMITS[0]}, data {DATA[0]}; write"):
        ask("0a0a")
    assert ask(DATA[0])["asked"]["kind"] == "data"


def test_what_means_nothing_is_told(
    versions: list[str], client: "MlflowClient", settings: RegistryConfig
) -> None:
    name = settings.model_name
    for text, sentence in (
        ("9", f"models:/{name}/9 is not in the registry"),
        ("@nobody", f"models:/{name}@nobody is not in the registry"),
        (f"models:/{name}", "write models:/NAME/VERSION"),
        ("dddd", "begins with dddd is known"),
        ("d" * 40, "is known to the experiment"),
        ("ddd", "'ddd' is no version"),
        ("champion", "'champion' is no version"),
        ("' OR 1=1", "is no version"),
        ("%", "is no version"),
    ):
        with pytest.raises(UserError, match=sentence):
            understand(client, settings, text)


def test_a_run_that_was_removed_is_told(
    versions: list[str], ask: Trace, client: "MlflowClient"
) -> None:
    client.delete_run(run_of(client, versions[1]))
    document = ask(DATA[1])
    assert [facts["run"]["state"] for facts in document["versions"]] == ["removed", "RUNNING"]
    assert named(document) == versions[1:]


def test_times_of_champions_come_from_the_audit_trail(
    versions: list[str],
    ask: Trace,
    client: "MlflowClient",
    settings: RegistryConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RLR_ACTOR", "Ada")
    for number in ("2", "3"):
        promote(client, settings, number, override=True, reason="a story")
    (second,), (third,) = ask("2")["versions"], ask("3")["versions"]
    assert second["children"] == [versions[2]]
    (past,), (present,) = second["champion_times"], third["champion_times"]
    assert past["until"] == present["from"] > past["from"]
    assert present["until"] is None
    assert (present["action"], present["actor"], present["reason"]) == ("promote", "Ada", "a story")
    assert ask("1")["versions"][0]["champion_times"] == []
    assert third["audit_faults"] == []
    experiment = client.search_experiments(filter_string=f"name LIKE '%/{settings.model_name}/%'")
    client.set_experiment_tag(experiment[-1].experiment_id, "audit.entry.0", "{}")
    assert "was altered" in ask("3")["versions"][0]["audit_faults"][0]


def test_the_picture_says_what_it_shows(versions: list[str], ask: Trace) -> None:
    facts = ask("3")["versions"][0]
    facts = {**facts, "configuration": {"name": "<b>&", "sha256": None, "seed": None}}
    root = ET.fromstring(draw_lineage([facts]))  # noqa: S314 - our own
    words = " | ".join(text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text"))
    for word in (DATA[1][:12], COMMITS[1][:12], versions[2][:30], "<b>&", "promote", "no alias"):
        assert word in words
    assert "seed unknown" in words


def test_the_command_draws_trees_and_speaks_json(
    versions: list[str], client: "MlflowClient", settings: RegistryConfig, rlr: Callable[..., Any]
) -> None:
    options = [
        f"registry.{name}={json.dumps(value)}"
        for name, value in settings.model_dump(
            include={"tracking_uri", "experiment", "model_name"}
        ).items()
    ]
    where = [word for option in options for word in ("--set", option)]
    tree = rlr("lineage", "1", *where).stdout
    assert f"data {DATA[0]}" in tree
    assert "image: unknown" in tree
    assert "seed 7" in tree
    upwards = rlr("lineage", DATA[1], *where).stdout
    assert upwards.index(versions[1]) < upwards.index(versions[2])
    answer = json.loads(rlr("lineage", COMMITS[0], "--json", *where).stdout)
    assert named(answer) == versions[:2]
    refused = rlr("lineage", "0a0a", *where)
    assert refused.status == 2
    assert refused.stderr.count("\n") == 1
