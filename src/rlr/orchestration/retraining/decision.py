"""Whether to train again: the rules, apart from everything that has to be asked for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from rlr.config.retraining import RetrainingConfig
from rlr.orchestration.retraining.news import News

WEEK = timedelta(days=7)

Action = Literal["train", "watch", "stop"]


@dataclass(frozen=True)
class Drift:
    """What the monitor has said of the new images.

    Attributes:
        found: Whether they have drifted.
        reason: One sentence.
    """

    found: bool
    reason: str


@dataclass(frozen=True)
class Past:
    """The trainings that retrainings have started.

    Attributes:
        last: When the last began; None: there was none.
        week: When those of the last seven days began, the oldest first.
        gpu_hours: Hours of accelerators that these took.
    """

    last: datetime | None = None
    week: Sequence[datetime] = ()
    gpu_hours: float = 0.0


@dataclass(frozen=True)
class Circumstances:
    """What a decision goes by.

    Attributes:
        news: What is new since the last training.
        past: The trainings before.
        champion: Address of the champion; None: there is none.
        counts_unjudged: Whether a training would take images that nobody has judged.
        forced: Whether somebody wants it.
        drift: What the monitor has said; None: it was not asked.
        now: The time.
    """

    news: News
    past: Past
    champion: str | None
    counts_unjudged: bool
    forced: bool
    drift: Drift | None
    now: datetime


@dataclass(frozen=True)
class Decision:
    """What is to be done.

    Attributes:
        action: "train"; "stop"; or "watch": it depends on the drift of the new images.
        trigger: "forced", "first", "new images" or "drift"; "" where nothing asks for it.
        reason: One sentence, with the figures.
    """

    action: Action
    trigger: str
    reason: str


def decide(facts: Circumstances, settings: RetrainingConfig) -> Decision:
    """Decide whether to train.

    What asks for a training comes first, then what forbids it: a budget forbids everything, a
    cool-down everything that is not forced. The drift of new images costs most to find out, so it
    is asked last, and only where nothing forbids a training anyway.

    Args:
        facts: What the decision goes by.
        settings: The rules' figures.

    Example:
        >>> from datetime import UTC
        >>> facts = Circumstances(News(), Past(), "models:/rlr/1", False, False, None,
        ...                       datetime(2026, 1, 1, tzinfo=UTC))
        >>> decide(facts, RetrainingConfig()).reason
        'Nothing is new since the last training.'
    """
    trigger, wish = _wish(facts, settings)
    obstacle = _obstacle(facts, settings, trigger == "forced")
    if obstacle:
        return Decision("stop", trigger, f"{wish}; {obstacle}.")
    if trigger:
        return Decision("train", trigger, f"{wish}.")
    if settings.drift and facts.drift is None and not facts.news.is_empty:
        return Decision("watch", "", f"{wish}; their drift decides.")
    return Decision("stop", "", f"{wish}.")


def _wish(facts: Circumstances, settings: RetrainingConfig) -> tuple[str, str]:
    """Return what asks for a training, or "", and what is to be said of it."""
    counted = _counted(facts, settings)
    if facts.forced:
        return "forced", f"Forced; {counted[0].lower()}{counted[1:]}"
    if facts.champion is None:
        return "first", "There is no champion yet, so a first training is due"
    if _suffice(facts, settings):
        return "new images", counted
    drift = facts.drift
    if drift is None:
        return "", counted
    words = f"{counted}; {_clause(drift.reason)}"
    return ("drift" if drift.found else ""), words


def _counted(facts: Circumstances, settings: RetrainingConfig) -> str:
    news = facts.news
    if news.is_empty:
        return "Nothing is new since the last training"
    words = [f"{news.judged} new judged images, {settings.min_new_images} are needed"]
    if facts.counts_unjudged:
        words.append(f"{news.unjudged} new unjudged ones, {_least_unjudged(settings)} are needed")
    elif news.unjudged:
        words.append(f"{news.unjudged} new ones that nobody has judged do not count")
    if settings.min_new_share:
        share = _share(facts)
        words.append(f"{share:.1%} of those known before, {settings.min_new_share:.1%} are needed")
    return ", ".join(words)


def _suffice(facts: Circumstances, settings: RetrainingConfig) -> bool:
    news = facts.news
    unjudged = facts.counts_unjudged and news.unjudged >= _least_unjudged(settings)
    enough = news.judged >= settings.min_new_images or unjudged
    return enough and _share(facts) >= settings.min_new_share


def _least_unjudged(settings: RetrainingConfig) -> int:
    return settings.min_new_unjudged or settings.min_new_images


def _share(facts: Circumstances) -> float:
    news = facts.news
    counting = news.judged + (news.unjudged if facts.counts_unjudged else 0)
    return counting / news.known if news.known else float(counting > 0)


def _obstacle(facts: Circumstances, settings: RetrainingConfig, forced: bool) -> str:
    """Return what forbids a training, or ""."""
    past = facts.past
    runs, hours = settings.runs_per_week, settings.gpu_hours_per_week
    if runs is not None and len(past.week) >= runs:
        free = past.week[len(past.week) - runs] + WEEK
        return (
            f"the budget of {runs} trainings in seven days is spent until {_time(free)} "
            "(retraining.runs_per_week)"
        )
    if hours is not None and past.gpu_hours >= hours:
        return (
            f"the budget of {hours:g} GPU hours in seven days is spent ({past.gpu_hours:.1f}; "
            "retraining.gpu_hours_per_week)"
        )
    if past.last is None or forced:
        return ""
    until = past.last + timedelta(hours=settings.cooldown_hours)
    return f"cool-down until {_time(until)}" if facts.now < until else ""


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _clause(sentence: str) -> str:
    """Return a sentence as a part of another."""
    words = sentence.strip().rstrip(".")
    return words[:1].lower() + words[1:] if words[1:2].islower() else words
