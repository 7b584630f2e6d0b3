"""The training pipeline in its images, with no service but this machine's folders."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Place, containers_of

pytestmark = pytest.mark.e2e

ROLES = {
    "validate-data": "pipeline",
    "train": "train",
    "evaluate": "train",
    "gate": "train",
    "register": "pipeline",
    "promote": "pipeline",
    "notify": "pipeline",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Place:
    folder = tmp_path_factory.mktemp("images")
    shutil.copytree(drawn, folder / "data")
    return Place(folder, {})


@pytest.fixture(scope="module")
def answer(place: Place, pipeline: Callable[..., list[str]], in_images: list[str]) -> Any:
    return place.rlr(*pipeline(*in_images, "--json")).answer


def test_each_step_ran_in_its_image(answer: Any, image_ids: dict[str, str]) -> None:
    containers = containers_of(Path(answer["folder"]))
    assert {step: one["image_id"] for step, one in containers.items()} == {
        step: image_ids[role] for step, role in ROLES.items()
    }
    for one in containers.values():
        assert one["exit_status"] == 0
        assert one["user"].split(":")[0] not in ("", "0")
        assert one["read_only"] is True


def test_each_step_left_its_outputs(answer: Any, place: Place) -> None:
    left = {path.parent.name for path in place.last_run().glob("*/*/executor_output.json")}
    assert left == set(ROLES)
    assert Path(answer["report"]).is_file()
    assert list(place.last_run().glob("*/train/model/model/*.safetensors"))


def test_the_version_says_its_image(
    answer: Any, place: Place, images: dict[str, str], image_ids: dict[str, str]
) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{place.folder}/.rlr/mlflow/mlflow.db"
    client = MlflowClient(uri, uri)
    run = client.get_run(answer["run_id"])
    assert run.data.tags["image"] == f"{images['train']} ({image_ids['train']})"
    version = client.get_model_version_by_alias("rlr", "champion")
    assert answer["version"]["uri"] == f"models:/rlr/{version.version}"


def test_no_container_stays(answer: Any, docker: Any) -> None:
    assert docker("ps", "--all", "--quiet", "--filter", "label=dev.rlr.run").stdout == ""


def test_data_that_are_not_fit_stop_the_rest(
    tmp_path: Path, drawn: Path, pipeline: Callable[..., list[str]], in_images: list[str]
) -> None:
    place = Place(tmp_path, {})
    shutil.copytree(drawn, tmp_path / "data")
    victim = sorted((tmp_path / "data" / "flange" / "train" / "good").iterdir())[0]
    victim.write_bytes(b"no image")
    done = place.rlr(*pipeline(*in_images))
    assert done.status == 2
    assert done.last_line.startswith("rlr: Validation failed at readable")
    assert victim.relative_to(tmp_path / "data").as_posix() in done.last_line
    containers = containers_of(place.last_run())
    assert set(containers) == {"validate-data", "reject-data", "notify"}
    assert containers["reject-data"]["exit_status"] == 1
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not (tmp_path / ".rlr" / "mlflow" / "mlflow.db").exists()


def test_a_missing_image_starts_nothing(
    tmp_path: Path, pipeline: Callable[..., list[str]], docker: Any
) -> None:
    done = Place(tmp_path, {}).rlr(*pipeline("--runner", "docker", "--image-train", "no-such:1"))
    assert done.status == 2
    assert "rlr images build" in done.last_line
    assert not (tmp_path / ".rlr").exists()


def test_an_image_that_runs_as_root_is_refused(
    tmp_path: Path,
    pipeline: Callable[..., list[str]],
    in_images: list[str],
    images: dict[str, str],
    docker: Any,
) -> None:
    container = docker("create", images["pipeline"], "true").stdout.strip()
    docker("commit", "--change", "USER root", container, "rlr-test-root:1")
    docker("rm", container)
    try:
        done = Place(tmp_path, {}).rlr(*pipeline(*in_images, "--image-train", "rlr-test-root:1"))
    finally:
        docker("image", "rm", "rlr-test-root:1")
    assert done.status == 2
    assert "rlr-test-root:1 runs as the user root" in done.last_line


def test_the_answer_is_one_document(answer: Any) -> None:
    assert json.dumps(answer, allow_nan=False)
    assert answer["runner"] == "docker"
