"""The training loss, and the score of a token."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def token_score(reconstruction: Tensor, features: Tensor) -> Tensor:
    """Return how badly each token was reconstructed.

    Args:
        reconstruction: (N, L, C).
        features: (N, L, C), without jitter.

    Returns:
        (N, L): mean squared error over the channels, plus 1 - cosine similarity.
    """
    squared = (reconstruction - features).square().mean(dim=-1)
    return squared + 1.0 - F.cosine_similarity(reconstruction, features, dim=-1)


def reconstruction_loss(reconstruction: Tensor, features: Tensor) -> Tensor:
    """Return the loss of one level: the mean of its token scores.

    The mean over tokens of the mean over channels is the mean squared error over all elements.

    Args:
        reconstruction: (N, L, C).
        features: The clean target (N, L, C).

    Returns:
        Scalar.
    """
    return token_score(reconstruction, features).mean()


def reference_similarity(references: Tensor) -> Tensor:
    """Return the mean cosine similarity over all pairs of references, the penalty of several.

    Args:
        references: (M, L, C).

    Returns:
        Scalar; zero for a single reference.
    """
    count = references.shape[0]
    if count == 1:
        return references.new_zeros(())
    unit = F.normalize(references.flatten(1), dim=-1)  # (M, L * C)
    first, second = torch.triu_indices(count, count, offset=1, device=references.device)
    return (unit[first] * unit[second]).sum(dim=-1).mean()
