"""Promotion and rollback: by the gate of today, and never half."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixtures.versions import gate_result, make_version, write_gate

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import MachineError, UserError
from rlr.gate.result import Outcome, Party
from rlr.registry.audit.trail import read_trail
from rlr.registry.gate_results import attach_gate_result
from rlr.registry.promotion import Moved, promote, reconcile, rollback
from rlr.registry.references import find_references

if TYPE_CHECKING:
    from mlflow import MlflowClient

Judge = Callable[..., None]


@pytest.fixture
def judge(client: "MlflowClient", settings: RegistryConfig, tmp_path: Path) -> Judge:
    """Return a function that attaches a gate result to a version."""

    def attach(version: str, champion: str | None, outcome: Outcome = "promote") -> None:
        folder = tmp_path / f"gate-{version}-{champion}-{outcome}"
        write_gate(folder, gate_result(settings, version, champion, outcome))
        attach_gate_result(client, settings.model_name, version, folder, settings)

    return attach


@pytest.fixture
def story(client: "MlflowClient", settings: RegistryConfig) -> None:
    """Make three versions champion, one after another; a fourth waits."""
    for _ in range(3):
        promote(client, settings, make_version(client, settings), override=True, reason="a story")
    make_version(client, settings)


def aliases(client: "MlflowClient", settings: RegistryConfig) -> dict[str, str]:
    found = client.get_registered_model(settings.model_name).aliases
    return {alias: str(version) for alias, version in found.items()}


def is_sound(client: "MlflowClient", settings: RegistryConfig) -> bool:
    trail = read_trail(client, settings.model_name)
    return not trail.reading.faults and not trail.pending and trail.actual == trail.recorded


def checked(_: str) -> str:
    return "scores as it did"


def back(client: "MlflowClient", settings: RegistryConfig, to: str = "") -> Moved:
    return rollback(client, settings, check=checked, to=to)


def test_a_promotion_moves_the_aliases_and_says_why(
    client: "MlflowClient",
    settings: RegistryConfig,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RLR_ACTOR", "Ada")
    name = settings.model_name
    first, second = make_version(client, settings), make_version(client, settings)
    judge(first, None)
    made = promote(client, settings, first, reason="the first one")
    assert (made.version, made.former, made.previous, made.changed) == ("1", None, None, True)
    judge(second, "1")
    client.set_registered_model_alias(name, "challenger", second)
    made = promote(client, settings, second, pipeline_run="run-7")
    assert (made.version, made.former, made.previous) == ("2", "1", "1")
    assert aliases(client, settings) == {"champion": "2", "previous": "1"}
    trail = read_trail(client, name)
    assert [entry.number for entry in trail.reading.entries] == [1, 2, 3, 4]
    entry = trail.intents[-1]
    assert entry.actor == "Ada"
    assert entry.action == "promote"
    assert entry.facts["version"] == f"models:/{name}/2"
    assert entry.facts["pipeline_run"] == "run-7"
    assert entry.gate is not None
    assert entry.gate.sha256 == client.get_model_version(name, "2").tags["gate_sha256"]
    assert entry.overrode == []
    assert trail.intents[0].reason == "the first one"
    assert is_sound(client, settings)
    assert not promote(client, settings, second).changed
    assert len(read_trail(client, name).reading.entries) == 4


@pytest.mark.parametrize(
    ("champion", "outcome", "sentence"),
    [
        ("judged by nobody", "promote", "has not judged models:/NAME/4; run: rlr gate"),
        ("3", "inconclusive", "The gate says inconclusive of models:/NAME/4"),
        ("3", "reject", "The gate says reject"),
        ("2", "promote", "against models:/NAME/2, and the champion is models:/NAME/3 today"),
        (None, "promote", "against no champion, and the champion is models:/NAME/3 today"),
    ],
)
def test_without_a_gate_result_of_today_nothing_is_promoted(
    client: "MlflowClient",
    settings: RegistryConfig,
    story: None,
    judge: Judge,
    champion: str | None,
    outcome: Outcome,
    sentence: str,
) -> None:
    if champion != "judged by nobody":
        judge("4", champion, outcome)
    with pytest.raises(UserError, match=sentence.replace("NAME", settings.model_name)):
        promote(client, settings, "4")
    assert aliases(client, settings) == {"champion": "3", "previous": "2"}
    with pytest.raises(UserError, match="--reason"):
        promote(client, settings, "4", override=True, reason="  ")
    made = promote(client, settings, "4", override=True, reason="the line stands still")
    assert len(made.overrode) == 1
    assert aliases(client, settings) == {"champion": "4", "previous": "3"}
    entry = read_trail(client, settings.model_name).intents[-1]
    assert entry.reason == "the line stands still"
    assert entry.overrode == list(made.overrode)
    assert (entry.gate is None) == (champion == "judged by nobody")


def test_a_champion_of_the_same_name_with_another_detector_is_another_one(
    client: "MlflowClient", settings: RegistryConfig, story: None, tmp_path: Path
) -> None:
    name = settings.model_name
    other = Party(name=f"models:/{name}/3", sha256="f" * 64)
    result = gate_result(settings, "4", "3").model_copy(update={"champion": other})
    attach_gate_result(client, name, "4", write_gate(tmp_path / "gate", result), settings)
    with pytest.raises(UserError, match="with another detector today"):
        promote(client, settings, "4")


def test_a_dry_run_says_the_same_and_writes_nothing(
    client: "MlflowClient", settings: RegistryConfig, story: None, judge: Judge
) -> None:
    judge("4", "3")
    before = len(read_trail(client, settings.model_name).reading.entries)
    told = promote(client, settings, "4", dry_run=True)
    assert (told.version, told.former, told.changed, told.entry) == ("4", "3", True, None)
    told = rollback(client, settings, check=checked, dry_run=True)
    assert (told.version, told.former, told.check) == ("2", "3", "scores as it did")
    assert aliases(client, settings) == {"champion": "3", "previous": "2"}
    assert len(read_trail(client, settings.model_name).reading.entries) == before


def test_rolling_back_goes_to_real_champions_and_never_to_and_fro(
    client: "MlflowClient", settings: RegistryConfig, story: None
) -> None:
    with pytest.raises(UserError, match="has never been champion"):
        back(client, settings, "4")
    assert back(client, settings).version == "2"
    assert aliases(client, settings) == {"champion": "2", "previous": "1"}
    assert back(client, settings).version == "1"
    assert aliases(client, settings) == {"champion": "1"}
    with pytest.raises(UserError, match=r"No version was champion before .* may go to: 2, 3"):
        back(client, settings)
    # What was rolled away from comes back by name, and then it stands on top again.
    assert back(client, settings, "3").previous == "1"
    assert back(client, settings).version == "1"
    promote(client, settings, "4", override=True, reason="by word")
    assert aliases(client, settings) == {"champion": "4", "previous": "1"}
    assert is_sound(client, settings)


def test_an_artifact_that_fails_its_check_is_not_rolled_back_to(
    client: "MlflowClient", settings: RegistryConfig, story: None
) -> None:
    def fail(reference: str) -> str:
        raise MachineError(f"{reference} does not score as it did.")

    with pytest.raises(MachineError, match=f"models:/{settings.model_name}/2 does not score"):
        rollback(client, settings, check=fail)
    assert aliases(client, settings) == {"champion": "3", "previous": "2"}
    assert is_sound(client, settings)


def test_a_version_that_is_gone_is_told_and_left_out(
    client: "MlflowClient", settings: RegistryConfig, story: None
) -> None:
    with pytest.raises(UserError, match="/9 is not in the registry; there are: 1, 2, 3, 4"):
        promote(client, settings, "9")
    client.delete_model_version(settings.model_name, "2")
    with pytest.raises(MachineError, match=r"'previous' of .* is not set, .* it is version 2"):
        back(client, settings)
    assert reconcile(client, settings, keep=False, reason="it was too old").previous == "1"
    with pytest.raises(UserError, match="/2 is not in the registry"):
        back(client, settings, "2")
    assert back(client, settings).version == "1"
    assert is_sound(client, settings)


class Killed(BaseException):
    """Ends a command as a kill does: nobody can catch it, nothing is tidied up."""


CHANGES = (
    "create_experiment",
    "set_registered_model_alias",
    "delete_registered_model_alias",
    "set_registered_model_tag",
    "set_model_version_tag",
)
# Intent, previous, champion, challenger, completion, and the two marks of the trail's end.
ALL = 7


def die_at(patch: pytest.MonkeyPatch, client: "MlflowClient", step: int) -> None:
    """Let the client die before the n-th change that it is asked for, or after the last."""
    count = 0

    def dying(change: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count == step:
                raise Killed
            result = change(*args, **kwargs)
            if count == ALL and step > ALL:
                raise Killed
            return result

        return call

    for name in CHANGES:
        patch.setattr(client, name, dying(getattr(client, name)))


@pytest.mark.parametrize("step", range(1, ALL + 2))
def test_whoever_dies_leaves_what_the_next_command_completes(
    client: "MlflowClient",
    settings: RegistryConfig,
    story: None,
    judge: Judge,
    step: int,
) -> None:
    judge("4", "3")
    client.set_registered_model_alias(settings.model_name, "challenger", "4")
    with pytest.MonkeyPatch.context() as patch:
        die_at(patch, client, step)
        with pytest.raises(Killed):
            promote(client, settings, "4")
    if step == 1:  # not even the intent is there
        assert aliases(client, settings) == {"champion": "3", "previous": "2", "challenger": "4"}
        assert promote(client, settings, "4").changed
    else:
        assert not promote(client, settings, "4").changed
    assert aliases(client, settings) == {"champion": "4", "previous": "3"}
    assert is_sound(client, settings)
    assert back(client, settings).version == "3"
    assert is_sound(client, settings)


def test_what_was_champion_once_is_referred_to_for_ever(
    client: "MlflowClient", settings: RegistryConfig, story: None
) -> None:
    name = settings.model_name
    runs = {str(v.version): v.run_id for v in client.search_model_versions(f"name = '{name}'")}
    back(client, settings)
    references = find_references(client, name)
    assert references.runs[runs["3"]] == [f"an entry of rlr-audit/{name} names it"]
    assert f"models:/{name}/2 is champion" in references.runs[runs["2"]]
    assert runs["4"] not in references.runs


def test_the_trail_is_out_of_sight_and_survives_a_clean_up(
    client: "MlflowClient", settings: RegistryConfig, story: None
) -> None:
    # What MLflow's page of experiments asks for.
    shown = client.search_experiments(filter_string="tags.`mlflow.experiment.isGateway` IS NULL")
    assert settings.experiment in [experiment.name for experiment in shown]
    assert not [e for e in shown if e.name.startswith("rlr-audit/")]
    # A deleted entry keeps its name taken: the trail cannot be rewritten from there.
    name = f"rlr-audit/{settings.model_name}/00000003"
    client.delete_experiment(client.get_experiment_by_name(name).experiment_id)
    with pytest.raises(MachineError, match=r"Entry 3 .* was deleted in MLflow; give it back"):
        promote(client, settings, "4", override=True, reason="by word")
    client.restore_experiment(client.get_experiment_by_name(name).experiment_id)
    assert is_sound(client, settings)


@pytest.mark.parametrize(
    ("alias", "version"), [("champion", "4"), ("champion", None), ("previous", "4")]
)
def test_what_somebody_clicked_is_told_and_taken_over_or_undone(
    client: "MlflowClient",
    settings: RegistryConfig,
    story: None,
    alias: str,
    version: str | None,
) -> None:
    name = settings.model_name

    def click() -> None:
        if version is None:
            client.delete_registered_model_alias(name, alias)
        else:
            client.set_registered_model_alias(name, alias, version)

    click()
    for command in (back, lambda *_: promote(client, settings, "1", override=True, reason="x")):
        with pytest.raises(MachineError, match=f"The alias '{alias}' .* was changed without `rlr`"):
            command(client, settings)
    with pytest.raises(UserError, match="--reason"):
        reconcile(client, settings, keep=False, reason="")
    undone = reconcile(client, settings, keep=False, reason="a mistake")
    assert (undone.action, undone.version) == ("restore", "3")
    assert aliases(client, settings) == {"champion": "3", "previous": "2"}
    click()
    if alias == "previous":
        with pytest.raises(UserError, match="Only the alias 'previous' was changed"):
            reconcile(client, settings, keep=True, reason="meant so")
        return
    kept = reconcile(client, settings, keep=True, reason="meant so")
    assert (kept.action, kept.version, kept.previous) == ("adopt", version, "3")
    assert is_sound(client, settings)
    assert back(client, settings).version == "3"
    assert not reconcile(client, settings, keep=True, reason="nothing").changed


def test_aliases_from_before_there_was_a_trail_are_taken_over(
    client: "MlflowClient", settings: RegistryConfig
) -> None:
    name = settings.model_name
    for _ in range(2):
        make_version(client, settings)
    client.set_registered_model_alias(name, "champion", "1")
    with pytest.raises(MachineError, match="set before there was an audit trail"):
        promote(client, settings, "2", override=True, reason="x")
    reconcile(client, settings, keep=True, reason="from before")
    promote(client, settings, "2", override=True, reason="x")
    assert aliases(client, settings) == {"champion": "2", "previous": "1"}


def test_a_missing_tail_is_told_and_the_trail_goes_on_behind_it(
    client: "MlflowClient", settings: RegistryConfig, story: None
) -> None:
    name = settings.model_name
    for number in (5, 6):
        entry = client.get_experiment_by_name(f"rlr-audit/{name}/{number:08d}")
        client.rename_experiment(entry.experiment_id, f"away-{name}-{number}")
    with pytest.raises(MachineError, match="Entries 5 to 6 are missing"):
        back(client, settings)
    with pytest.raises(UserError, match="accept it as it is with --keep"):
        reconcile(client, settings, keep=False, reason="x")
    kept = reconcile(client, settings, keep=True, reason="the database was lost")
    assert (kept.entry, kept.version, kept.previous) == (7, "3", "2")
    assert is_sound(client, settings)
    assert back(client, settings).version == "2"
    for number in (5, 6):  # they were found again
        entry = client.get_experiment_by_name(f"away-{name}-{number}")
        client.rename_experiment(entry.experiment_id, f"rlr-audit/{name}/{number:08d}")
    assert is_sound(client, settings)


def test_an_intent_whose_version_is_gone_is_given_up(
    client: "MlflowClient", settings: RegistryConfig, story: None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        die_at(patch, client, 2)
        with pytest.raises(Killed):
            promote(client, settings, "4", override=True, reason="x")
    client.delete_model_version(settings.model_name, "4")
    assert back(client, settings).version == "2"
    assert is_sound(client, settings)


def test_somebody_slow_does_not_undo_what_others_went_on_to(
    client: "MlflowClient",
    settings: RegistryConfig,
    story: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One writes its intent and sleeps; others complete it, roll back, and then it wakes up."""
    set_alias = client.set_registered_model_alias
    woken = False

    def sleep_first(name: str, alias: str, version: str) -> None:
        nonlocal woken
        if not woken:
            woken = True
            back(client, settings)
            assert aliases(client, settings) == {"champion": "3", "previous": "2"}
        set_alias(name, alias, version)

    monkeypatch.setattr(client, "set_registered_model_alias", sleep_first)
    made = promote(client, settings, "4", override=True, reason="x")
    assert made.sha256
    assert woken
    assert aliases(client, settings) == {"champion": "3", "previous": "2"}
    assert is_sound(client, settings)


def test_an_answer_that_was_lost_is_no_race(
    client: "MlflowClient",
    settings: RegistryConfig,
    story: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """MLflow's client repeats a request whose answer was lost, and finds the name taken."""
    create = client.create_experiment

    def twice(name: str, **arguments: object) -> str:
        create(name, **arguments)
        return str(create(name, **arguments))

    monkeypatch.setattr(client, "create_experiment", twice)
    assert promote(client, settings, "4", override=True, reason="x").changed
    assert is_sound(client, settings)


def test_whoever_comes_second_changes_nothing(
    client: "MlflowClient",
    settings: RegistryConfig,
    story: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create = client.create_experiment
    first = True

    def overtaken(name: str, **arguments: object) -> str:
        nonlocal first
        if first:
            first = False
            back(client, settings)
        return str(create(name, **arguments))

    monkeypatch.setattr(client, "create_experiment", overtaken)
    with pytest.raises(MachineError, match=r"Somebody else changed the champion .* nothing was ch"):
        promote(client, settings, "4", override=True, reason="x")
    assert aliases(client, settings) == {"champion": "2", "previous": "1"}
    assert is_sound(client, settings)
