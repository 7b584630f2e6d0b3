"""A bucket where a camera drops images, and a proxy in front of its server."""

import io
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.proxy import Proxy
from PIL import Image

from rlr.config.data import DataConfig
from rlr.config.intake import IntakeConfig

Import = Callable[..., Any]


def picture(seed: int, side: int = 16) -> bytes:
    """Return a PNG, another for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def camera(
    services: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Any]:
    """Yield a bucket of its own (boto3's resource), and an empty working directory."""
    import boto3

    for name, value in services.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    bucket = boto3.session.Session().resource("s3").Bucket(f"camera-{uuid.uuid4().hex[:12]}")
    bucket.create()
    yield bucket
    bucket.objects.delete()
    bucket.delete()


@pytest.fixture
def proxy(
    camera: Any, services: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Proxy]:
    """Yield a proxy, through which everything goes from now on."""
    made = Proxy(services["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    yield made
    made.close()


@pytest.fixture
def take(camera: Any, tmp_path: Path) -> Import:
    """Return a function that imports from the bucket into `data`: `take("line-1", part_size=...)`.

    It is quick to give up; `root` names another folder.
    """
    from rlr.data.intake import import_images

    def run(prefix: str = "", root: str = "data", **settings: Any) -> Any:
        quick = {"class_name": "bolt", "attempts": 2, "pause": 0.0, "timeout": 5.0}
        intake = IntakeConfig(**{**quick, **settings})
        config = DataConfig(root=root, validation_fraction=0.0, intake=intake)
        return import_images(config, f"s3://{camera.name}/{prefix}")

    return run


def files_in(folder: Path) -> set[str]:
    """Return the relative paths of all files."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
