"""A line of data versions: images, a folder where new ones arrive, and a remote."""

from pathlib import Path

import pytest
from fixtures.arrivals import PATTERN, Place, save

from rlr.config.data import DataConfig
from rlr.config.intake import IntakeConfig


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
