"""Decisions on a real registry: claims, cool-down, budgets, and two that decide at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.versions import make_version

from rlr.config import Config, load_config
from rlr.config.registry import RegistryConfig
from rlr.orchestration.retraining.deciding import Question, look_ahead, settle
from rlr.orchestration.retraining.news import News
from rlr.registry.names import CHAMPION, PIPELINE_RUN_TAG
from rlr.registry.retraining import GPU_HOURS_TAG, Retrainings

if TYPE_CHECKING:
    from mlflow import MlflowClient

DAY = timedelta(days=1)
VERSION = "a" * 32 + ".dir"


@pytest.fixture
def ask(settings: RegistryConfig) -> Any:
    """Return a function that makes a question: `ask(judged=12, forced=True, runs_per_week=2)`."""

    def make(judged: int = 50, forced: bool = False, **limits: Any) -> Question:
        config: Config = load_config("tiny", [f"retraining.{k}={v}" for k, v in limits.items()])
        return Question(
            config.model_copy(update={"registry": settings}), News(judged, 0, 100), forced
        )

    return make


def begin(past: Retrainings, name: str, **tags: str) -> str:
    return past.begin(name, {"data_version": VERSION, **tags})


def test_a_claim_cools_down_and_a_look_ahead_claims_nothing(past: Retrainings, ask: Any) -> None:
    run = begin(past, "one")
    assert look_ahead(ask(), past).action == "train"
    assert past.claims() == []
    assert settle(ask(), past, run).action == "train"
    (claim,) = past.claims()
    assert (claim.number, claim.run_id) == (1, run)
    assert abs(datetime.now(UTC) - claim.began) < timedelta(minutes=1)
    later = begin(past, "two")
    assert "cool-down until" in settle(ask(), past, later).reason
    assert settle(ask(), past, later, claim.began + DAY).action == "train"
    assert [each.number for each in past.claims()] == [1, 2]
    told = past.get(later)
    assert told
    assert told.tags["decision"] == "train"


def test_a_step_that_is_tried_again_finds_its_claim(past: Retrainings, ask: Any) -> None:
    run = begin(past, "again")
    first = settle(ask(), past, run)
    assert begin(past, "again") == run
    assert settle(ask(), past, run) == first
    assert len(past.claims()) == 1


def test_of_two_that_decide_at_once_one_trains(
    past: Retrainings, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    barrier, claim = Barrier(2), past.claim

    def claim_together(number: int, run_id: str) -> bool:
        if number == 1:
            barrier.wait(30)  # both have counted no claim before either makes one
        return claim(number, run_id)

    monkeypatch.setattr(past, "claim", claim_together)
    runs = [begin(past, name) for name in ("left", "right")]
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda run: settle(ask(), past, run), runs))
    assert sorted(each.action for each in made) == ["stop", "train"]
    (kept,) = past.claims()
    assert kept.run_id == runs[[each.action for each in made].index("train")]
    (loser,) = [each for each in made if each.action == "stop"]
    assert "cool-down until" in loser.reason


def test_a_week_has_so_many_runs(past: Retrainings, ask: Any) -> None:
    limits = {"runs_per_week": 1, "cooldown_hours": 0}
    settle(ask(**limits), past, begin(past, "one"))
    now = past.claims()[0].began
    forced = ask(forced=True, **limits)
    assert "budget of 1 trainings" in look_ahead(forced, past, now + 6.9 * DAY).reason
    assert look_ahead(forced, past, now + 7 * DAY).action == "train"


def test_gpu_hours_are_what_was_told_else_what_may_have_passed(past: Retrainings, ask: Any) -> None:
    limits = {"gpu_hours_per_week": 3.0, "cooldown_hours": 0}
    run = begin(past, "one")
    settle(ask(**limits), past, run)
    began = past.claims()[0].began
    hour = timedelta(hours=1)
    # One accelerator, and it never ended: the clock counts, up to the longest life of a step.
    assert look_ahead(ask(**limits), past, began + 2 * hour).action == "train"
    assert "(3.0; " in look_ahead(ask(**limits), past, began + 3 * hour).reason
    assert "(24.0; " in look_ahead(ask(**limits), past, began + 48 * hour).reason
    past.tell(run, {GPU_HOURS_TAG: "1.25"})
    assert look_ahead(ask(**limits), past, began + 48 * hour).action == "train"


def test_the_registry_tells_data_versions_champion_and_what_a_run_has_made(
    past: Retrainings, client: "MlflowClient", settings: RegistryConfig
) -> None:
    assert (past.last_imported(), past.last_trained(), past.champion()) == (None, None, None)
    begin(past, "one")
    number = make_version(
        client, settings, data_version="b" * 32 + ".dir", **{PIPELINE_RUN_TAG: "one"}
    )
    client.set_registered_model_alias(settings.model_name, CHAMPION, number)
    imported, trained = past.last_imported(), past.last_trained()
    assert imported
    assert imported.data_version == VERSION
    assert trained
    assert trained.data_version == "b" * 32 + ".dir"
    assert trained.seen >= imported.seen
    assert past.champion() == f"models:/{settings.model_name}/1"
    made = past.made_by("one")
    assert made
    assert str(made.version) == number
    assert past.made_by("two") is None
    assert past.made_by("") is None


def test_claims_of_a_model_with_a_like_name_are_its_own(
    past: Retrainings, client: "MlflowClient", settings: RegistryConfig
) -> None:
    other = settings.model_copy(update={"model_name": settings.model_name.replace("_", "x")})
    Retrainings(client, other).claim(1, "r")
    assert past.claims() == []
    assert past.claim(1, "r")
    assert not past.claim(1, "s")
