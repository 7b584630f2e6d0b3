"""What both ways of running the services have in common."""

from dataclasses import dataclass
from typing import Protocol

from rlr.foundation.network import without_password
from rlr.infrastructure.services.place import Settings


@dataclass(frozen=True)
class Health:
    """What one service answered.

    Attributes:
        service: s3, postgres or mlflow.
        address: Where it is asked; without a password.
        reason: Why it is not in order, or None where it is.
        daemons: Its processes by name, with their ids; None: it does not live.
        log: Where its own words are.
    """

    service: str
    address: str
    reason: str | None
    daemons: dict[str, int | None]
    log: str


class Engine(Protocol):
    """A way of running the services."""

    def up(self, settings: Settings) -> Settings:
        """Start what does not answer, and return the settings with credentials."""

    def down(self) -> None:
        """Stop everything; data stay."""

    def health(self, settings: Settings) -> list[Health]:
        """Ask every service."""


def addresses(settings: Settings) -> dict[str, str]:
    """Return where each service is asked, without a password."""
    return {
        "s3": settings.endpoint,
        "postgres": without_password(settings.database_url),
        "mlflow": settings.tracking_uri,
    }
