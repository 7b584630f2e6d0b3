"""When a training ends before its last epoch."""

from collections.abc import Sequence

from rlr.config.training import StoppingConfig
from rlr.training.checkpoint import EpochRecord


def should_stop(history: Sequence[EpochRecord], stopping: StoppingConfig) -> bool:
    """Return whether the validation loss has not improved for as long as patience lasts.

    Args:
        history: The epochs so far.
        stopping: Patience and least improvement.
    """
    losses = [r.validation_loss for r in history if r.validation_loss is not None]
    if not stopping.enabled or len(losses) <= stopping.patience:
        return False
    best_before = min(losses[: -stopping.patience])
    best_since = min(losses[-stopping.patience :])
    return best_since > best_before * (1.0 - stopping.min_improvement)
