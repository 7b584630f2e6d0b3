"""The decoder's own training, after everything that is scored is done.

Its weights and its order come from addresses of their own, and nothing is drawn from a shared
generator: whether a decoder is trained changes no other byte of the artifact. It has no
checkpoints: after a kill it is trained again, to the same weights.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rlr.config import Config
from rlr.config.decoder import DecoderConfig
from rlr.detection.canary import choose_spread
from rlr.detection.decoding import decoder_bytes
from rlr.detection.spec import NetworkSpec
from rlr.features.loading import read_inputs
from rlr.features.normalisation import ChannelMoments
from rlr.foundation.progress import track
from rlr.model.decoder import DecoderSizes, PictureDecoder, count_doublings, picture_loss
from rlr.training.normal_scores import take
from rlr.training.seeding import derive_seed, generator
from rlr.training.store import FeatureStore, ImageSet

LEAST_SCALE = 1e-6  # of a channel that never varies


def make_decoder(
    config: Config, network: NetworkSpec, images: ImageSet, store: FeatureStore
) -> bytes | None:
    """Train a decoder from the features of normal images to the images.

    Args:
        config: Section `decoder`, and how images are read.
        network: Levels, and their grids and channels.
        images: The training images.
        store: Their features.

    Returns:
        Content of the decoder's file; None where none is wanted.
    """
    settings = config.decoder
    if not settings.enabled:
        return None
    places = choose_spread(images.classes, images.hashes, settings.images)
    decoder = _new_decoder(config, network)
    with torch.random.fork_rng(devices=[]):
        pictures = read_pictures(config, take(images, places), decoder.sizes.picture)
        train_decoder(decoder, config, places, store, pictures)
    return decoder_bytes(decoder)


def read_pictures(config: Config, images: ImageSet, size: tuple[int, int]) -> Tensor:
    """Read images as the model does, and make them as small as the decoder's pictures.

    Returns:
        (N, 3, P, Q), uint8.
    """
    batches = read_inputs(images.paths, config.features)
    small = [_shrink(image, size) for image in chain.from_iterable(batches)]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).contiguous()


def train_decoder(
    decoder: PictureDecoder,
    config: Config,
    places: Sequence[int],
    store: FeatureStore,
    pictures: Tensor,
) -> float:
    """Train a decoder in place.

    Args:
        decoder: The decoder, untrained, on the CPU.
        config: Section `decoder`, and the seed.
        places: Places of the images in the store.
        store: Their features.
        pictures: What is to be drawn of them (N, 3, P, Q), uint8.

    Returns:
        Mean loss over the last pass.
    """
    settings = config.decoder
    device = store.tokens([places[0]])[0].device
    decoder.to(device).train()
    decoder.standardise(*_statistics(decoder, places, store, config.features.batch_size))
    optimizer, schedule = _optimiser(decoder, settings)
    losses = []
    batches = _batches(config, len(places))
    for _ in track(range(settings.steps), "decoder for the report"):
        batch = next(batches)
        target = pictures[batch].to(device).float() / 255.0
        drawn = decoder(store.tokens([places[place] for place in batch]))
        loss = picture_loss(drawn, target, settings.edge_weight)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    decoder.eval()
    return float(np.mean(losses[-max(1, len(places) // settings.batch_size) :]))


def _new_decoder(config: Config, network: NetworkSpec) -> PictureDecoder:
    settings, preprocessing = config.decoder, config.features.preprocessing
    grids = tuple(level.grid for level in network.levels)
    longest = min(settings.size, max(preprocessing.height, preprocessing.width))
    sizes = DecoderSizes(
        grids=grids,
        channels=tuple(level.channels for level in network.levels),
        width=settings.width,
        doublings=count_doublings(grids, longest),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(config.seed, "decoder"))
        return PictureDecoder(sizes)


def _statistics(
    decoder: PictureDecoder, places: Sequence[int], store: FeatureStore, size: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Return mean and standard deviation (C,) of each level's channels."""
    moments = ChannelMoments(decoder.sizes.channels, next(decoder.parameters()).device)
    for start in range(0, len(places), size):
        moments.add(store.tokens(places[start : start + size]))
    means, spreads = zip(*moments.spreads(), strict=True)
    return list(means), [spread.clamp_min(LEAST_SCALE) for spread in spreads]


def _optimiser(
    decoder: PictureDecoder, settings: DecoderConfig
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    learned = [parameter for parameter in decoder.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(learned, lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.steps + 1
    )
    return optimizer, schedule


def _batches(config: Config, count: int) -> Iterator[list[int]]:
    """Yield batches without end, each pass in an order of its own."""
    turn = 0
    while True:
        order = torch.randperm(count, generator=generator(config.seed, "decoder order", turn))
        yield from (part.tolist() for part in order.split(config.decoder.batch_size))
        turn += 1


def _shrink(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BOX))
