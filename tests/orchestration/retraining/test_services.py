"""A retraining on real services: images and versions in S3, MLflow on PostgreSQL."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from fixtures.arrivals import PATTERN, save

from rlr.config import load_config
from rlr.config.registry import RegistryConfig
from rlr.data.versions import publish, pull, read_parent
from rlr.foundation.documents import read_result
from rlr.orchestration import steps
from rlr.orchestration.retraining.deciding import Question, settle
from rlr.orchestration.retraining.news import News
from rlr.registry.retraining import Retrainings
from rlr.registry.server import connect

pytestmark = pytest.mark.services
ROUNDS = 5


@pytest.fixture
def bucket(services: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Yield a bucket of its own (boto3's resource), and a working directory without images."""
    import boto3

    for name, value in services.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RLR_DATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    made = boto3.session.Session().resource("s3").Bucket(f"retrain-{uuid.uuid4().hex[:12]}")
    made.create()
    monkeypatch.setenv("RLR_DATA_REMOTE", f"s3://{made.name}/versions")
    yield made
    made.objects.delete()
    made.delete()


def put(bucket: Any, folder: Path, *keys: str) -> None:
    for key in keys:
        save(folder / key)
        bucket.upload_file(str(folder / key), key)


def test_what_a_camera_puts_into_a_bucket_is_decided_about(bucket: Any, tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / "first" / "bolt" / "train" / "good" / f"{number}.png")
    base = publish(tmp_path / "first")
    put(bucket, tmp_path / "camera", "line-1/bolt/good/a.png", "line-1/bolt/good/b.png")
    name = f"line-{uuid.uuid4().hex[:8]}"
    overrides = [
        f"retraining.source=s3://{bucket.name}/line-1",
        f"data.intake.key_pattern={PATTERN}",
        f"registry.model_name={name}",
        f"registry.experiment={name}",
    ]
    first = steps.import_data("tiny", overrides, tmp_path / "1", base, pipeline_run="one")
    assert (first.base, first.new, first.outlook) == (base, 2, "train")
    assert "no champion yet" in first.reason
    pull(first.data_version, None, tmp_path / "pulled")
    note = read_parent(tmp_path / "pulled")
    assert note
    assert note["parent"] == base
    decided = steps.decide("tiny", overrides, tmp_path / "1", tmp_path / "decision")
    assert (decided.retrain, decided.trigger) == (True, "first")
    assert read_result(tmp_path / "decision", "decide")["retrain"] is True

    put(bucket, tmp_path / "camera", "line-1/bolt/good/c.png")
    # As the next pod: nothing of the first is here, and nobody names the version.
    (tmp_path / "cache").rename(tmp_path / "gone")
    second = steps.import_data("tiny", overrides, tmp_path / "2", pipeline_run="two")
    assert (second.base, second.new, second.outlook) == (first.data_version, 1, "stop")
    assert "cool-down until" in second.reason
    third = steps.import_data("tiny", overrides, tmp_path / "3", pipeline_run="three")
    assert (third.data_version, third.new) == (second.data_version, 0)


class Together(Retrainings):
    """Makes its first claim when another one is about to make the same."""

    def __init__(self, settings: RegistryConfig, barrier: Barrier) -> None:
        super().__init__(connect(settings), settings)
        self._barrier = barrier

    def claim(self, number: int, run_id: str) -> bool:
        if number == 1:
            self._barrier.wait(60)
        return super().claim(number, run_id)


@pytest.mark.usefixtures("bucket")
def test_of_two_at_once_one_trains_on_postgresql() -> None:
    for _ in range(ROUNDS):
        name = f"race-{uuid.uuid4().hex[:8]}"
        registry = RegistryConfig(model_name=name, experiment=name)
        both = [Together(registry, barrier) for barrier in [Barrier(2)] * 2]
        runs = [past.begin(f"{name}-{number}", {}) for number, past in enumerate(both)]
        question = Question(load_config("tiny"), News(judged=50, known=1), forced=False)
        with ThreadPoolExecutor(2) as pool:
            made = pool.map(settle, [question] * 2, both, runs)
            assert sorted(each.action for each in made) == ["stop", "train"]
        assert len(both[0].claims()) == 1
