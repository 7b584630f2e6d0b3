"""The RLR network: features reconstructed from a learnable reference. Nothing but torch.

Letters in the shape comments of this room:
N batch, L tokens (grid height * width), C feature channels, D model width, H heads, M references,
B tokens of the bank.
"""

from rlr.model.loss import reconstruction_loss, reference_similarity, token_score
from rlr.model.reconstruction import LevelNetwork
from rlr.model.sizes import LevelSizes
from rlr.model.window import published_window

__all__ = [
    "LevelNetwork",
    "LevelSizes",
    "published_window",
    "reconstruction_loss",
    "reference_similarity",
    "token_score",
]
