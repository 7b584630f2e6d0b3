"""Two promotions at the same time, on real servers: one wins, the other changes nothing."""

import signal
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.contender import contenders
from fixtures.versions import gate_result, make_version, write_gate

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import MachineError, UserError
from rlr.registry.audit.trail import read_trail
from rlr.registry.gate_results import attach_gate_result, read_gate_result
from rlr.registry.promotion import promote, rollback
from rlr.registry.server import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient

ROUNDS = 50

pytestmark = pytest.mark.services


@pytest.fixture
def client(services: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> "MlflowClient":
    for name, value in services.items():
        monkeypatch.setenv(name, value)
    return connect(RegistryConfig())


def _settings(name: str) -> RegistryConfig:
    return RegistryConfig(experiment=name, model_name=name)


def _say(connection: Connection, settings: RegistryConfig, version: str, kill: int = 0) -> None:
    connection.send((settings.model_dump(), version, kill))


def _champion(client: "MlflowClient", name: str) -> str | None:
    return read_trail(client, name).actual.champion


def test_of_two_promotions_at_the_same_time_one_wins(
    client: "MlflowClient", services: dict[str, str]
) -> None:
    settings = _settings("race")
    versions = [make_version(client, settings) for _ in range(3)]
    champion = None
    won: list[str] = []
    with contenders(2, services) as both:
        for _ in range(ROUNDS):
            wanted = [version for version in versions if version != champion][:2]
            for connection, version in zip(both, wanted, strict=True):
                _say(connection, settings, version)
            answers: list[tuple[bool, Any]] = [connection.recv() for connection in both]
            assert sorted(first for first, _ in answers) == [False, True], answers
            winner = 0 if answers[0][0] else 1
            assert answers[1 - winner][1].startswith(
                "Somebody else changed the champion of 'race' at the same moment"
            )
            assert answers[winner][1] == wanted[winner]
            won.append(wanted[winner])
            found = client.get_registered_model("race").aliases
            assert {alias: str(version) for alias, version in found.items()} == {
                "champion": won[-1],
                **({"previous": champion} if champion else {}),
            }
            champion = won[-1]
    trail = read_trail(client, "race")
    assert not trail.reading.faults
    assert trail.pending is None
    assert trail.actual == trail.recorded
    assert len(trail.reading.entries) == 2 * ROUNDS
    assert [intent.after.champion for intent in trail.intents] == won
    actors = {intent.number: intent.actor for intent in trail.intents}
    for entry in trail.reading.entries:  # whoever began it has completed it
        assert entry.actor == actors[entry.number - (entry.number not in actors)]


def test_whoever_is_killed_leaves_what_the_next_command_completes(
    client: "MlflowClient", services: dict[str, str]
) -> None:
    settings = _settings("kill")
    versions = [make_version(client, settings) for _ in range(5)]
    promote(client, settings, versions[0], override=True, reason="the first")
    with contenders(1, services) as (contender,):
        # Intent, previous, champion, completion, mark: killed before each but the first.
        for version, step in zip(versions[1:], (2, 3, 4, 5), strict=True):
            former = _champion(client, "kill")
            _say(contender, settings, version, step)
            assert contender.recv() == signal.SIGKILL
            assert (read_trail(client, "kill").pending is not None) == (step < 5)
            assert not promote(client, settings, version, override=True, reason="again").changed
            trail = read_trail(client, "kill")
            assert trail.actual == trail.recorded
            assert (trail.actual.champion, trail.actual.previous) == (version, former)
            assert not trail.reading.faults


def test_gate_results_and_the_trail_work_through_a_server(
    client: "MlflowClient", tmp_path: Any
) -> None:
    settings = _settings("gate-results")
    first, second = make_version(client, settings), make_version(client, settings)
    for version, champion in ((first, None), (second, first)):
        folder = write_gate(tmp_path / version, gate_result(settings, version, champion))
        attach_gate_result(client, "gate-results", version, folder, settings)
        assert promote(client, settings, version).changed
    assert rollback(client, settings, check=lambda _: "fine").version == first
    entry = client.get_model_version("gate-results", second)
    client.set_model_version_tag("gate-results", second, "gate_artifact", "gate/elsewhere")
    with pytest.raises(UserError, match="is missing; judge it anew"):
        read_gate_result(client, "gate-results", second, settings)
    assert entry.tags["gate_outcome"] == "promote"
    # The trail is on the server, where a deleted entry is told.
    number = client.get_experiment_by_name("rlr-audit/gate-results/00000002").experiment_id
    client.delete_experiment(number)
    with pytest.raises(MachineError, match="was deleted in MLflow"):
        promote(client, settings, second, override=True, reason="x")
