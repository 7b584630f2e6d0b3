"""The step `gate` between two trained detectors, with a registry of its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rlr.config import load_config
from rlr.config.registry import RegistryConfig
from rlr.data.manifest import Manifest
from rlr.foundation.errors import MachineError, UserError
from rlr.gate.contest import Entrant
from rlr.gate.floors import FloorVerdict
from rlr.gate.result import GateResult
from rlr.gate.run import run_gate
from rlr.orchestration import steps
from rlr.orchestration.champion import locate_champion
from rlr.orchestration.outcomes import Gated
from rlr.registry.gate_results import read_gate_result
from rlr.registry.server import connect
from rlr.registry.tracking import Run
from rlr.registry.versions import register

LIE = 0.123456


@dataclass(frozen=True)
class Registry:
    """A registry with a champion, and what the step needs to find it.

    Attributes:
        overrides: Settings of the steps.
        settings: The same as the registry takes them.
        client: Its client.
        champion_run: Run of the champion.
        answer: What the step has said of a candidate.
        output: What it has written.
        run_id: Run of the candidate.
    """

    overrides: list[str]
    settings: RegistryConfig
    client: Any
    champion_run: str
    answer: Gated
    output: Path
    run_id: str


@pytest.fixture(scope="module")
def registry(
    tmp_path_factory: pytest.TempPathFactory,
    small_manifest: Manifest,
    trained: Path,
    trained_small: Path,
    store: str,
) -> Registry:
    """Make the weaker detector the champion, falsify what is stored of it, and run the gate."""
    place = tmp_path_factory.mktemp("gating")
    overrides = [
        f"data.root={small_manifest.root}",
        "data.validation_fraction=0.3",
        f"registry.tracking_uri={store}",
        "registry.model_name=gating",
        "registry.floors.image_auroc=0.0",
        "gate.false_positive_rate=1.0",
        "gate.draws=200",
        "gate.timed_batches=1",
    ]
    config = load_config("tiny", overrides)
    client = connect(config.registry)
    run = Run.start(client, config, small_manifest.version, small_manifest.digest)
    made = register(run, trained_small, config.registry, FloorVerdict(True, []), challenger=False)
    client.set_registered_model_alias("gating", "champion", made.version)
    client.log_metric(run.run_id, "default.mean.image_auroc", LIE)
    client.log_metric(run.run_id, "gate.mean.image_auroc.candidate", LIE)
    client.set_model_version_tag("gating", made.version, "floors", "fail: everything")
    candidate = Run.start(client, config, small_manifest.version, small_manifest.digest)
    output = place / "gate"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)  # the registry's models are cached in the working directory
        answer = steps.gate("tiny", overrides, trained, output, run_id=candidate.run_id)
    return Registry(
        overrides, config.registry, client, run.run_id, answer, output, candidate.run_id
    )


@pytest.fixture
def here(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work where the champion has been fetched already."""
    monkeypatch.chdir(registry.output.parent)
    return registry.output.parent


def read(registry: Registry) -> GateResult:
    return GateResult.model_validate_json((registry.output / "gate.json").read_text())


def test_the_champion_is_run_again_whatever_is_stored_of_it(
    registry: Registry, small_manifest: Manifest, trained_small: Path, tmp_path: Path
) -> None:
    """Its stored figures are lies: none of them may come out, and its own must."""
    result = read(registry)
    assert result.champion is not None
    assert result.champion.name == registry.answer.champion == "models:/gating/1"
    config = load_config("tiny", registry.overrides)
    itself = Entrant("itself", trained_small / "model")
    alone = run_gate(config, small_manifest, tmp_path / "alone", itself, None)
    assert result.champion.sha256 == alone.candidate.sha256
    for metric, compared in result.mean.items():
        assert compared.champion == alone.mean[metric].candidate
        assert compared.champion != LIE


def test_the_answer_is_the_decision(registry: Registry) -> None:
    result, answer = read(registry), registry.answer
    assert answer.outcome == result.outcome
    assert answer.reason == " ".join(result.reasons)
    assert answer.promote == (result.outcome == "promote")
    assert answer.report.is_file()
    difference = result.mean["image_auroc"].difference
    assert difference is not None
    assert answer.metrics["mean.image_auroc.difference"] == difference.estimate
    assert answer.metrics["mean.image_auroc.lower"] == difference.lower


def test_the_candidates_run_tells_what_was_decided(registry: Registry) -> None:
    run = registry.client.get_run(registry.run_id)
    assert run.data.tags["gate_outcome"] == registry.answer.outcome
    assert run.data.tags["gate_champion"] == "models:/gating/1"
    assert run.data.tags["gate_reason"] == registry.answer.reason[:5000]
    values = {f"gate.{name}": value for name, value in registry.answer.metrics.items()}
    assert values.items() <= run.data.metrics.items()
    (place,) = registry.client.list_artifacts(registry.run_id, "gate")
    files = {file.path for file in registry.client.list_artifacts(registry.run_id, place.path)}
    assert files == {f"{place.path}/{name}" for name in ("gate.html", "gate.json", "result.json")}


def test_a_version_carries_the_result_about_it(
    registry: Registry, here: Path, tmp_path: Path
) -> None:
    """The champion against itself is the very null: equal in every image, and never promoted."""
    answer = steps.gate("tiny", registry.overrides, "models:/gating/1", tmp_path / "again")
    assert (answer.outcome, answer.promote) == ("inconclusive", False)
    stored = read_gate_result(registry.client, "gating", "1", registry.settings)
    assert stored is not None
    assert stored.result.candidate == stored.result.champion
    assert registry.client.get_run(registry.champion_run).info.status == "FINISHED"


def test_a_switch_keeps_the_alias_where_it_is(
    registry: Registry, here: Path, trained: Path, tmp_path: Path
) -> None:
    off = [*registry.overrides, "gate.promote=false"]
    words = ("tiny", off, trained, tmp_path / "gate", None, "", None, registry.run_id)
    answer = steps.gate(*words, champion="none")
    assert (answer.outcome, answer.promote, answer.champion) == ("promote", False, "none")


def test_no_champion_is_something_else_than_no_answer(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    other = registry.settings.model_copy(update={"model_name": "unheard-of"})
    assert locate_champion(other) is None
    registry.client.create_registered_model("unheard-of")
    assert locate_champion(other) is None

    def fail(*_: object) -> None:
        raise MlflowException("the database is locked")

    monkeypatch.setattr(MlflowClient, "get_model_version_by_alias", fail)
    with pytest.raises(MachineError, match="database is locked"):
        locate_champion(other)


@pytest.mark.parametrize(
    ("model", "more", "champion", "sentence"),
    [
        ("nowhere", [], None, r"nowhere holds no detector"),
        ("models:/gating/99", [], None, r"models:/gating/99 is not in the registry"),
        ("models:/gating/1", [], "models:/gating/98", r"models:/gating/98 is not in the registry"),
        (
            "models:/gating/1",
            ["gate.seeds=2"],
            None,
            r"gate\.seeds is 2, but models:/gating/1 does not",
        ),
    ],
)
def test_what_cannot_be_judged_is_told_before_anything_is_written(
    registry: Registry,
    here: Path,
    tmp_path: Path,
    model: str,
    more: list[str],
    champion: str | None,
    sentence: str,
) -> None:
    output = tmp_path / "gate"
    with pytest.raises(UserError, match=sentence):
        steps.gate("tiny", [*registry.overrides, *more], model, output, champion=champion)
    assert not output.exists()


def test_a_run_that_the_server_does_not_know_is_told_before_anything_is_run(
    registry: Registry, here: Path, tmp_path: Path, trained: Path
) -> None:
    output = tmp_path / "gate"
    with pytest.raises(UserError, match="does not know the run 0123abcd"):
        steps.gate("tiny", registry.overrides, trained / "model", output, run_id="0123abcd")
    assert not output.exists()


@pytest.mark.parametrize(
    ("outcome", "words", "status"),
    [
        ("promote", ("--require", "promote"), 0),
        ("inconclusive", (), 0),
        ("inconclusive", ("--require", "promote"), 1),
        ("inconclusive", ("--require", "no-reject"), 0),
        ("reject", (), 0),
        ("reject", ("--require", "no-reject"), 1),
    ],
)
def test_the_exit_status_tells_the_outcome_to_those_who_ask(
    registry: Registry,
    rlr: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    outcome: str,
    words: tuple[str, ...],
    status: int,
) -> None:
    document = {**json.loads((registry.output / "gate.json").read_text()), "outcome": outcome}
    (tmp_path / "gate.json").write_text(json.dumps(document))
    answer = Gated(outcome, "", outcome == "promote", "none", {}, tmp_path / "gate.html")
    monkeypatch.setattr(steps, "gate", lambda *_, **__: answer)
    found = rlr("gate", "model", "-o", tmp_path, *words)
    assert found.status == status
    assert f"The gate says {outcome}." in found.stdout
    as_json = json.loads(rlr("gate", "model", "-o", tmp_path, *words, "--json").stdout)
    assert as_json["outcome"] == outcome
    assert as_json["would_promote"] == (outcome == "promote")
