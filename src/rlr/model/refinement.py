"""A reference that is refined from layer to layer."""

from torch import Tensor, nn

from rlr.model.layer import FeedForward


class Refinement(nn.Module):
    """R' = R + ffn(norm(R)): the reference that the next layer reads.

    It starts as the identity, so that training starts from one reference for all layers. Since
    nothing of it depends on the image, it is computed once a batch.

    Args:
        width: Model width D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.ffn = FeedForward(width, ratio=1)
        nn.init.zeros_(self.ffn.fc2.weight)
        nn.init.zeros_(self.ffn.fc2.bias)

    def forward(self, references: Tensor) -> Tensor:
        """Refine the embedded references (M, L, D)."""
        refined: Tensor = references + self.ffn(self.norm(references))
        return refined
