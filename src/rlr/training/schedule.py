"""Learning rate and momentum of a step: they follow from its number, so nothing is saved of them.

Sources: "SGDR: Stochastic Gradient Descent with Warm Restarts" (arXiv 1608.03983) for the cosine;
"Super-Convergence" (arXiv 1708.07120) for one cycle of rate and momentum.
"""

import math

import torch

from rlr.config.training import ScheduleConfig, TrainingConfig


def rate_share(step: int, steps: int, schedule: ScheduleConfig) -> float:
    """Return the learning rate of a step as a share of the peak.

    Args:
        step: Number of the step, from 0.
        steps: Steps of the whole training.
        schedule: Form, warm-up, final share.

    Example:
        >>> cosine = ScheduleConfig(kind="cosine", warmup=0.2, final=0.1)
        >>> [round(rate_share(step, 11, cosine), 3) for step in (0, 1, 2, 6, 10)]
        [0.333, 0.667, 1.0, 0.55, 0.1]
    """
    rising = _rising_steps(steps, schedule)
    if step < rising:
        risen = (step + 1) / (rising + 1)
        return _half_cosine(risen) if schedule.kind == "one_cycle" else risen
    if schedule.kind == "constant":
        return 1.0
    fallen = (step - rising) / max(1, steps - 1 - rising)
    return 1.0 - (1.0 - schedule.final) * _half_cosine(fallen)


def first_beta(step: int, steps: int, training: TrainingConfig) -> float:
    """Return the decay of the first moment at a step: one_cycle moves it against the rate.

    Args:
        step: Number of the step, from 0.
        steps: Steps of the whole training.
        training: Betas and schedule.
    """
    rest, schedule = training.optimizer.betas[0], training.schedule
    if schedule.kind != "one_cycle":
        return rest
    rising = _rising_steps(steps, schedule)
    away = rising - step if step < rising else step - rising
    reach = rising + 1 if step < rising else max(1, steps - 1 - rising)
    return schedule.peak_beta + (rest - schedule.peak_beta) * _half_cosine(away / reach)


def set_step(
    optimizer: torch.optim.Optimizer, step: int, steps: int, training: TrainingConfig
) -> None:
    """Set what the optimiser uses in the coming step."""
    rate = training.optimizer.learning_rate * rate_share(step, steps, training.schedule)
    betas = (first_beta(step, steps, training), training.optimizer.betas[1])
    for group in optimizer.param_groups:
        group["lr"] = rate
        group["betas"] = betas


def grown(step: int, steps: int, share: float) -> float:
    """Return how far something has grown that grows linearly over a share of the steps: 0 to 1."""
    growing = share * steps
    return 1.0 if step >= growing else step / growing


def _rising_steps(steps: int, schedule: ScheduleConfig) -> int:
    """Steps before the one that has the peak rate."""
    return min(round(schedule.warmup * steps), steps - 1)


def _half_cosine(share: float) -> float:
    """Rise from 0 to 1 along half a cosine."""
    return (1.0 - math.cos(math.pi * share)) / 2.0
