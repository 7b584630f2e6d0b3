"""The decoder: it learns, it repeats, and it changes nothing that is scored."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rlr.config import Config, load_config
from rlr.data.manifest import Manifest
from rlr.data.splits import trainable
from rlr.detection.decoding import draw_pictures, draw_references, read_decoder
from rlr.detection.detector import Detector
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError
from rlr.model.decoder import DecoderSizes, PictureDecoder, count_doublings
from rlr.training.pictures import read_pictures
from rlr.training.store import ImageSet
from rlr.training.train import train

OVERRIDES = ["decoder={enabled: true, steps: 100, width: 32}"]


@pytest.fixture(scope="module")
def settings() -> Config:
    return load_config("tiny", OVERRIDES)


@pytest.fixture(scope="module")
def drawn(
    small_manifest: Manifest, settings: Config, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the output folder of the training of `trained`, with a decoder."""
    output = tmp_path_factory.mktemp("drawn") / "train"
    train(settings, small_manifest, output)
    return output


def test_nothing_else_changes(drawn: Path, trained: Path) -> None:
    """Weights, canary (scores, maps) and reference byte for byte, thresholds to the last digit."""
    with_decoder = {path.name: path.read_bytes() for path in (drawn / "model").iterdir()}
    without = {path.name: path.read_bytes() for path in (trained / "model").iterdir()}
    assert with_decoder.keys() - without.keys() == {"decoder.safetensors"}
    for name in without.keys() - {"detector.json"}:
        assert with_decoder[name] == without[name], name
    ours, theirs = (json.loads(files["detector.json"]) for files in (with_decoder, without))
    assert ours["attachments"].pop("decoder") == file_sha256(
        drawn / "model" / "decoder.safetensors"
    )
    assert theirs["attachments"].pop("decoder") is None
    for document in (ours, theirs):
        del document["origin"]["config_sha256"]  # the configurations differ, as they must
    assert ours == theirs


def test_killed_while_the_decoder_trains_it_is_redone_byte_for_byte(
    drawn: Path,
    small_manifest: Manifest,
    settings: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rlr.training import pictures

    class KilledError(Exception):
        pass

    def kill(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as broken:
        broken.setattr(pictures, "decoder_bytes", kill)
        with pytest.raises(KilledError):
            train(settings, small_manifest, tmp_path)
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "result.json").exists()
    epochs: list[object] = []
    torch.manual_seed(99)  # whatever was drawn before
    before = torch.get_rng_state()
    train(settings, small_manifest, tmp_path, epochs.append)
    assert torch.equal(torch.get_rng_state(), before)
    assert not epochs  # the networks came from the checkpoint
    for path in (drawn / "model").iterdir():
        assert (tmp_path / "model" / path.name).read_bytes() == path.read_bytes(), path.name


def test_it_draws_the_parts_and_not_their_mean(
    drawn: Path, small_manifest: Manifest, settings: Config
) -> None:
    """On images it was not trained on it is much nearer than the mean image of their class."""
    detector = Detector.load(drawn / "model", device="cpu")
    known = ImageSet.of(small_manifest, trainable(small_manifest))
    rows = small_manifest.select("test")
    new = ImageSet.of(small_manifest, rows[rows["label"] == "good"])
    size = (detector.spec.preprocessing.height, detector.spec.preprocessing.width)
    images = read_pictures(settings, new, size).permute(0, 2, 3, 1).numpy()
    pictures = draw_pictures(detector, list(images))
    assert pictures[0].features.shape == pictures[0].reconstruction.shape == images[0].shape
    past = read_pictures(settings, known, size).permute(0, 2, 3, 1).numpy().astype(float)
    means = {
        name: past[[of == name for of in known.classes]].mean(axis=0) for name in set(known.classes)
    }
    pairs = list(zip(images.astype(float), new.classes, strict=True))
    ours = [
        np.abs(p.features - image).mean() for p, (image, _) in zip(pictures, pairs, strict=True)
    ]
    mean = [np.abs(means[name] - image).mean() for image, name in pairs]
    assert np.mean(ours) < 0.7 * np.mean(mean)


def test_the_reference_is_drawn_as_often_as_there_are_references(drawn: Path) -> None:
    detector = Detector.load(drawn / "model", device="cpu")
    pictures = draw_references(detector)
    assert len(pictures) == detector.spec.network.references
    assert pictures[0].shape == (64, 64, 3)
    assert detector.at_rate(0.2).decoder is detector.decoder


def test_predict_writes_strips(
    rlr, drawn: Path, trained: Path, small_manifest: Manifest, tmp_path: Path
) -> None:
    image = small_manifest.root / "rings" / "test" / "blot" / "000.png"
    answer = rlr("predict", drawn, image, "--decoded", tmp_path / "strips", "--json")
    assert answer.status == 0, answer.stderr
    row = json.loads(answer.stdout)["predictions"][0]
    strip = np.asarray(Image.open(row["decoded"]))
    original = np.asarray(Image.open(image))
    height, width, _ = original.shape
    assert strip.shape == (height, 4 * width, 3)
    assert (strip[:, :width] == original).all()
    assert row["heatmap"] is None
    refused = rlr("predict", trained, image, "--decoded", tmp_path / "none")
    assert refused.status == 2
    assert "has no decoder" in refused.stderr
    assert not (tmp_path / "none").exists()


def test_a_decoder_of_another_model_is_refused(drawn: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(drawn / "model", tmp_path / "model"))
    (model / "decoder.safetensors").write_bytes(b"no tensors")
    with pytest.raises(UserError, match=r"decoder.safetensors was changed"):
        Detector.load(model)
    document = json.loads((model / "detector.json").read_text())
    document["attachments"]["decoder"] = file_sha256(model / "decoder.safetensors")
    (model / "detector.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match=r"decoder.safetensors is no decoder of this model"):
        Detector.load(model)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_older_formats_have_no_decoder(repository: Path, version: int) -> None:
    assert read_decoder(repository / f"tests/artifacts/format-{version}/model") is None


@pytest.mark.parametrize(("longest", "doublings"), [(128, 2), (127, 1), (20, 0)])
def test_pictures_are_never_longer_than_asked_for(longest: int, doublings: int) -> None:
    grids = ((16, 32), (8, 16))
    assert count_doublings(grids, longest) == doublings
    decoder = PictureDecoder(DecoderSizes(grids, (3, 5), 16, doublings))
    pictures = decoder([torch.zeros(1, 512, 3), torch.zeros(1, 128, 5)])
    assert pictures.shape == (1, 3, 16 << doublings, 32 << doublings)
