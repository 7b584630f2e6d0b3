"""The artifact: complete, checked, and readable for ever."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from rlr.config import load_config
from rlr.data.manifest import Manifest
from rlr.detection.artifact import READERS, load_artifact, read_attachment
from rlr.detection.detector import Detector
from rlr.detection.spec import FORMAT_VERSION, AttachmentsSpec
from rlr.foundation.errors import UserError
from rlr.training.train import train

ARTIFACTS = Path(__file__).parents[1] / "artifacts"


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "model", tmp_path / "model"))


def edit(model: Path, **changes: object) -> None:
    file = model / "detector.json"
    document = json.loads(file.read_text())
    for key, value in changes.items():
        if value is None:
            del document[key]
        else:
            document[key] = value
    file.write_text(json.dumps(document))


def frozen_formats() -> list[int]:
    return sorted(int(folder.name.removeprefix("format-")) for folder in ARTIFACTS.glob("format-*"))


@pytest.mark.parametrize("version", frozen_formats())
def test_every_released_format_scores_as_it_did(version: int) -> None:
    """`tools/freeze_artifact.py` stored the batch and the scores when the format was released."""
    folder = ARTIFACTS / f"format-{version}"
    stored = np.load(folder / "stored.npz")
    detector = Detector.load(folder / "model", device="cpu")
    predictions = detector.predict(list(stored["images"]))
    scores = np.array([prediction.image_score for prediction in predictions])
    maps = np.stack([prediction.anomaly_map for prediction in predictions])
    assert np.abs(scores / stored["scores"] - 1).max() < 1e-5
    assert np.abs(maps - stored["maps"]).max() < 1e-5 * stored["maps"].max()
    assert detector.image_threshold(None).value == stored["threshold"]


def test_a_format_artifact_is_kept_for_every_version() -> None:
    """The newest is frozen when its last field is in; until then this fails, and nothing lands."""
    assert max(READERS) == FORMAT_VERSION
    missing = sorted(set(READERS) - set(frozen_formats()))
    assert not missing, f"formats {missing} are not frozen yet: run tools/freeze_artifact.py"
    assert set(frozen_formats()) == set(READERS)


WEIGHTS = {"network.safetensors", "backbone.safetensors"}
ATTACHMENTS = {"reference.safetensors", "canary.safetensors"}


def test_artifact_has_five_files_and_no_pickle(trained: Path) -> None:
    names = {path.name for path in (trained / "model").iterdir()}
    assert names == {"detector.json", *WEIGHTS, *ATTACHMENTS}


def test_what_lies_beside_the_weights_may_be_left_out(
    small_manifest: Manifest, tmp_path: Path
) -> None:
    overrides = ["training.epochs=1", "monitor.canary.images=0", "monitor.reference.images=0"]
    train(load_config("tiny", overrides), small_manifest, tmp_path)
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names == {"detector.json", *WEIGHTS}
    detector = Detector.load(tmp_path / "model", device="cpu")
    assert detector.spec.attachments == AttachmentsSpec(reference=None, canary=None, decoder=None)


@pytest.mark.parametrize("version", [1, 2])
def test_older_formats_have_nothing_beside_the_weights(version: int) -> None:
    folder = ARTIFACTS / f"format-{version}" / "model"
    assert read_attachment(folder, "canary.safetensors") is None
    assert read_attachment(folder, "reference.safetensors") is None


def test_no_field_has_a_default(model: Path) -> None:
    """What a released artifact means must not change with the defaults of the code."""
    document = json.loads((model / "detector.json").read_text())
    for key in document:
        if key != "format_version":
            edit_back = document[key]
            edit(model, **{key: None})
            with pytest.raises(UserError, match=f"{key}: Field required"):
                load_artifact(model)
            edit(model, **{key: edit_back})
    load_artifact(model)


@pytest.mark.parametrize("file", sorted(WEIGHTS | ATTACHMENTS))
def test_a_changed_or_missing_file_is_refused(model: Path, file: str) -> None:
    content = bytearray((model / file).read_bytes())
    content[-1] ^= 1
    (model / file).write_bytes(content)
    with pytest.raises(UserError, match=f"{file} was changed"):
        load_artifact(model)
    (model / file).unlink()
    with pytest.raises(UserError, match=f"{file} is missing"):
        load_artifact(model)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [(0, "too old"), (99, "newer than this version"), ("1", "no format_version")],
)
def test_other_formats_are_refused(model: Path, version: object, sentence: str) -> None:
    edit(model, format_version=version)
    with pytest.raises(UserError, match=sentence):
        load_artifact(model)


def test_weights_of_another_network_are_refused(model: Path) -> None:
    document = json.loads((model / "detector.json").read_text())
    document["network"]["levels"][0]["layers"] = 2
    (model / "detector.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match=r"network.safetensors does not fit"):
        load_artifact(model)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a detector"):
        Detector.load(tmp_path)
