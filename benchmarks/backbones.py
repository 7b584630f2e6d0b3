"""How good are the features of several backbones? backbones.py TREE [--backbone NAME=WEIGHTS ...]

Per class of a tree in MVTec layout: the features of strides 8 and 16 of the normal training
images, side by side at stride 8; a test position is as anomalous as it is far from the nearest of
them (a plain PatchCore, https://arxiv.org/abs/2106.08265, with a bank drawn at random). Nothing is
trained, so the features alone are compared. Random weights and ImageNet's are the two ends of a
scale; what lies between is printed as the share of the gap that is closed.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nearest import measure_class

from rlr.config.features import BackboneConfig
from rlr.features import FeatureExtractor, build_backbone
from rlr.foundation.documents import write_json
from rlr.foundation.errors import RlrError, UserError
from rlr.foundation.progress import track

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
KEYS = ("image_auroc", "pixel_auroc")
OWN = "rlrnet=packaged"
DEFAULT = ("rlrnet=random", OWN)

logger = logging.getLogger("rlr")


def main() -> int:
    """Compare and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tree", type=Path, help="folder of class folders in MVTec layout")
    parser.add_argument(
        "--backbone",
        action="append",
        metavar="NAME=WEIGHTS",
        help=f"timm name and weights, as in a configuration (default: {' and '.join(DEFAULT)})",
    )
    parser.add_argument("--goal", metavar="NAME=WEIGHTS", help="the far end of the scale")
    parser.add_argument("--limit", type=int, default=120, help="images a class and split")
    parser.add_argument("--size", type=int, default=256, help="input size in pixels")
    parser.add_argument("--bank", type=int, default=4000, help="positions in a class's bank")
    parser.add_argument("--seed", type=int, default=0, help="of the bank and of random weights")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logger.setLevel(logging.INFO)
    torch.set_num_threads(options.threads)
    try:
        document = compare(options)
    except RlrError as error:
        logger.error("backbones: %s", error)
        return error.exit_status
    print("\n".join(lines(document)))
    return 0


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Measure each backbone; the document is written again after each, so none is lost."""
    classes = [folder.parents[1] for folder in sorted(options.tree.glob("*/train/good"))]
    if not classes:
        raise UserError(f"{options.tree}: no CLASS/train/good in it; name a tree in MVTec layout.")
    names = list(options.backbone or DEFAULT)
    if options.goal and options.goal not in names:
        names.append(options.goal)
    settings = {key: getattr(options, key) for key in ("limit", "size", "bank", "seed")}
    settings["goal"] = options.goal and _public(options.goal)
    document: dict[str, Any] = {"tree": options.tree.name, **settings, "backbones": {}}
    for name in names:
        extractor = _extractor(name, options)
        per_class = {
            folder.name: measure_class(folder, extractor, options)
            for folder in track(classes, name, interval=5)
        }
        document["backbones"][_public(name)] = {"per_class": per_class, "mean": _mean(per_class)}
        document["closed"] = closed(document["backbones"], names, options.goal)
        if options.output:
            write_json(options.output, document)
    return document


def _public(name: str) -> str:
    """Name a backbone without the folder of its weights: results travel, folders do not."""
    model, _, weights = name.partition("=")
    return f"{model}={Path(weights).name}"


def _extractor(name: str, options: argparse.Namespace) -> FeatureExtractor:
    model, found, weights = name.partition("=")
    if not found:
        raise UserError(f"--backbone {name}: give NAME=WEIGHTS, such as {OWN}.")
    backbone, _ = build_backbone(BackboneConfig(name=model, weights=weights), (2, 3), options.seed)
    return FeatureExtractor(backbone, MEAN, STD, pooling=3)


def _mean(per_class: dict[str, dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([values[key] for values in per_class.values()])) for key in KEYS}


def closed(
    results: dict[str, Any], names: Sequence[str], goal: str | None
) -> dict[str, dict[str, float]]:
    """Return which share of the way from random weights to the goal each backbone has gone.

    Random weights are the first backbone with the weights `random`.
    """
    start = next((_public(name) for name in names if name.endswith("=random")), None)
    if goal is None or start is None or not {start, _public(goal)} <= results.keys():
        return {}
    low, high = results[start]["mean"], results[_public(goal)]["mean"]
    return {
        name: {key: (values["mean"][key] - low[key]) / (high[key] - low[key]) for key in KEYS}
        for name, values in results.items()
        if high != low and all(high[key] != low[key] for key in KEYS)
    }


def lines(document: dict[str, Any]) -> list[str]:
    """Tell the means, and the shares."""
    told = [
        "| backbone | image AUROC | pixel AUROC | gap closed (image / pixel) |",
        "|---|---|---|---|",
    ]
    for name, values in document["backbones"].items():
        share = document["closed"].get(name)
        gap = " / ".join(f"{share[key]:.0%}" for key in KEYS) if share else "-"
        figures = " | ".join(f"{values['mean'][key]:.3f}" for key in KEYS)
        told.append(f"| {name} | {figures} | {gap} |")
    return told


if __name__ == "__main__":
    sys.exit(main())
