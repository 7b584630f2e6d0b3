"""Times of the registry, as people and documents take them: all in UTC."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


def moment(milliseconds: int) -> datetime:
    """Return a time of MLflow's."""
    return datetime.fromtimestamp(milliseconds / 1000.0, UTC)


def as_text(time: datetime, timespec: str = "milliseconds") -> str:
    """Return a time in UTC as documents give it.

    Example:
        >>> as_text(moment(1500), "seconds"), as_text(moment(1500))
        ('1970-01-01T00:00:01Z', '1970-01-01T00:00:01.500Z')
    """
    return time.isoformat(timespec=timespec).replace("+00:00", "Z")


def created(version: "ModelVersion") -> str:
    """Return when a version was registered."""
    return as_text(moment(version.creation_timestamp or 0))
