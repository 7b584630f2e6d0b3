"""A line of data versions: images, a folder where new ones arrive, and a remote."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixtures.arrivals import PATTERN, Place, save

from rlr.config.data import DataConfig
from rlr.config.intake import IntakeConfig
from rlr.config.registry import RegistryConfig
from rlr.registry.retraining import Retrainings

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return a place with four images that were judged."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "remote").mkdir()
    for number in range(4):
        save(tmp_path / "data" / "bolt" / "train" / "good" / f"{number}.png")
    data = DataConfig(
        root=str(tmp_path / "data"),
        remote=str(tmp_path / "remote"),
        cache=str(tmp_path / "cache"),
        validation_fraction=0.0,
        intake=IntakeConfig(key_pattern=PATTERN),
    )
    return Place(tmp_path, data)


@pytest.fixture
def published(place: Place) -> str:
    """Return the data version of the four images, which the remote has."""
    from rlr.data.versions import publish

    return publish(Path(place.data.root), place.data.remote)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture
def settings(store: str, tmp_path: Path) -> RegistryConfig:
    return RegistryConfig(tracking_uri=store, experiment=tmp_path.name, model_name=tmp_path.name)


@pytest.fixture
def client(settings: RegistryConfig) -> "MlflowClient":
    from rlr.registry.server import connect

    return connect(settings)


@pytest.fixture
def past(client: "MlflowClient", settings: RegistryConfig) -> Retrainings:
    return Retrainings(client, settings)
