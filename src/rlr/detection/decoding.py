"""Pictures of what the networks are given, of what they make of it, and of the reference.

The decoder lies in the artifact beside the weights; nothing that is scored has passed through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from rlr.detection.artifact import DECODER_FILE, read_attachment, read_spec
from rlr.detection.heatmap import overlay
from rlr.foundation.errors import UserError
from rlr.model.decoder import DecoderSizes, PictureDecoder

if TYPE_CHECKING:
    from rlr.detection.detector import Detector

SIZES = "sizes"  # width and number of doublings; all else is in the artifact's description


@dataclass(frozen=True)
class Pictures:
    """What a detector sees of one image, both (P, Q, 3), uint8 RGB.

    Attributes:
        features: What the decoder draws of the image's features. It was trained on normal images
            alone, so what it draws of a defect is a guess.
        reconstruction: What it draws of their reconstruction: how the part should look.
    """

    features: np.ndarray
    reconstruction: np.ndarray


def decoder_bytes(decoder: PictureDecoder) -> bytes:
    """Return the content of a decoder's file; the same weights have the same bytes."""
    state = {name: value.cpu().contiguous() for name, value in decoder.state_dict().items()}
    sizes = torch.tensor([decoder.sizes.width, decoder.sizes.doublings])
    content: bytes = save({SIZES: sizes, **state})
    return content


def read_decoder(folder: Path) -> PictureDecoder | None:
    """Read the decoder of an artifact; None: it has none.

    Raises:
        UserError: The folder is no artifact, or its decoder is missing or damaged.
    """
    content = read_attachment(folder, DECODER_FILE)
    if content is None:
        return None
    levels = read_spec(folder).network.levels
    try:
        state: dict[str, Tensor] = load(content)
        width, doublings = state.pop(SIZES).tolist()
        decoder = PictureDecoder(
            DecoderSizes(
                grids=tuple(level.grid for level in levels),
                channels=tuple(level.channels for level in levels),
                width=width,
                doublings=doublings,
            )
        )
        decoder.load_state_dict(state)
    except (SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{Path(folder) / DECODER_FILE} is no decoder of this model ({reason}); "
            "fetch the artifact again."
        ) from error
    return decoder.eval().requires_grad_(False)


@torch.inference_mode()
def draw_pictures(detector: "Detector", images: Sequence[np.ndarray]) -> list[Pictures]:
    """Draw what a detector sees of images, and what it makes of them.

    Args:
        detector: A detector with a decoder.
        images: Arrays (any height, any width, 3), uint8 RGB.

    Returns:
        Pictures of each image.
    """
    assert detector.decoder is not None  # asked before
    drawn: list[Pictures] = []
    for start in range(0, len(images), detector.batch_size):
        given, made = detector.reconstruct(images[start : start + detector.batch_size])
        pairs = zip(_draw(detector.decoder, given), _draw(detector.decoder, made), strict=True)
        drawn += [Pictures(features, reconstruction) for features, reconstruction in pairs]
    return drawn


@torch.inference_mode()
def draw_references(detector: "Detector") -> list[np.ndarray]:
    """Draw the learned references, which belong to no class: (P, Q, 3), uint8 RGB, each.

    Args:
        detector: A detector with a decoder.
    """
    assert detector.decoder is not None  # asked before
    return list(_draw(detector.decoder, detector.references()))


def draw_strip(
    detector: "Detector", image: np.ndarray, anomaly_map: np.ndarray, threshold: float
) -> np.ndarray:
    """Lay image, what is seen of it, what is expected, and the heat map side by side.

    Args:
        detector: A detector with a decoder.
        image: (H, W, 3), uint8 RGB.
        anomaly_map: Its smoothed map, of the input size, float32.
        threshold: The image's threshold.

    Returns:
        (H, 4 W, 3), uint8.
    """
    drawn = draw_pictures(detector, [image])[0]
    size = (image.shape[1], image.shape[0])
    middle = [
        np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
        for picture in (drawn.features, drawn.reconstruction)
    ]
    return np.hstack([image, *middle, overlay(image, anomaly_map, threshold)])


def _draw(decoder: PictureDecoder, tokens: Sequence[Tensor]) -> np.ndarray:
    """Return pictures (N, P, Q, 3), uint8."""
    values = decoder(tokens).movedim(1, -1) * 255.0
    pictures: np.ndarray = values.round().to(torch.uint8).cpu().numpy()
    return pictures
