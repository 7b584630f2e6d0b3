"""Times of the registry, as people and documents take them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


def created(version: "ModelVersion") -> str:
    """Return when a version was registered, in UTC."""
    moment = datetime.fromtimestamp((version.creation_timestamp or 0) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
