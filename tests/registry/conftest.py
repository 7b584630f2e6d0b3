from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rlr.config.registry import RegistryConfig

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of one tracking store, for MLflow takes seconds to make or open one."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture
def settings(store: str, tmp_path: Path) -> RegistryConfig:
    """Return the store, with an experiment and a model of this test's own."""
    return RegistryConfig(tracking_uri=store, experiment=tmp_path.name, model_name=tmp_path.name)


@pytest.fixture
def client(settings: RegistryConfig) -> "MlflowClient":
    """Return a client of the store."""
    from rlr.registry.server import connect

    return connect(settings)
