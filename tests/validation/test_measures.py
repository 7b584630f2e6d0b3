"""Measures, twins and near-duplicates, against slow and obvious versions of themselves."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rlr.config.validation import ValidationConfig
from rlr.validation import near
from rlr.validation.charts import HEIGHT, LEAST_HEIGHT, WIDTH, histogram
from rlr.validation.measure import laplacian_variance, measure, pixel_sha256
from rlr.validation.near import near_twins
from rlr.validation.tables import class_table, image_table
from rlr.validation.twins import twins

from .conftest import PartSet


def test_the_laplacian_is_scipys() -> None:
    from scipy.ndimage import laplace

    grey = np.random.default_rng(0).random((17, 23)).astype(np.float32)
    assert laplacian_variance(grey) == pytest.approx(laplace(grey)[1:-1, 1:-1].var(), rel=1e-5)
    assert laplacian_variance(np.ones((2, 9), dtype=np.float32)) == 0.0


def test_pixels_of_another_shape_are_other_pixels() -> None:
    pixels = np.zeros((2, 8, 3), dtype=np.uint8)
    assert pixel_sha256(pixels) == pixel_sha256(pixels.copy())
    assert pixel_sha256(pixels) != pixel_sha256(pixels.reshape(4, 4, 3))


def test_grey_and_rgb_of_one_look_are_the_same_pixels(parts: PartSet) -> None:
    first = "cap/train/good/003.png"
    grey = parts.picture()[:, :, 0]
    parts.write(first, grey)
    second = parts.add("cap/train/good/rgb.png", "train", "good", np.dstack([grey] * 3))
    manifest = parts.manifest()
    table = pd.concat([manifest.frame, measure(manifest, 65535).frame], axis=1).set_index("path")
    assert table.loc[first, "pixel_sha256"] == table.loc[second, "pixel_sha256"]
    assert table.loc[first, "brightness"] == pytest.approx(grey.mean() / 255, abs=1e-6)


def test_measures_stand_in_the_manifests_order(parts: PartSet) -> None:
    manifest = parts.manifest()
    measures = measure(manifest, 65535)
    assert measures.thumbnails.shape == (len(manifest.frame), 32 * 32)
    alone = [type(manifest)(manifest.frame[i : i + 1], manifest.root, "") for i in (0, 7, 33)]
    for position, one in zip((0, 7, 33), alone, strict=True):
        mine = measure(one, 65535)
        assert mine.frame.loc[0].equals(measures.frame.loc[position])
        np.testing.assert_array_equal(mine.thumbnails[0], measures.thumbnails[position])


def test_masks_of_one_image_are_united(parts: PartSet) -> None:
    path = "cap/test/scratch/000.png"
    second = parts.mask("cap/test/scratch/other.png", marked=20)
    parts.rows[path]["mask"] += f"|{second}"
    manifest = parts.manifest()
    row = measure(manifest, 65535).frame[manifest.frame["path"] == path].iloc[0]
    assert (row["mask_width"], row["mask_height"], row["mask_area"]) == (64, 64, 400)


def frame_of(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Return a frame of (split, key, sameness), named by position."""
    frame = pd.DataFrame(rows, columns=["split", "key", "sameness"])
    return frame.assign(path=[str(number) for number in range(len(rows))])


def test_twins_are_of_another_split() -> None:
    frame = frame_of(
        ("train", "a", ""),
        ("train", "a", ""),
        ("test", "a", ""),
        ("test", "b", ""),
        ("test", "c", ""),
    )
    found = twins(frame, frame["key"].replace("c", None))
    assert found.fillna("-").tolist() == ["2", "2", "0", "-", "-"]


def test_twins_that_are_reported_elsewhere_are_left_out() -> None:
    frame = frame_of(
        ("train", "a", "x"), ("test", "a", "x"), ("train", "b", "x"), ("test", "b", "x"),
        ("test", "b", "y"),
    )  # fmt: skip
    found = twins(frame, frame["key"], apart_from=frame["sameness"])
    assert found.fillna("-").tolist() == ["-", "-", "4", "-", "2"]


def cloud(count: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return images of two classes and three splits at random places in eight dimensions."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "path": [f"{number:03}.png" for number in range(count)],
            "class": random.choice(["bolt", "cap"], count),
            "split": random.choice(["train", "validation", "test", "unlabelled"], count),
            "label": "good",
            "pixel_sha256": [str(number) for number in range(count)],
        },
        index=range(100, 100 + count),
    )
    return frame, random.random((count, 8)).astype(np.float32)


def slow_pairs(frame: pd.DataFrame, thumbnails: np.ndarray, quantile: float) -> dict[str, float]:
    """Return the distance over the limit of every near image's nearest, one pair at a time."""
    rows = [(row, thumbnails[i].astype(float)) for i, row in enumerate(frame.itertuples())]
    rows = [(row, place) for row, place in rows if row.split != "unlabelled"]
    nearness: dict[str, float] = {}
    for name in ("bolt", "cap"):
        mine = [(row.path, row.split, place) for row, place in rows if row[2] == name]
        train = [place for _, split, place in mine if split == "train"]
        within = sorted(np.linalg.norm(a - b) for a, b in combinations(train, 2))
        limit = within[int(np.floor(quantile * (len(within) - 1)))]
        for path, split, place in mine:
            others = [np.linalg.norm(place - other) for _, s, other in mine if s != split]
            if min(others) < limit:
                nearness[path] = min(others) / limit
    return nearness


@pytest.mark.parametrize("block", [1024, 7])
def test_near_duplicates_are_those_of_a_slow_search(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near, "BLOCK", block)
    frame, thumbnails = cloud(90, seed=3)
    found = near_twins(frame, thumbnails, quantile=0.05).set_index(frame["path"])
    slow = slow_pairs(frame, thumbnails, quantile=0.05)
    told = found["nearness"].dropna()
    assert 5 < len(told) < len(slow)
    for path, nearness in told.items():
        assert nearness == pytest.approx(slow[str(path)], rel=1e-9)
    # What is not told is the other half of a pair that is.
    for path in set(slow) - set(told.index):
        assert path in found.loc[told.index, "nearly_same_as"].tolist()


def test_near_is_nearer_than_the_limit() -> None:
    frame, _ = cloud(3, seed=0)
    frame["class"], frame["split"] = "cap", ["train", "train", "test"]
    for place, near_ones in ((6.0, 0), (5.9, 1)):  # the training images are 3 apart
        thumbnails = np.array([[0.0], [3.0], [place]], dtype=np.float32)
        assert near_twins(frame, thumbnails, 1.0)["nearness"].notna().sum() == near_ones


def test_many_training_images_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "SAMPLE", 4)
    places = np.arange(9.0)[:, None]  # every third one is kept: 0, 3, 6
    assert near._within(places).tolist() == [3.0, 6.0, 3.0]


def test_a_class_of_one_training_image_has_no_near_ones() -> None:
    frame, thumbnails = cloud(12, seed=0)
    frame["class"], frame["split"] = "cap", ["train"] + ["test"] * 11
    assert near_twins(frame, thumbnails, 1.0)["nearness"].isna().all()


def test_what_is_off_costs_nothing(parts: PartSet) -> None:
    manifest = parts.manifest()
    config = ValidationConfig.model_validate({"severity": {"near_duplicate_across_splits": "off"}})
    assert "nearness" not in image_table(manifest, measure(manifest, 65535), config)


def test_classes_are_counted_by_split(tmp_path: Path) -> None:
    parts = PartSet(tmp_path)
    parts.remove("train", "cap", keep=3)
    parts.add("cap/unlabelled/0.png", "unlabelled", None, parts.picture())
    parts.add("lid/test/good/0.png", "test", "good", parts.picture())
    table = class_table(parts.manifest().frame).set_index("class")
    assert table.loc["cap"].tolist() == [3, 2, 3, 3, 1, 3.0]
    assert table.loc["lid", "train_good"] == 0
    assert np.isnan(table.loc["lid", "imbalance"])


def test_a_histogram_counts_every_value() -> None:
    values = pd.Series([0.1, 0.1, 0.5, np.nan])
    chart = histogram("brightness", values, (0.0, 1.0))
    assert [bar.height for bar in chart.bars] == [HEIGHT, HEIGHT / 2]
    assert [bar.words.split(": ")[1] for bar in chart.bars] == ["2 images", "1 image"]
    assert [limit.x for limit in chart.limits] == [0.0, WIDTH]
    assert chart.bars[0].x <= WIDTH * 0.1 <= chart.bars[0].x + WIDTH / 40


def test_one_image_among_thousands_is_seen() -> None:
    chart = histogram("brightness", pd.Series([0.1] * 5000 + [0.9]), ())
    assert [bar.height for bar in chart.bars] == [HEIGHT, LEAST_HEIGHT]
    assert all(bar.y + bar.height == HEIGHT for bar in chart.bars)


def test_a_histogram_of_powers_of_ten() -> None:
    chart = histogram("sharpness", pd.Series([0.0, 1e-3, 1e-1]), [1e-5], logarithmic=True)
    assert [tick.label for tick in chart.ticks] == ["1e-05", "0.0001", "0.001", "0.01", "0.1"]
    assert len(chart.bars) == 3  # zero stands at the least that has a logarithm


@pytest.mark.parametrize("values", [[], [0.5, 0.5]])
def test_a_histogram_of_nothing_or_of_one_value(values: list[float]) -> None:
    chart = histogram("brightness", pd.Series(values, dtype=float), [])
    assert len(chart.bars) == len(set(values))
