"""Stages of a backbone that nobody asks for."""

from torch import Tensor, nn


class Skipped(nn.Sequential):
    """A stage that keeps its weights, and their names, but computes nothing."""

    def forward(self, features: Tensor) -> Tensor:
        """Return what is given."""
        return features


def skip_stages(network: nn.Module) -> None:
    """Leave out the stages behind the last one used, where timm does not.

    Most networks are cut when timm builds their pyramid. EfficientNets are not.

    Args:
        network: timm's feature extractor; changed in place, its weights keep their names.
    """
    stages, used = getattr(network, "blocks", None), getattr(network, "_stage_out_idx", None)
    if not isinstance(stages, nn.Sequential) or not isinstance(used, dict):
        return
    for place in range(max(used), len(stages)):  # stage n is blocks[n - 1]
        stages[place] = Skipped(*stages[place].children())
