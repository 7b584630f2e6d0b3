"""The folder of the services, and what it knows: engine, ports, credentials."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rlr.config.services import ServicesConfig
from rlr.foundation.atomic import atomic_file
from rlr.foundation.documents import read_json, write_json
from rlr.foundation.errors import MachineError, UserError
from rlr.infrastructure.services.ports import free_port, require_free

SETTINGS_FILE = "settings.json"
SERVICES = ("s3", "postgres", "mlflow")
REGION = "us-east-1"
DATA_BUCKET = "rlr-data"
ARTIFACT_BUCKET = "rlr-mlflow"
DATABASE = "mlflow"
DATABASE_USER = "rlr"
OWNER_ONLY = 0o600


@dataclass(frozen=True)
class Settings:
    """What is chosen at the first start and kept.

    Attributes:
        engine: docker or debian.
        s3_port, postgres_port, mlflow_port: Where the services listen.
        database_password: Password of the database's one user.
        access_key, secret_key: Credentials of S3; empty until the object store has made them.
        store: Name of the object store's folder; empty until one has come up.
        env_file: The file that tells everybody else, absolute; empty while the services are down.
    """

    engine: str
    s3_port: int
    postgres_port: int
    mlflow_port: int
    database_password: str
    access_key: str = ""
    secret_key: str = ""
    store: str = ""
    env_file: str = ""

    @property
    def endpoint(self) -> str:
        """Address of S3."""
        return f"http://127.0.0.1:{self.s3_port}"

    @property
    def tracking_uri(self) -> str:
        """Address of MLflow."""
        return f"http://127.0.0.1:{self.mlflow_port}"

    @property
    def database_url(self) -> str:
        """Address of the database, with its password."""
        return (
            f"postgresql://{DATABASE_USER}:{self.database_password}"
            f"@127.0.0.1:{self.postgres_port}/{DATABASE}"
        )

    def s3_variables(self) -> dict[str, str]:
        """Return what a client of S3 reads from the environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    def credentials(self) -> str:
        """Return the credentials of S3 as AWS's libraries read them from a file."""
        return (
            f"[default]\naws_access_key_id = {self.access_key}\n"
            f"aws_secret_access_key = {self.secret_key}\n"
        )

    def variables(self) -> dict[str, str]:
        """Return the variables of the `.env` file, the same for every engine."""
        return self.s3_variables() | {
            "RLR_DATA_REMOTE": f"s3://{DATA_BUCKET}/versions",
            "MLFLOW_TRACKING_URI": self.tracking_uri,
            "RLR_DATABASE_URL": self.database_url,
        }


class Place:
    """The folder of the services.

    Args:
        config: Folder, ports and patience.
    """

    def __init__(self, config: ServicesConfig) -> None:
        self.config = config
        self.folder = Path(config.folder).absolute()

    def settings(self) -> Settings | None:
        """Return what was chosen here, or None where nothing was started yet.

        Raises:
            UserError: The folder's file cannot be understood.
        MachineError: It is somebody else's.
        """
        path = self.folder / SETTINGS_FILE
        try:
            return Settings(**read_json(path)) if path.exists() else None
        except OSError as error:
            raise MachineError(
                f"{path} cannot be read ({error.strerror}); be the user who started the services, "
                "or choose another --folder."
            ) from error
        except TypeError as error:
            raise UserError(
                f"{path} is not what `rlr services up` wrote; mend it, or choose another --folder."
            ) from error

    def choose(self, engine: str) -> Settings:
        """Choose engine, ports and passwords for a new folder, and keep them.

        Raises:
            MachineError: A port that the configuration names is taken.
        """
        wanted = self._wanted_ports()
        for name, port in wanted.items():
            require_free(name.removesuffix("_port"), port)
        ports: list[int] = []
        for service in SERVICES:
            ports.append(wanted.get(f"{service}_port") or free_port(ports))
        s3_port, postgres_port, mlflow_port = ports
        password = secrets.token_hex(24)
        return self.keep(Settings(engine, s3_port, postgres_port, mlflow_port, password))

    def moved(self, settings: Settings) -> Settings:
        """Return the settings with the ports that the configuration names by now.

        Raises:
            MachineError: One of them is taken.
        """
        ports = {
            name: port
            for name, port in self._wanted_ports().items()
            if port != getattr(settings, name)
        }
        for name, port in ports.items():
            require_free(name.removesuffix("_port"), port)
        return replace(settings, **ports)

    def _wanted_ports(self) -> dict[str, Any]:
        names = [f"{service}_port" for service in SERVICES]
        return {name: port for name in names if (port := getattr(self.config, name))}

    def keep(self, settings: Settings, **changes: Any) -> Settings:
        """Write changed settings down, and return them."""
        changed = replace(settings, **changes)
        write_json(self.folder / SETTINGS_FILE, asdict(changed), OWNER_ONLY)
        with atomic_file(self.credentials_file, OWNER_ONLY) as temporary:
            temporary.write_text(changed.credentials(), encoding="utf-8")
        return changed

    @property
    def credentials_file(self) -> Path:
        """S3's credentials, in the form that AWS's libraries read."""
        return self.folder / "credentials"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other `rlr services up` and `down` out of the folder.

        Raises:
            MachineError: Another one is at work here, or the folder cannot be written.
        """
        try:
            # Others may pass through, for PostgreSQL has a user of its own; they may not look.
            self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        except OSError as error:
            raise MachineError(
                f"{self.folder} cannot be written ({error.strerror}); choose another --folder."
            ) from error
        try:
            self._lock(handle)
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MachineError(
                f"Another `rlr services` is at work in {self.folder}; wait for it and run again."
            ) from error
