"""A decision with what the registry knows, and the claim that makes it one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rlr.config import Config
from rlr.foundation.errors import MachineError
from rlr.orchestration.retraining.decision import (
    WEEK,
    Circumstances,
    Decision,
    Drift,
    Past,
    decide,
)
from rlr.orchestration.retraining.news import News
from rlr.registry.retraining import GPU_HOURS_TAG, TRIGGER_TAG, Claim, Retrainings

REASON_TAG = "reason"
DECISION_TAG = "decision"
ATTEMPTS = 10  # each lost one means that another retraining has got a number meanwhile


@dataclass(frozen=True)
class Question:
    """What is to be decided.

    Attributes:
        settings: The configuration.
        news: What is new since the last training.
        forced: Whether somebody wants a training.
        drift: What the monitor has said; None: it was not asked.
    """

    settings: Config
    news: News
    forced: bool
    drift: Drift | None = None


def look_ahead(question: Question, past: Retrainings, now: datetime | None = None) -> Decision:
    """Decide by what is known now; nothing is claimed yet.

    Args:
        question: What is to be decided.
        past: What the registry knows.
        now: The time; None: that of the clock.
    """
    return _decide(question, past, past.claims(), now or datetime.now(UTC))


def settle(
    question: Question, past: Retrainings, run_id: str, now: datetime | None = None
) -> Decision:
    """Decide, and claim the training where there is to be one.

    Of several retrainings that decide at the same time one gets the claim; the others decide
    again, with that one in the past. A step that is tried again finds its claim.

    Args:
        question: What is to be decided; drift that was not asked for is none.
        past: What the registry knows.
        run_id: The retraining's run.
        now: The time; None: that of the clock.

    Raises:
        MachineError: The server failed, or never lets a claim be made.
    """
    for _ in range(ATTEMPTS):
        claims = past.claims()
        if any(claim.run_id == run_id for claim in claims):
            return _claimed(past, run_id)
        decision = _decide(question, past, claims, now or datetime.now(UTC))
        if decision.action != "train":
            past.tell(run_id, {DECISION_TAG: "stop", REASON_TAG: decision.reason})
            return Decision("stop", decision.trigger, decision.reason)
        tags = {REASON_TAG: decision.reason, TRIGGER_TAG: decision.trigger}
        past.tell(run_id, {DECISION_TAG: decision.action, **tags})
        if past.claim(claims[-1].number + 1 if claims else 1, run_id):
            return decision
    raise MachineError(
        f"No training could be claimed in {ATTEMPTS} tries, for other retrainings were faster each "
        "time; let fewer of them run at once."
    )


def gpu_hours(began: datetime, ended: datetime, settings: Config) -> float:
    """Return the hours of accelerators of a training, by what a heavy step has of them.

    Time beyond the longest life of a step is not counted: a run that never ended is dead by then.
    """
    longest = timedelta(seconds=settings.pipeline.timeout_seconds)
    took = min(max(ended - began, timedelta()), longest)
    return took.total_seconds() / 3600.0 * settings.pipeline.accelerator_count


def _claimed(past: Retrainings, run_id: str) -> Decision:
    known = past.get(run_id)
    tags = known.tags if known else {}
    return Decision("train", tags.get(TRIGGER_TAG, ""), tags.get(REASON_TAG, "It was decided."))


def _decide(question: Question, past: Retrainings, claims: list[Claim], now: datetime) -> Decision:
    settings = question.settings
    week = [claim for claim in claims if claim.began > now - WEEK]
    hours = 0.0
    if settings.retraining.gpu_hours_per_week is not None:
        hours = sum(_hours(claim, past, settings, now) for claim in week)
    facts = Circumstances(
        news=question.news,
        past=Past(claims[-1].began if claims else None, [one.began for one in week], hours),
        champion=past.champion(),
        counts_unjudged=settings.data.assume_normal,
        forced=question.forced,
        drift=question.drift,
        now=now,
    )
    return decide(facts, settings.retraining)


def _hours(claim: Claim, past: Retrainings, settings: Config, now: datetime) -> float:
    """Return what a training has told of itself, else what it may have taken by now."""
    known = past.get(claim.run_id)
    if known and GPU_HOURS_TAG in known.tags:
        return float(known.tags[GPU_HOURS_TAG])
    return gpu_hours(claim.began, (known and known.ended) or now, settings)
