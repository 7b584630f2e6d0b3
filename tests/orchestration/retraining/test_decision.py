"""When a retraining trains: the rules, and their figures in one sentence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rlr.config.retraining import RetrainingConfig
from rlr.orchestration.retraining.decision import Circumstances, Decision, Drift, Past, decide
from rlr.orchestration.retraining.news import News

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
FEW, ENOUGH = News(judged=12, known=100), News(judged=50, known=100)


def ask(news: News = FEW, settings: dict[str, Any] | None = None, **facts: Any) -> Decision:
    """Decide at noon, with a champion and nothing else to be known."""
    known: dict[str, Any] = {
        "past": Past(),
        "champion": "models:/rlr/1",
        "counts_unjudged": False,
        "forced": False,
        "drift": None,
        "now": NOW,
    }
    return decide(Circumstances(news=news, **known | facts), RetrainingConfig(**settings or {}))


def hours_ago(*hours: float) -> list[datetime]:
    return [NOW - timedelta(hours=each) for each in hours]


def test_enough_new_images_train() -> None:
    made = ask(ENOUGH)
    assert (made.action, made.trigger) == ("train", "new images")
    assert made.reason == "50 new judged images, 50 are needed."


def test_nothing_new_stops_and_asks_for_no_drift() -> None:
    assert ask(News(known=100)) == Decision("stop", "", "Nothing is new since the last training.")


def test_too_few_are_asked_for_drift_unless_nobody_wants_to_know() -> None:
    assert ask().action == "watch"
    assert ask(settings={"drift": False}) == Decision(
        "stop", "", "12 new judged images, 50 are needed."
    )


@pytest.mark.parametrize(("found", "action"), [(True, "train"), (False, "stop")])
def test_drift_decides_about_too_few(found: bool, action: str) -> None:
    made = ask(drift=Drift(found, "Drift in 0 of 3 windows."))
    assert made.action == action
    assert made.reason == "12 new judged images, 50 are needed; drift in 0 of 3 windows."


def test_without_a_champion_a_first_training_is_due() -> None:
    assert ask(champion=None).trigger == "first"


def test_unjudged_images_count_where_they_would_be_trained_on() -> None:
    news = News(judged=1, unjudged=80, known=100)
    assert "80 new ones that nobody has judged do not count" in ask(news).reason
    assert ask(news).action == "watch"
    assert ask(news, counts_unjudged=True).action == "train"
    least = {"min_new_unjudged": 81}
    assert ask(news, least, counts_unjudged=True).action == "watch"


def test_new_images_may_have_to_be_a_share_of_the_old() -> None:
    news = News(judged=60, known=1000)
    assert ask(news, {"min_new_share": 0.06}).action == "train"
    made = ask(news, {"min_new_share": 0.061})
    assert made.action == "watch"
    assert "6.0% of those known before, 6.1% are needed" in made.reason


def test_a_cool_down_holds_what_is_not_forced() -> None:
    past = Past(*hours_ago(23.5))
    made = ask(ENOUGH, past=past)
    assert made.action == "stop"
    assert made.reason.endswith("; cool-down until 2026-03-10 12:30 UTC.")
    assert ask(ENOUGH, past=Past(*hours_ago(24))).action == "train"
    assert ask(past=past).action == "stop"  # and no drift is asked for in vain
    assert ask(past=past, champion=None).action == "stop"
    assert ask(past=past, forced=True) == Decision(
        "train", "forced", "Forced; 12 new judged images, 50 are needed."
    )


def test_a_budget_of_runs_holds_everything() -> None:
    week = hours_ago(150, 100, 50)
    past = Past(week[-1], week)
    for forced in (False, True):
        made = ask(ENOUGH, {"runs_per_week": 3}, past=past, forced=forced)
        assert made.action == "stop"
        assert "3 trainings in seven days is spent until 2026-03-11 06:00 UTC" in made.reason
    assert ask(ENOUGH, {"runs_per_week": 4}, past=past).action == "train"
    assert ask(ENOUGH, {"runs_per_week": None}, past=past).action == "train"


def test_a_smaller_budget_than_what_was_spent_names_when_it_is_free() -> None:
    week = hours_ago(150, 100, 50)
    made = ask(ENOUGH, {"runs_per_week": 1}, past=Past(week[-1], week))
    assert f"until {week[-1] + timedelta(days=7):%Y-%m-%d %H:%M} UTC" in made.reason


def test_a_budget_of_gpu_hours_holds_everything() -> None:
    past = Past(*hours_ago(100), gpu_hours=8.0)
    made = ask(ENOUGH, {"gpu_hours_per_week": 8.0}, past=past, forced=True)
    assert made.action == "stop"
    assert "8 GPU hours in seven days is spent (8.0" in made.reason
    assert ask(ENOUGH, {"gpu_hours_per_week": 8.1}, past=past).action == "train"
