"""Versions of a real detector: complete, loadable anywhere, named all at once or not at all."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from rlr.config import load_config
from rlr.config.registry import RegistryConfig
from rlr.data.manifest import Manifest
from rlr.foundation.errors import MachineError, UserError
from rlr.gate.floors import FloorVerdict
from rlr.registry.tracking import Run
from rlr.registry.versions import Registration, register, resolve_model

if TYPE_CHECKING:
    from mlflow import MlflowClient

HOLD = FloorVerdict(True, [])
FAIL = FloorVerdict(False, ["mean image_auroc 0.5000 is below 0.6"])
ALONE = """
import socket, sys
def refuse(*args, **kwargs):
    raise OSError("the network is cut")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = refuse
"""
PREDICT = """
import json
from pathlib import Path
import mlflow.pyfunc
import numpy as np
from PIL import Image
model = mlflow.pyfunc.load_model(sys.argv[1])
path = sys.argv[2]
inputs = [path, Path(path).read_bytes(), np.asarray(Image.open(path))]
table = model.predict(inputs, params={"class_name": "rings"})
shapes = [list(heatmap.shape) for heatmap in table["heatmap"]]
answer = {"shapes": shapes, "kinds": [str(heatmap.dtype) for heatmap in table["heatmap"]]}
for name in ("image_score", "threshold", "is_anomalous"):
    answer[name] = table[name].tolist()
answer["without"] = list(model.predict(path, params={"heatmaps": False}).columns)
print(json.dumps(answer))
"""


@pytest.fixture
def run(client: "MlflowClient", settings: RegistryConfig, small_manifest: Manifest) -> Run:
    config = load_config("tiny", [f"registry.experiment={settings.experiment}"])
    return Run.start(client, config, small_manifest.version, small_manifest.digest)


@pytest.fixture
def registered(run: Run, trained: Path, settings: RegistryConfig) -> Registration:
    return register(run, trained, settings, HOLD, challenger=True)


def _artifacts(client: "MlflowClient", made: Registration) -> Path:
    uri = client.get_model_version_download_uri(made.name, made.version)
    return Path(uri.removeprefix("file://"))


def test_a_version_has_its_tags_and_alias(
    registered: Registration, run: Run, client: "MlflowClient", small_manifest: Manifest
) -> None:
    version = client.get_model_version_by_alias(registered.name, "challenger")
    assert str(version.version) == registered.version == "1"
    assert registered.uri == f"models:/{registered.name}/1"
    assert version.run_id == version.tags["run"] == run.run_id
    assert version.tags["data_version"] == small_manifest.version
    assert version.tags["commit"] == run.tags()["commit"]
    assert version.tags["floors"] == "hold"
    assert version.tags["classes"] == "rings, stripes"


def test_below_the_floors_there_is_no_alias_and_a_reason(
    run: Run, trained: Path, settings: RegistryConfig, client: "MlflowClient"
) -> None:
    made = register(run, trained, settings, FAIL, challenger=False)
    assert made.alias == ""
    version = client.get_model_version(made.name, made.version)
    assert version.tags["floors"] == "fail: mean image_auroc 0.5000 is below 0.6"
    assert client.get_registered_model(made.name).aliases == {}


def test_no_alias_against_the_floors(
    run: Run, trained: Path, settings: RegistryConfig, client: "MlflowClient"
) -> None:
    with pytest.raises(UserError, match="below its floors is no challenger"):
        register(run, trained, settings, FAIL, challenger=True)
    assert client.search_model_versions(f"name = '{settings.model_name}'") == []


def test_the_same_registration_twice_is_one_version(
    registered: Registration,
    run: Run,
    trained: Path,
    settings: RegistryConfig,
    client: "MlflowClient",
) -> None:
    assert register(run, trained, settings, HOLD, challenger=True) == registered
    assert register(run, trained, settings, FAIL, challenger=False).version == "2"
    assert len(client.search_model_versions(f"name = '{settings.model_name}'")) == 2


def test_a_registration_that_died_before_the_alias_is_finished_by_the_next(
    run: Run,
    trained: Path,
    settings: RegistryConfig,
    client: "MlflowClient",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlflow.exceptions import MlflowException

    def lost(*_: object) -> None:
        raise MlflowException("connection reset")

    with monkeypatch.context() as patch:
        patch.setattr(client, "set_registered_model_alias", lost)
        with pytest.raises(MachineError):
            register(run, trained, settings, HOLD, challenger=True)
    (version,) = client.search_model_versions(f"name = '{settings.model_name}'")
    assert version.tags["floors"] == "hold"
    assert register(run, trained, settings, HOLD, challenger=True).version == str(version.version)
    assert client.get_registered_model(settings.model_name).aliases == {"challenger": 1}


def test_a_registration_that_died_before_the_version_leaves_none(
    run: Run,
    trained: Path,
    settings: RegistryConfig,
    client: "MlflowClient",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlflow.exceptions import MlflowException

    def lost(*_: object) -> None:
        raise MlflowException("connection reset")

    with monkeypatch.context() as patch:
        patch.setattr(client, "log_model_artifacts", lost)
        with pytest.raises(MachineError):
            register(run, trained, settings, HOLD, challenger=True)
    assert client.search_registered_models(f"name = '{settings.model_name}'") == []


def test_the_artifact_is_complete_and_holds_no_pickle(
    registered: Registration, client: "MlflowClient", trained: Path
) -> None:
    folder = _artifacts(client, registered)
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"MLmodel", "pyfunc_model.py", "requirements.txt", "detector.json"} <= names
    assert {"network.safetensors", "backbone.safetensors"} <= names
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".pt", ".pth")]
    for path in files:
        # What pickle and torch.save (a zip) begin with.
        assert path.read_bytes()[:2] not in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
        assert path.read_bytes()[:2] != b"PK"
    assert "python_model" not in (folder / "MLmodel").read_text().replace("python_model_", "")


def test_requirements_are_those_of_the_training(
    registered: Registration, client: "MlflowClient", run: Run
) -> None:
    lines = (_artifacts(client, registered) / "requirements.txt").read_text().split()
    assert f"torch=={run.tags()['package.torch']}" in lines
    assert all("==" in line for line in lines)


def test_it_scores_alone_in_a_fresh_process_without_a_network(
    registered: Registration, client: "MlflowClient", trained: Path, small_manifest: Manifest
) -> None:
    from rlr.detection.detector import Detector

    path = small_manifest.root / small_manifest.select("test")["path"][0]
    folder = _artifacts(client, registered)
    done = subprocess.run(
        [sys.executable, "-c", ALONE + PREDICT, str(folder), str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    detector = Detector.load(trained / "model")
    (expected,) = detector.predict([detector.read(path)], ["rings"])
    assert answer["image_score"] == pytest.approx([expected.image_score] * 3, rel=1e-6)
    assert answer["threshold"] == [expected.threshold] * 3
    assert answer["is_anomalous"] == [expected.is_anomalous] * 3
    assert answer["shapes"] == [[64, 64]] * 3
    assert answer["kinds"] == ["float32"] * 3
    assert answer["without"] == ["image_score", "threshold", "is_anomalous"]


def test_pyfunc_takes_images_in_every_form(
    registered: Registration, small_manifest: Manifest
) -> None:
    import mlflow.pyfunc
    import pandas as pd

    model = mlflow.pyfunc.load_model(registered.uri)
    path = small_manifest.root / small_manifest.select("test")["path"][0]
    array = np.asarray(Image.open(path))
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    expected = model.predict([str(path)])["image_score"][0]
    for source in (
        array,
        [array],
        np.stack([array]),
        buffer.getvalue(),
        pd.DataFrame({"i": [path]}),
    ):
        table = model.predict(source)
        assert table["image_score"].tolist() == pytest.approx([expected])
        np.testing.assert_allclose(table["heatmap"][0].max(), expected, rtol=1e-6)


def test_references_resolve_to_detectors(
    registered: Registration,
    trained: Path,
    settings: RegistryConfig,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = (trained / "model" / "detector.json").read_bytes()
    name = registered.name
    for reference in (f"models:/{name}/1", f"models:/{name}@challenger", str(trained)):
        folder = resolve_model(reference, settings)
        assert (folder / "detector.json").read_bytes() == wanted
        assert (folder / "network.safetensors").is_file()


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("models:/NAME/99", "not in the registry"),
        ("models:/NAME@champion", "not in the registry"),
        ("models:/nobody/1", "not in the registry"),
        ("models:/NAME", "write models:/NAME/VERSION"),
        ("models:/NAME/latest", "write models:/NAME/VERSION"),
        ("no/such/folder", "holds no detector"),
    ],
)
def test_references_to_nothing_are_told(
    registered: Registration, settings: RegistryConfig, reference: str, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        resolve_model(reference.replace("NAME", registered.name), settings)


def test_the_registry_imports_no_torch() -> None:
    code = (
        "import importlib, pkgutil, sys, rlr.registry\n"
        "names = {module.name for module in pkgutil.iter_modules(rlr.registry.__path__)}\n"
        "for name in names - {'pyfunc_model'}: importlib.import_module(f'rlr.registry.{name}')\n"
        "print([name for name in ('torch', 'mlflow') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
