"""What every method is given, and what is held against what."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from quality.patchcore import Said
from quality.protocol import BENCH, choose_training, measure_stream, open_tree, to_bench_size
from scipy.ndimage import gaussian_filter

from rlr.config.data import DataConfig
from rlr.data.manifest import Manifest
from rlr.foundation.errors import UserError


def test_training_images_are_chosen_by_their_hash(small_manifest: Manifest) -> None:
    frame = small_manifest.frame
    chosen = choose_training(frame, 5)
    for name in small_manifest.classes:
        normal = frame[(frame["class"] == name) & frame["split"].isin(["train", "validation"])]
        kept = chosen[(chosen["class"] == name) & (chosen["split"] != "test")]
        assert sorted(kept["sha256"]) == sorted(normal["sha256"])[:5]
    assert len(chosen[chosen["split"] == "test"]) == len(small_manifest.select("test"))


def test_a_chosen_image_stays_on_its_side_of_validation(small_manifest: Manifest) -> None:
    whole = small_manifest.frame.set_index("path")["split"]
    chosen = choose_training(small_manifest.frame, 5).set_index("path")["split"]
    pd.testing.assert_series_equal(chosen, whole.loc[chosen.index])


def test_maps_are_smoothed_at_256_pixels() -> None:
    same = np.random.default_rng(0).random((256, 256)).astype(np.float32)
    np.testing.assert_array_equal(to_bench_size(same), gaussian_filter(same, 4.0))
    dot = np.zeros((512, 512), np.float32)
    dot[256:258, 256:258] = 1.0
    wide = to_bench_size(dot)
    assert wide.shape == (256, 256)
    # Sigma is 4 of 256 pixels: where it is 4 of 512, the peak is four times as high.
    assert wide.max() == pytest.approx(1 / (2 * np.pi * 16), rel=0.05)


def test_sets_without_masks_are_left_out_of_the_mean_of_pixels(
    half_masked: Path, tmp_path: Path
) -> None:
    tree = open_tree(half_masked, DataConfig(), 120, development=False)
    rows = tree.manifest.select("test")
    draws = np.random.default_rng(1)
    maps = [draws.random((64, 64)).astype(np.float32) for _ in range(len(rows))]
    records = rows.to_dict(orient="records")
    stream = (
        (row, Said(float(one.max()), one, one)) for row, one in zip(records, maps, strict=True)
    )
    metrics = measure_stream(tree.manifest, stream, len(rows), tmp_path).metrics
    assert metrics["per_class"]["stripes"]["pixel_auroc"] is None
    for name in ("pixel_auroc", "aupro_0.30"):
        assert metrics["per_class"]["rings"][name] is not None
        assert metrics["mean"][name] == metrics["per_class"]["rings"][name]
    both = [metrics["per_class"][name]["image_auroc"] for name in ("rings", "stripes")]
    assert metrics["mean"]["image_auroc"] == pytest.approx(sum(both) / 2)


def test_masks_are_resized_by_nearest_neighbour(half_masked: Path, tmp_path: Path) -> None:
    from rlr.data.manifest import is_defective
    from rlr.evaluation.ground_truth import GroundTruth

    tree = open_tree(half_masked, DataConfig(), 120, development=False)
    rows = tree.manifest.select("test")
    truth = GroundTruth(tree.manifest, rows.assign(defective=is_defective(rows)))
    place = next(place for place in truth.known if truth.mask(place).any())
    mask = BENCH.mask_of(None, truth, place)
    np.testing.assert_array_equal(mask, truth.mask(place).repeat(4, axis=0).repeat(4, axis=1))


def test_the_images_of_a_tree_are_told_by_digest_and_number(half_masked: Path) -> None:
    told = open_tree(half_masked, DataConfig(), 4, development=False).describe()
    rings = told["classes"]["rings"]
    assert rings["train"] + rings["validation"] == 4
    assert (rings["test_good"], rings["test_defective"], rings["masked"]) == (5, 5, 5)
    more = open_tree(half_masked, DataConfig(), 5, development=False).describe()
    assert more["given_sha256"] != told["given_sha256"]
    assert more["test_sha256"] == told["test_sha256"]
    assert str(half_masked.parent) not in str(told)


def test_a_development_tree_is_marked(half_masked: Path, development: Path) -> None:
    with pytest.raises(UserError, match=r"no development tree: development\.json is missing"):
        open_tree(half_masked, DataConfig(), 120, development=True)
    with pytest.raises(UserError, match="add --development"):
        open_tree(development, DataConfig(), 120, development=False)
    assert open_tree(development, DataConfig(), 120, development=True).development
