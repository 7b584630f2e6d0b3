"""Other views of training images: what their class allows, drawn from an address."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rlr.config import load_config
from rlr.config.augmentation import AugmentationConfig
from rlr.data.manifest import Manifest
from rlr.foundation.errors import UserError
from rlr.training.augmentation import Allowed, allowed_for, augment
from rlr.training.normal_scores import PartOf
from rlr.training.store import MemoryStore, at_epoch
from rlr.training.train import train
from rlr.training.views import KeptViews

DRAWS = np.random.default_rng(0)
IMAGE = DRAWS.integers(0, 256, (12, 12, 3), dtype=np.uint8)
TURN = "training.augmentation={rotate: {rings: any}, light: 0.1, copies: 2}"


def views(allowed: Allowed, image: np.ndarray = IMAGE) -> set[bytes]:
    return {augment(image, allowed, 0, "copy", n, "hash").tobytes() for n in range(60)}


def test_a_class_has_its_own_entry_or_that_of_all() -> None:
    config = AugmentationConfig(rotate={"*": "any", "b": "none"}, flip={"b": "both"}, light=0.1)
    assert allowed_for("a", config) == Allowed("any", "none", 0.1)
    assert allowed_for("b", config) == Allowed("none", "both", 0.1)


def test_quarter_turns_and_flips_are_exactly_these() -> None:
    turned = {np.rot90(IMAGE, n).tobytes() for n in range(4)}
    assert views(Allowed("quarter", "none", 0.0)) == turned
    assert views(Allowed("none", "horizontal", 0.0)) == {
        IMAGE.tobytes(),
        IMAGE[:, ::-1].tobytes(),
    }
    assert views(Allowed("none", "vertical", 0.0)) == {IMAGE.tobytes(), IMAGE[::-1].tobytes()}
    assert len(views(Allowed("none", "both", 0.0))) == 4
    assert views(Allowed("none", "none", 0.0)) == {IMAGE.tobytes()}


def test_what_is_not_square_is_turned_by_half() -> None:
    wide = np.ascontiguousarray(IMAGE[:8])
    assert views(Allowed("quarter", "none", 0.0), wide) == {
        wide.tobytes(),
        wide[::-1, ::-1].tobytes(),
    }


def test_any_angle_keeps_size_and_leaves_no_black_corner() -> None:
    grey = np.full((20, 30, 3), 90, np.uint8)
    assert views(Allowed("any", "none", 0.0), grey) == {grey.tobytes()}
    assert len(views(Allowed("any", "none", 0.0))) == 60


def test_light_stays_within_its_bounds() -> None:
    grey = np.full((2, 2, 3), 100, np.uint8)
    values = {view[0] for view in views(Allowed("none", "none", 0.2), grey)}
    lowest, highest = (127.5 - 27.5 * 1.2) * 0.8, (127.5 - 27.5 * 0.8) * 1.2
    assert lowest - 1 <= min(values) < 85
    assert 115 < max(values) <= highest + 1


def test_an_epoch_sees_one_of_the_views_whatever_the_batch() -> None:
    copies = [MemoryStore([torch.full((6, 1, 1), float(n))]) for n in range(3)]
    store = KeptViews(copies, [f"hash-{n}" for n in range(6)], seed=0)
    epochs = [at_epoch(store, epoch).tokens(range(6))[0].flatten() for epoch in range(1, 30)]
    assert {float(value) for epoch in epochs for value in epoch} == {0.0, 1.0, 2.0}
    assert len({tuple(epoch.tolist()) for epoch in epochs}) > 20
    assert torch.equal(at_epoch(store, 5).tokens([4, 1])[0].flatten(), epochs[4][[4, 1]])
    assert torch.equal(at_epoch(PartOf(store, [4, 1]), 5).tokens([1])[0].flatten(), epochs[4][[1]])


@pytest.mark.parametrize("cache", ["memory", "off"])
def test_a_training_with_views_repeats_and_differs(
    small_manifest: Manifest, trained: Path, tmp_path: Path, cache: str
) -> None:
    config = load_config("tiny", [TURN, f"features.cache={cache}"])
    one, other = (train(config, small_manifest, tmp_path / name) for name in ("one", "other"))
    assert one["network_sha256"] == other["network_sha256"]
    plain = load_config("tiny", [f"features.cache={cache}"])
    assert one["network_sha256"] != train(plain, small_manifest, tmp_path / "p")["network_sha256"]


def test_a_class_that_there_is_not_is_named(small_manifest: Manifest, tmp_path: Path) -> None:
    config = load_config("tiny", ["training.augmentation={flip: {ring: both}}"])
    with pytest.raises(UserError, match=r"augmentation.flip: ring is no class .*rings, stripes"):
        train(config, small_manifest, tmp_path)
