"""The feature cache on disk: the same weights, made once, by whoever comes first."""

import logging
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from rlr.cache import find_shards
from rlr.config import Config, load_config
from rlr.data.manifest import Manifest
from rlr.features import FeatureExtractor
from rlr.foundation.errors import UserError
from rlr.training.disk import DiskStore, open_stores
from rlr.training.extractor import open_extractor
from rlr.training.store import FeatureStore, ImageReader, ImageSet, stream
from rlr.training.team import Team
from rlr.training.train import train
from rlr.training.views import STEPS_ASIDE, NewViews, open_views

ALONE = Team(0, 1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of this test's cache."""
    monkeypatch.setenv("RLR_FEATURE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the number of images in every pass of the backbone."""
    seen: list[int] = []
    original = FeatureExtractor.forward

    def counting(self: FeatureExtractor, images: np.ndarray) -> list[torch.Tensor]:
        seen.append(len(images))
        return original(self, images)

    monkeypatch.setattr(FeatureExtractor, "forward", counting)
    return seen


def settings(*overrides: str) -> Config:
    size = "features.preprocessing={height: 32, width: 32}"
    return load_config("tiny", ["features.cache=disk", "training.threads=1", size, *overrides])


def images_of(manifest: Manifest, split: str = "train") -> ImageSet:
    return ImageSet.of(manifest, manifest.select(split))


def open_one(config: Config, images: ImageSet, team: Team = ALONE) -> FeatureStore:
    extractor, _ = open_extractor(config)
    return open_stores({"images": images}, extractor, config, team)[0]


def weights(output: Path) -> bytes:
    names = ("network", "statistics")
    return b"".join((output / "model" / f"{name}.safetensors").read_bytes() for name in names)


def test_weights_do_not_depend_on_where_features_are_kept(
    small_manifest: Manifest, tmp_path: Path, computed: list[int]
) -> None:
    """Batches of 7 images are none of 16, nor is what is left of an epoch."""
    made = {}
    for name in ("memory", "off", "disk", "disk again"):
        computed.clear()
        config = settings(
            f"features.cache={name.split()[0]}",
            "training.batch_size=7",
            "features.normalisation=channel",
        )
        result = train(config, small_manifest, tmp_path / name)
        made[name] = (weights(tmp_path / name), result["thresholds"])
    assert made["off"] == made["memory"]
    assert made["disk"] == made["memory"]
    assert made["disk again"] == made["memory"]
    assert computed == [8]  # the canary alone: its scores are those of the detector


def test_features_do_not_depend_on_what_they_are_computed_with(small_manifest: Manifest) -> None:
    """On these inputs the backbone itself gives other last digits in another pass."""
    config, images = settings(), images_of(small_manifest)
    extractor, _ = open_extractor(config)
    reader = ImageReader(images, extractor, config.features)
    whole = reader.tokens(range(len(images)))
    batches = [[3], [], [1, 0, 2], list(range(4, 10))]
    found = list(stream(reader, batches))
    for batch, tokens in zip(batches, found, strict=True):
        for level, expected in zip(tokens, whole, strict=False):
            assert torch.equal(level, expected[batch])
            assert not level.is_inference()


def test_a_grown_data_set_uses_what_is_there(
    small_manifest: Manifest, computed: list[int], cache: Path
) -> None:
    config, images = settings(), images_of(small_manifest)
    smaller = ImageSet(*(values[::2] for values in vars(images).values()))
    open_one(config, smaller)
    computed.clear()
    store = open_one(config, images)
    assert computed == [config.features.batch_size]  # one pass for the other half
    assert len(find_shards(cache)) == 2
    expected = open_one(settings("features.cache=memory"), images)
    for level, other in zip(store.tokens([2, 1]), expected.tokens([2, 1]), strict=True):
        assert torch.equal(level, other)


@pytest.mark.parametrize(
    "override",
    ["features.pooling=1", "features.preprocessing.white_level=4095", "seed=1"],
)
def test_what_changes_features_is_another_recipe(
    override: str, small_manifest: Manifest, computed: list[int]
) -> None:
    images = images_of(small_manifest, "validation")
    open_one(settings(), images)
    computed.clear()
    open_one(settings("training.epochs=9"), images)
    assert computed == []
    open_one(settings(override), images)
    assert computed


def test_an_image_that_has_changed_is_not_kept_under_its_old_hash(
    small_manifest: Manifest, cache: Path
) -> None:
    images = images_of(small_manifest)
    wrong = ImageSet(images.paths[::-1], images.hashes, images.classes, images.groups)
    with pytest.raises(UserError, match=r"\.png is not what it was when the manifest was made"):
        open_one(settings(), wrong)
    assert find_shards(cache) == []


def test_the_size_is_announced_and_the_bound_refuses(
    small_manifest: Manifest, caplog: pytest.LogCaptureFixture, computed: list[int]
) -> None:
    images = images_of(small_manifest)
    with pytest.raises(UserError, match=r"features.disk.max_gib=0.0001, .*features.cache=off"):
        open_one(settings("features.disk.max_gib=1.0e-4"), images)
    assert computed == []
    with caplog.at_level(logging.INFO, "rlr"):
        open_one(settings(), images)
    assert f"GiB for {len(images)} images; 0 are in" in caplog.text


def test_the_processes_of_a_team_share_the_work(
    small_manifest: Manifest, computed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings("features.batch_size=2", "features.disk.shard_mib=1")
    monkeypatch.setattr("rlr.training.disk.MIBI", 2**16)
    images = images_of(small_manifest)
    extractor, _ = open_extractor(config)
    stores: list[FeatureStore] = []

    def work(rank: int) -> None:
        stores.extend(open_stores({"images": images}, extractor, config, Team(rank, 2)))

    threads = [threading.Thread(target=work, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(computed) == len(images)
    one, other = (store.tokens(range(len(images))) for store in stores)
    assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def test_with_augmentation_it_steps_aside(
    small_manifest: Manifest, caplog: pytest.LogCaptureFixture
) -> None:
    config, images = settings("training.augmentation.light=0.1"), images_of(small_manifest)
    extractor, _ = open_extractor(config)
    (plain,) = open_stores({"images": images}, extractor, config, ALONE)
    assert isinstance(plain, DiskStore)
    with caplog.at_level(logging.WARNING, "rlr"):
        assert isinstance(open_views(images, plain, extractor, config, ALONE), NewViews)
    assert STEPS_ASIDE in caplog.text
