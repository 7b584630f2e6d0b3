"""The plain nearest-neighbour detector that `backbones.py` measures features with."""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F  # noqa: N812

from rlr.data.images import read_rgb
from rlr.evaluation.metrics import image_metrics, pixel_metrics
from rlr.features import FeatureExtractor, fit_to_input
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError

WHITE = 65535
SIGMA = 4.0


def measure_class(
    folder: Path, extractor: FeatureExtractor, options: argparse.Namespace
) -> dict[str, float]:
    """Fill a bank from a class's training images and measure its test images.

    Args:
        folder: The class, in MVTec layout.
        extractor: Backbone with two levels, strides 8 and 16.
        options: `limit`, `size`, `bank` and `seed`.

    Returns:
        Image and pixel AUROC.

    Raises:
        UserError: The class has no two kinds of test images, or no masks.
    """
    bank = _bank(_chosen((folder / "train/good").iterdir(), options.limit), extractor, options)
    good = _chosen((folder / "test/good").iterdir(), options.limit)
    kinds = [path for path in (folder / "test").glob("*/*") if path.parent.name != "good"]
    maps, masks, scores, labels = [], [], [], []
    for path in [*good, *_chosen(kinds, options.limit)]:
        heat = _heat(path, bank, extractor, options.size)
        bad = path.parent.name != "good"
        maps.append(heat)
        masks.append(_mask(folder, path, options.size) if bad else np.zeros(heat.shape, bool))
        scores.append(float(heat.max()))
        labels.append(int(bad))
    image = image_metrics(np.array(labels), np.array(scores))["image_auroc"]
    pixel = pixel_metrics(np.stack(masks), np.stack(maps))["pixel_auroc"]
    if image is None or pixel is None:
        raise UserError(f"{folder}: its test images must be normal and defective, with masks.")
    return {"image_auroc": image, "pixel_auroc": pixel}


def _chosen(paths: object, limit: int) -> list[Path]:
    """Take as many files as asked for, by their content: the same ones on every machine."""
    return sorted(paths, key=file_sha256)[:limit]  # type: ignore[call-overload]


def _tokens(path: Path, extractor: FeatureExtractor, size: int) -> torch.Tensor:
    """Return (h, w, C): strides 8 and 16 side by side, each of length one on average."""
    fine, coarse = extractor(fit_to_input(read_rgb(path, WHITE), size, size)[None])
    side = round(fine.shape[1] ** 0.5)
    grids = []
    for level in (fine, coarse):
        edge = round(level.shape[1] ** 0.5)
        grid = level[0].T.reshape(1, -1, edge, edge)  # (1, C, h, w)
        grid = grid / grid.norm(dim=1).mean().clamp(min=1e-6)
        grids.append(F.interpolate(grid, (side, side), mode="bilinear", align_corners=False))
    return torch.cat(grids, 1)[0].permute(1, 2, 0)


def _bank(
    paths: list[Path], extractor: FeatureExtractor, options: argparse.Namespace
) -> torch.Tensor:
    """Return (bank, C), drawn at random from all positions of the images."""
    rng = torch.Generator().manual_seed(options.seed)
    share = max(options.bank // len(paths), 1)
    parts = []
    for path in paths:
        tokens = _tokens(path, extractor, options.size).flatten(0, 1)
        parts.append(tokens[torch.randperm(len(tokens), generator=rng)[:share]])
    return torch.cat(parts)


def _heat(path: Path, bank: torch.Tensor, extractor: FeatureExtractor, size: int) -> np.ndarray:
    """Return the smoothed distances to the nearest of the bank, (size, size)."""
    tokens = _tokens(path, extractor, size)
    distance = torch.cdist(tokens.flatten(0, 1), bank).min(1).values.reshape(tokens.shape[:2])
    full = F.interpolate(distance[None, None], (size, size), mode="bilinear", align_corners=False)
    heat: np.ndarray = gaussian_filter(full[0, 0].numpy(), SIGMA)
    return heat


def _mask(folder: Path, path: Path, size: int) -> np.ndarray:
    (found,) = (folder / "ground_truth" / path.parent.name).glob(f"{path.stem}*")
    mask = Image.open(found).convert("L").resize((size, size), Image.Resampling.NEAREST)
    return np.asarray(mask) > 0
