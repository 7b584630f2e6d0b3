"""The benchmark of epochs: both sides train alike, and a later epoch computes no features."""

import json
from pathlib import Path

import epochs
import pytest
from timing.epochs import BaselineEpochs, OurEpochs, draw_images, epoch_settings

from rlr.config import Config
from rlr.training.store import ImageSet

SIDE, COUNT, EPOCHS = 64, 6, 3
SMALL = [
    "features.backbone={name: test_efficientnet, weights: random}",
    f"features.preprocessing={{height: {SIDE}, width: {SIDE}}}",
    "features.batch_size=4",
    "model.levels=[{index: 2, width: 16, layers: 1}, {index: 3, width: 16, layers: 1}]",
]


@pytest.fixture(scope="module")
def config() -> Config:
    return epoch_settings(SMALL)


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    return draw_images(tmp_path / "images", COUNT, SIDE)


@pytest.mark.parametrize("cache", ["disk", "off"])
def test_both_sides_train_alike_on_all_images(
    config: Config, images: ImageSet, cache: str, tmp_path: Path
) -> None:
    baseline, ours = (
        BaselineEpochs(config, images),
        OurEpochs(config, images, cache, tmp_path / "c"),
    )
    losses = [ours.first(), *(ours.later() for _ in range(EPOCHS - 1))]
    assert losses == pytest.approx([baseline.epoch() for _ in range(EPOCHS)], rel=1e-4)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("cache", ["disk", "memory"])
def test_a_later_epoch_reads_no_image(
    config: Config, images: ImageSet, cache: str, tmp_path: Path
) -> None:
    ours = OurEpochs(config, images, cache, tmp_path / "cache")
    ours.first()
    for path in images.paths:
        path.unlink()
    assert ours.later() > 0.0


def test_a_first_epoch_finds_no_features(config: Config, images: ImageSet, tmp_path: Path) -> None:
    ours = OurEpochs(config, images, "disk", tmp_path / "cache")
    ours.first()
    images.paths[0].write_bytes(b"another image")
    with pytest.raises(Exception, match="is not what it was"):
        ours.first()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "epochs.json"
    words = ["--images", "4", "--rounds", "1", "--set", *SMALL, "--json", str(target)]
    assert epochs.main(words) == 0
    (row,) = json.loads(target.read_text())["rows"]
    printed = capsys.readouterr().out
    assert len(row["subjects"]) == 6
    assert all(f"| {name} |" in printed for name in row["subjects"])
