"""The training pipeline against S3, PostgreSQL and MLflow, by either runner.

The images are published by DVC and pulled by their hash: no step finds them in `data.root`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Place, containers_of

pytestmark = [pytest.mark.e2e, pytest.mark.services]

SCORE = """
import json, sys
import mlflow.pyfunc

model = mlflow.pyfunc.load_model(sys.argv[1])
params = {"class_name": sys.argv[2], "heatmaps": False}
print(json.dumps(model.predict(sys.argv[3:], params=params)["image_score"].tolist()))
"""


@dataclass(frozen=True)
class Made:
    """A run that ended well."""

    runner: str
    place: Place
    answer: dict[str, Any]

    @property
    def name(self) -> str:
        return f"e2e-{self.runner}"


@pytest.fixture(scope="module")
def version(drawn: Path, services: dict[str, str]) -> str:
    """Publish the images, and return their data version."""
    place = Place(drawn.parent, services)
    return place.rlr("data", "publish", drawn, "--json").answer["data_version"]


@pytest.fixture(scope="module", params=["subprocess", "docker"])
def made(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    services: dict[str, str],
    version: str,
    pipeline: Callable[..., list[str]],
) -> Made:
    runner = request.param
    place = Place(tmp_path_factory.mktemp(runner), services)
    options = request.getfixturevalue("in_images") if runner == "docker" else []
    named = ("--set", f"registry.model_name=e2e-{runner}", "--set", f"registry.experiment={runner}")
    done = place.rlr(*pipeline(*options, *named, "--data-version", version, "--json"))
    secrets = (services["AWS_SECRET_ACCESS_KEY"], services["RLR_DATABASE_URL"])
    said = done.stdout + done.stderr + (place.last_run() / "log.txt").read_text()
    assert not [secret for secret in secrets if secret in said]
    return Made(runner, place, done.answer)


def test_the_images_were_pulled_by_their_hash(made: Made, version: str) -> None:
    assert made.answer["data_version"] == version
    assert not (made.place.folder / "data").exists()
    assert (made.place.folder / ".rlr" / "versions" / version.removesuffix(".dir")).is_dir()


def test_each_step_ran_where_it_should(made: Made, image_ids: dict[str, str]) -> None:
    folder = Path(made.answer["folder"])
    if made.runner == "subprocess":
        assert not (folder / "containers.json").exists()
        return
    ran = {step: one["image_id"] for step, one in containers_of(folder).items()}
    heavy = {"train", "evaluate", "gate"}
    assert set(ran) == heavy | {"validate-data", "register", "promote", "notify"}
    for step, image in ran.items():
        assert image == image_ids["train" if step in heavy else "pipeline"]


def test_the_metrics_are_in_the_database(made: Made, services: dict[str, str]) -> None:
    import psycopg

    with psycopg.connect(services["RLR_DATABASE_URL"]) as connection:
        rows = connection.execute(
            "select key, value from latest_metrics where run_uuid = %s", [made.answer["run_id"]]
        ).fetchall()
    found = dict(rows)
    expected = made.answer["metrics"]["default"]["mean"]["image_auroc"]
    assert found["default.mean.image_auroc"] == pytest.approx(expected)
    assert "train.loss" in found


def test_the_artifacts_are_in_the_bucket(made: Made, services: dict[str, str]) -> None:
    import boto3

    store = boto3.client(
        "s3",
        endpoint_url=services["AWS_ENDPOINT_URL"],
        aws_access_key_id=services["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=services["AWS_SECRET_ACCESS_KEY"],
        region_name=services["AWS_DEFAULT_REGION"],
    )
    pages = store.get_paginator("list_objects_v2").paginate(Bucket="rlr-mlflow")
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    mine = [key for key in keys if made.answer["run_id"] in key]
    assert any(key.endswith("evaluation/report.html") for key in mine)
    assert any(key.endswith(".safetensors") for key in keys)
    assert not (made.place.folder / ".rlr" / "mlflow").exists()


def test_the_registered_model_scores_as_the_local_detector(
    made: Made, drawn: Path, tmp_path: Path, services: dict[str, str]
) -> None:
    from rlr.detection.detector import Detector

    images = sorted((drawn / "flange" / "test").rglob("*.png"))[:6]
    fresh = Place(tmp_path, services)
    done = fresh.python("-c", SCORE, made.answer["version"]["uri"], "flange", *images)
    assert done.status == 0, done.stderr
    scores = json.loads(done.stdout.splitlines()[-1])
    (folder,) = Path(made.answer["folder"]).glob("*/train/model/model")
    local = Detector.load(folder)
    rows = local.predict([local.read(path) for path in images], ["flange"] * len(images))
    assert scores == pytest.approx([row.image_score for row in rows], rel=1e-5)
    assert len(set(scores)) > 1
