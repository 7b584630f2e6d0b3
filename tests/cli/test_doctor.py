"""`rlr doctor`: one sentence a check, and exit status 1 where something needed does not work."""

import importlib.util
import json
import sys
import time
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlr.backbones import Source, WeightsRecord, WeightsStore
from rlr.cli.health import check, environment
from rlr.cli.health.check import examine
from rlr.cli.health.environment import (
    check_device,
    check_disk,
    check_features,
    check_python,
    check_roles,
)
from rlr.cli.health.services import check_cluster, check_data, check_remote, check_tracking
from rlr.cli.health.weights import check_weights
from rlr.config import load_config
from rlr.config.data import DataConfig
from rlr.config.features import BackboneConfig
from rlr.config.registry import RegistryConfig
from rlr.foundation.documents import bytes_sha256
from rlr.foundation.errors import MachineError

NOWHERE = "http://127.0.0.1:9"  # the discard port; nothing answers
VERSION = f"{'0' * 32}.dir"


@pytest.fixture
def without_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the extras' packages away, as in an image that has none of these roles."""
    gone = {"torch", "timm", "mlflow", "dvc", "huggingface_hub"}
    found = importlib.util.find_spec
    version = metadata.version

    def find(name: str, package: str | None = None) -> Any:
        return None if name in gone else found(name, package)

    def ask(name: str) -> str:
        if name in gone:
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(check, "find_spec", find)
    monkeypatch.setattr(metadata, "version", ask)
    for name in gone:
        monkeypatch.setitem(sys.modules, name, None)  # importing it is an ImportError


def test_it_works_where_no_role_is_installed(without_roles, rlr, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = rlr("doctor", "--json", "--config", "published")
    document = json.loads(answer.stdout)
    checks = {entry["name"]: entry for entry in document["checks"]}
    assert answer.status == 0
    assert document["healthy"] is True
    assert checks["role train"]["status"] == "warn"
    assert "torch" in checks["role train"]["sentence"]
    assert "torch is not installed" in checks["device"]["sentence"]
    assert checks["tracking"]["status"] == "warn"
    assert checks["data remote"]["status"] == "warn"
    assert all(entry["status"] in ("ok", "warn", "fail") for entry in document["checks"])


def test_what_is_needed_and_does_not_work_is_status_1(without_roles, rlr, tmp_path) -> None:
    answer = rlr(
        "doctor", "--config", "tiny", "--set", f"features.backbone.weights={tmp_path / 'no.bin'}"
    )
    assert answer.status == 1
    assert "Something that this configuration needs does not work." in answer.stdout
    assert "fail" in answer.stdout


def test_a_wrong_configuration_is_status_2(rlr) -> None:
    assert rlr("doctor", "--set", "a=1").status == 2


def test_a_look_that_raises_is_a_failed_check() -> None:
    def away() -> Any:
        raise MachineError("The server is away.")

    assert examine("x", away) == check.Check("x", "fail", "The server is away.")
    odd = examine("x", lambda: int("odd"))
    assert odd.status == "fail"
    assert odd.sentence.startswith("ValueError: invalid literal")


def test_a_look_that_hangs_is_given_up() -> None:
    start = time.monotonic()
    found = examine("x", lambda: time.sleep(60), limit=0.05)
    assert time.monotonic() - start < 10
    assert found == check.Check("x", "fail", "No answer within 0 seconds.")


def test_this_environment_has_every_role() -> None:
    roles = {found.name: found.status for found in check_roles()}
    assert roles.pop("dependencies") == "ok"
    assert set(roles) >= {"role train", "role pipeline", "role validation", "role registry"}
    assert "role dev" not in roles
    assert set(roles.values()) == {"ok"}


def test_a_wrong_version_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "2.17.3" if name == "kfp" else real(name))
    role = {found.name: found for found in check_roles()}["role pipeline"]
    assert role.status == "fail"
    assert "kfp 2.17.3" in role.sentence


def test_python_is_3_11(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_python()[0] == "ok"
    monkeypatch.setattr(environment, "PYTHON", (3, 99))
    assert check_python()[0] == "fail"


@pytest.mark.parametrize(("gigabytes", "status"), [(0.5, "fail"), (3, "warn"), (50, "ok")])
def test_the_disk(gigabytes: float, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=int(gigabytes * 1024**3))
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    assert check_disk()[0] == status


def test_the_feature_cache(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    config = load_config("tiny", [f"features.disk={{folder: {folder}, max_gib: 7.0}}"])
    empty = f"0.0 of at most 7 GiB of features in {folder}."
    assert check_features(config) == ("ok", empty)
    shard = folder / "recipe" / "shard"
    shard.mkdir(parents=True)
    (shard / "index.json").touch()
    with (shard / "rows.bin").open("wb") as file:
        file.truncate(2**30)
    assert check_features(config) == ("ok", empty.replace("0.0", "1.0"))


def test_cuda_that_is_asked_for_and_is_not_there_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert check_device("cuda")[0] == "fail"
    assert check_device("auto")[0] == "ok"


def test_weights(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    assert check_weights(BackboneConfig(weights="random"))[0] == "warn"
    assert check_weights(BackboneConfig(weights=str(file)))[0] == "fail"
    file.write_bytes(b"1")
    assert check_weights(BackboneConfig(weights=str(file)))[0] == "ok"


def test_weights_of_the_package_and_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlr.backbones.packaged.FOLDER", tmp_path)
    packaged = BackboneConfig(name="rlrnet", weights="packaged")
    assert check_weights(packaged)[0] == "fail"
    (tmp_path / "rlrnet.safetensors").write_bytes(b"1")
    assert check_weights(packaged)[0] == "ok"
    stored = BackboneConfig(name="resnet18", weights="store", store=str(tmp_path / "store"))
    status, sentence = check_weights(stored)
    assert status == "fail"
    assert "rlr backbone import" in sentence
    record = WeightsRecord(
        schema_version=1,
        name="resnet18",
        architecture="resnet18",
        tag=None,
        default_tag=False,
        sha256=bytes_sha256(b"weights"),
        bytes=7,
        parameters=1,
        options={},
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        input_size=(224, 224),
        licence=None,
        source=Source(kind="file", place="x.safetensors", sha256=bytes_sha256(b"weights")),
        brought_at="2026-01-01T00:00:00+00:00",
        tools={},
    )
    entry, _ = WeightsStore(tmp_path / "store").add(record, b"weights")
    assert check_weights(stored)[0] == "ok"
    entry.weights.write_bytes(b"wieghts")
    assert check_weights(stored) == (
        "fail",
        f"{entry.weights} is damaged "
        f"(has the sha256 {bytes_sha256(b'wieghts')[:12]}... in place of "
        f"{record.sha256[:12]}...); bring it again.",
    )


def test_weights_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_words: None)
    assert check_weights(BackboneConfig())[0] == "warn"
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_words: "/cache/model.safetensors")
    assert check_weights(BackboneConfig())[0] == "ok"
    assert check_weights(BackboneConfig(name="resnet_of_nobody"))[0] == "fail"


def test_images(tmp_path: Path) -> None:
    assert check_data(DataConfig(root=str(tmp_path)))[0] == "ok"
    status, sentence = check_data(DataConfig(root=str(tmp_path / "no")))
    assert status == "warn"
    assert "rlr data synth" in sentence
    assert "not here yet" in check_data(DataConfig(version=VERSION, cache=str(tmp_path)))[1]


def test_the_data_remote(tmp_path: Path) -> None:
    (tmp_path / "files" / "md5").mkdir(parents=True)
    assert check_remote(DataConfig(remote=str(tmp_path)))[0] == "ok"
    assert check_remote(DataConfig(remote=str(tmp_path / "no")))[0] == "warn"


def test_a_missing_remote_fails_only_a_pinned_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_remote(DataConfig())[0] == "warn"
    assert check_remote(DataConfig(version=VERSION))[0] == "fail"


def test_the_tracking_server(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    status, sentence = check_tracking(RegistryConfig(tracking_uri=f"sqlite:///{database}"))
    assert status == "ok"
    assert "made by the first run" in sentence
    assert not database.exists()
    away = examine("tracking", lambda: check_tracking(RegistryConfig(tracking_uri=NOWHERE)))
    assert away.status == "fail"
    assert "does not answer" in away.sentence


def test_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_cluster(1.0)[0] == "ok"
    for endpoint in (NOWHERE, "nonsense"):
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", endpoint)
        assert check_cluster(1.0)[0] == "fail"


def test_no_password_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "http://user:secret@127.0.0.1:9")
    assert "secret" not in check_cluster(1.0)[1]
