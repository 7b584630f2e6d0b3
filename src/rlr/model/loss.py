"""The training loss, and the score of a token."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def token_score(
    reconstruction: Tensor, features: Tensor, squared: float = 1.0, cosine: float = 1.0
) -> Tensor:
    """Return how badly each token was reconstructed.

    Args:
        reconstruction: (N, L, C).
        features: (N, L, C), without jitter.
        squared: Weight of the squared error.
        cosine: Weight of 1 - cosine similarity.

    Returns:
        (N, L): mean squared error over the channels, plus 1 - cosine similarity, weighted.
    """
    error = (reconstruction - features).square().mean(dim=-1)
    similarity = F.cosine_similarity(reconstruction, features, dim=-1)
    return squared * error + cosine - cosine * similarity


def reconstruction_loss(
    reconstruction: Tensor,
    features: Tensor,
    squared: float = 1.0,
    cosine: float = 1.0,
    easy: tuple[float, float] = (0.0, 1.0),
) -> Tensor:
    """Return the loss of one level: the mean of its token scores.

    The mean over tokens of the mean over channels is the mean squared error over all elements.

    Args:
        reconstruction: (N, L, C).
        features: The clean target (N, L, C).
        squared: Weight of the squared error.
        cosine: Weight of 1 - cosine similarity.
        easy: Share of an image's tokens that counts as easily reconstructed, and the factor of
            their gradients; the loss itself is the same.

    Returns:
        Scalar.
    """
    score = token_score(reconstruction, features, squared, cosine)
    return loosen(score, *easy).mean()


def loosen(score: Tensor, share: float, factor: float) -> Tensor:
    """Scale the gradient of the best reconstructed tokens of each image; no value changes.

    A network that is pulled to reconstruct ever better what it reconstructs well anyway learns
    to reconstruct anything. The share is one of each image, not of the batch, so that it
    depends neither on the batch nor on the process that an image falls into.

    Args:
        score: Token scores (N, L).
        share: Share of an image's tokens.
        factor: Of their gradients.

    Returns:
        (N, L).

    Source: the loose loss of "Dinomaly: The Less Is More Philosophy in Multi-Class Unsupervised
    Anomaly Detection" (arXiv 2405.14325), which shares out the tokens of a batch.
    """
    count = int(share * score.shape[1])
    if count == 0 or factor == 1.0:
        return score
    limit = score.detach().kthvalue(count, dim=1, keepdim=True).values  # (N, 1)
    scaled = factor * score + (1.0 - factor) * score.detach()
    return torch.where(score.detach() <= limit, scaled, score)


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
