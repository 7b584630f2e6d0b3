"""What is told of a retraining's end, by what the registry has of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.versions import gate_result, make_version, write_gate

from rlr.config import Config, load_config
from rlr.config.registry import RegistryConfig
from rlr.foundation.documents import read_result, write_json
from rlr.orchestration.reporting import FAILURE_FILE
from rlr.orchestration.retraining.deciding import Question, settle
from rlr.orchestration.retraining.news import News
from rlr.orchestration.retraining.report import End, tell
from rlr.registry.gate_results import attach_gate_result
from rlr.registry.names import CHAMPION, PIPELINE_RUN_TAG
from rlr.registry.retraining import GPU_HOURS_TAG, Retrainings

if TYPE_CHECKING:
    from mlflow import MlflowClient

VERSION = "a" * 32 + ".dir"


@pytest.fixture
def config(settings: RegistryConfig) -> Config:
    return load_config("tiny").model_copy(update={"registry": settings})


@pytest.fixture
def claimed(config: Config, past: Retrainings) -> str:
    """Return the run of a retraining that has claimed its training, in the pipeline's run `p`."""
    run = past.begin("p", {"data_version": VERSION, "base": "none"})
    settle(Question(config, News(judged=50, known=1), forced=False), past, run)
    return run


@pytest.fixture
def judged(client: "MlflowClient", settings: RegistryConfig, tmp_path: Path) -> Any:
    """Return a function that registers a version of the pipeline's run, judged by the gate."""

    def make(outcome: Any, champion: str | None = None) -> str:
        number = make_version(client, settings, **{PIPELINE_RUN_TAG: "p"})
        digest = f"{int(number):064x}"
        result = gate_result(settings, number, champion, outcome)
        assert result.candidate.sha256 == digest
        folder = write_gate(tmp_path / "gate" / number, result)
        attach_gate_result(client, settings.model_name, number, folder, settings)
        return number

    return make


def end(state: str = "SUCCEEDED", message: str = "") -> End:
    return End("the-run", "p", state, message)


def test_a_promotion_names_both_versions_and_ends_the_record(
    config: Config,
    past: Retrainings,
    claimed: str,
    judged: Any,
    client: "MlflowClient",
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = config.registry.model_name
    before = make_version(client, config.registry)
    number = judged("promote", before)
    client.set_registered_model_alias(name, CHAMPION, number)
    with caplog.at_level("INFO", "rlr"):
        story = tell(config, end(), tmp_path / "out")
    assert story.outcome == "promoted"
    assert story.sentence == "promoted version 2 over 1: mean image_auroc decides: promote"
    assert story.facts["trigger"] == "first"
    assert f"Run the-run: succeeded, {story.sentence}, configuration tiny" in caplog.text
    result = read_result(tmp_path / "out", "report")
    assert result["facts"]["version"] == f"models:/{name}/2"
    assert "Promoted version 2 over 1" in (tmp_path / "out" / "report.html").read_text()
    known = past.get(claimed)
    assert known
    assert known.ended is not None
    assert known.tags["outcome"] == "promoted"
    assert 0 <= float(known.tags[GPU_HOURS_TAG]) < 0.1
    names = {file.path for file in client.list_artifacts(claimed)}
    assert names == {"story.json", "report.html"}


@pytest.mark.usefixtures("claimed")
def test_what_is_not_promoted_says_why(config: Config, judged: Any, tmp_path: Path) -> None:
    judged("inconclusive")
    story = tell(config, end(), tmp_path / "1")
    assert (story.outcome, story.sentence) == (
        "inconclusive", "version 1 is inconclusive: mean image_auroc decides: inconclusive",
    )  # fmt: skip
    judged("reject")
    assert tell(config, end(), tmp_path / "2").sentence.startswith("version 2 is rejected: ")
    judged("promote")
    assert "is not the champion" in tell(config, end(), tmp_path / "3").sentence


def test_a_failure_is_told_in_the_words_of_its_step(
    config: Config,
    past: Retrainings,
    claimed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failure = tmp_path / "failure.json"
    write_json(failure, {"step": "train", "exit_status": 1, "sentence": "The disk is full."})
    monkeypatch.setenv(FAILURE_FILE, str(failure))
    with caplog.at_level("INFO", "rlr"):
        story = tell(config, end("FAILED", "Task exit-handler-1 failed"), tmp_path / "out")
    assert (story.outcome, story.sentence) == ("failed", "failed: The disk is full")
    assert "Run the-run: failed, The disk is full, " in caplog.text
    known = past.get(claimed)
    assert known
    assert known.tags["outcome"] == "failed"
    assert known.ended is not None


def test_a_registry_that_is_away_costs_the_figures_not_the_message(
    config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = config.registry.model_copy(update={"tracking_uri": "http://127.0.0.1:9"})
    settings = config.model_copy(update={"registry": away})
    with caplog.at_level("INFO", "rlr"):
        story = tell(settings, end("FAILED", "A pod was evicted."), tmp_path / "out")
    assert story.sentence == "failed: A pod was evicted."
    assert "does not answer" in caplog.text
    assert "Run the-run: failed, A pod was evicted." in caplog.text
    assert (tmp_path / "out" / "report.html").is_file()
