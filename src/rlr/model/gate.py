"""How local cross attention and masked learnable key attention are summed."""

import torch
from torch import Tensor, nn

from rlr.model.sizes import LevelSizes


class ConstantGate(nn.Module):
    """alpha * LCA + MLKA, the published recipe."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, tokens: Tensor, lca: Tensor, mlka: Tensor) -> Tensor:
        """Sum the branches, each (N, L, D)."""
        return self.alpha * lca + mlka


class ScalarGate(nn.Module):
    """A learnable scalar a layer and branch, starting at (alpha, 1)."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([alpha, 1.0]))

    def forward(self, tokens: Tensor, lca: Tensor, mlka: Tensor) -> Tensor:
        """Sum the branches, each (N, L, D)."""
        return self.weight[0] * lca + self.weight[1] * mlka


class NetworkGate(nn.Module):
    """Softmax weights a sample, from the mean and the largest token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2 * width, width // 4)
        self.fc2 = nn.Linear(width // 4, 2)

    def forward(self, tokens: Tensor, lca: Tensor, mlka: Tensor) -> Tensor:
        """Sum the branches, each (N, L, D), with weights drawn from the tokens (N, L, D)."""
        summary = torch.cat([tokens.mean(dim=1), tokens.amax(dim=1)], dim=-1)  # (N, 2D)
        logits = self.fc2(nn.functional.gelu(self.fc1(summary)))
        weight = logits.softmax(dim=-1)[:, :, None, None]  # (N, 2, 1, 1)
        mixed: Tensor = weight[:, 0] * lca + weight[:, 1] * mlka
        return mixed


def build_gate(sizes: LevelSizes) -> nn.Module:
    """Return the gate that the sizes ask for."""
    if sizes.gate == "constant":
        return ConstantGate(sizes.alpha)
    if sizes.gate == "scalar":
        return ScalarGate(sizes.alpha)
    return NetworkGate(sizes.width)
