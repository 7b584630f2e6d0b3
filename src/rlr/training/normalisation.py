"""Channel normalisation: fitted on the training images, and laid over a feature store."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from rlr.features.normalisation import ChannelMoments, ChannelNormalisation
from rlr.foundation.progress import track
from rlr.training.store import FeatureStore, at_epoch, stream
from rlr.training.team import Team


class NormalisedStore:
    """A store whose tokens are normalised at every use."""

    def __init__(self, store: FeatureStore, normalisation: ChannelNormalisation) -> None:
        self._store = store
        self._normalisation = normalisation

    def tokens(self, places: Sequence[int]) -> list[Tensor]:
        """Return one tensor (N, L, C) a level."""
        return self._normalisation.apply(self._store.tokens(places))

    def stream(self, batches: Sequence[Sequence[int]]) -> Iterator[list[Tensor]]:
        """Yield the tokens of each batch in turn."""
        for tokens in stream(self._store, batches):
            yield self._normalisation.apply(tokens) if tokens else tokens

    def at(self, epoch: int) -> FeatureStore:
        """Return the store of an epoch."""
        return NormalisedStore(at_epoch(self._store, epoch), self._normalisation)


def fit_normalisation(
    store: FeatureStore,
    count: int,
    channels: Sequence[int],
    batch_size: int,
    team: Team,
    device: torch.device,
) -> ChannelNormalisation:
    """Take mean and spread of each channel over all tokens of all training images.

    One pass in batches, whose sums the team adds up: all its processes have the same statistics.

    Args:
        store: Features of the training images.
        count: Number of training images.
        channels: Channels C of each level.
        batch_size: Images a batch.
        team: The processes that train together.
        device: Where the tokens are.
    """
    moments = ChannelMoments(channels, device)
    for start in track(team.share(range(0, count, batch_size)), "channel statistics"):
        moments.add(store.tokens(range(start, min(start + batch_size, count))))
    moments.sums = [team.total(sums) for sums in moments.sums]
    return moments.normalisation()


def normalised(store: FeatureStore, normalisation: ChannelNormalisation | None) -> FeatureStore:
    """Return the store, with its tokens normalised where there is a normalisation."""
    return NormalisedStore(store, normalisation) if normalisation else store
