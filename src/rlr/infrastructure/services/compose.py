"""The services as containers, by docker compose."""

import hashlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from rlr import __version__
from rlr.config.text import parse_yaml
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import MachineError
from rlr.infrastructure.services import mlflow_server, postgres, s3
from rlr.infrastructure.services.engine import Health, addresses
from rlr.infrastructure.services.place import OWNER_ONLY, Place, Settings

COMPOSE_FILE = "compose.yaml"
VARIABLES_FILE = "compose.env"
PREFIX = "RLR_LOCAL_"
IMAGE = f"rlr-pipeline:{__version__}"
COMMAND_SECONDS = 60
PULL_SECONDS = 600


def compose_file() -> Path:
    """Return the compose file, which comes with the package."""
    return Path(str(resources.files("rlr.infrastructure.services") / COMPOSE_FILE))


def images() -> list[str]:
    """Return the images that the compose file names."""
    services = parse_yaml(compose_file().read_text(encoding="utf-8"))["services"].values()
    return [service["image"].replace(f"${{{PREFIX}IMAGE:?}}", IMAGE) for service in services]


def why_no_containers() -> str | None:
    """Return why containers cannot be used on this machine, or None where they can."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    if not _succeeds("compose", "version"):
        return "docker has no compose plugin"
    if not _succeeds("info"):
        return "the Docker daemon does not answer"
    for image in images():
        if _succeeds("image", "inspect", image):
            continue
        if image == IMAGE:
            return f"the image {image} is not built yet (`rlr images build`)"
        if not _succeeds("pull", "--quiet", image, seconds=PULL_SECONDS):
            return f"the image {image} cannot be pulled"
    return None


class Compose:
    """The services of a folder as containers.

    Args:
        place: The folder.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        # Two folders are two projects, whose volumes have nothing in common.
        self._project = f"rlr-{hashlib.sha256(str(place.folder).encode()).hexdigest()[:12]}"

    def up(self, settings: Settings) -> Settings:
        """Start the containers and wait until they are healthy.

        Raises:
            MachineError: They do not come up; they are stopped again.
        """
        if not settings.access_key:
            keys = {"access_key": secrets.token_hex(10), "secret_key": secrets.token_hex(20)}
            settings = self._place.keep(settings, **keys)
        self._write_variables(settings)
        seconds = self._place.config.start_seconds
        words = ("up", "--detach", "--wait", "--wait-timeout", f"{seconds:.0f}")
        reason = self._why_failed(*words, seconds=seconds + COMMAND_SECONDS)
        reason = reason or s3.why_no_buckets(settings, self._place.config.ask_seconds)
        if reason:
            self.down()
            raise MachineError(f"The containers did not come up: {reason}")
        return settings

    def down(self) -> None:
        """Remove the containers; their volumes, and with them the data, stay."""
        reason = self._why_failed("down", seconds=COMMAND_SECONDS)
        if reason:
            raise MachineError(f"The containers could not be stopped: {reason}")

    def health(self, settings: Settings) -> list[Health]:
        """Ask every service, and the daemon for the process of each."""
        seconds = self._place.config.ask_seconds
        asks: dict[str, Callable[[Settings, float], str | None]] = {
            "s3": s3.why_unable,
            "postgres": postgres.why_unable,
            "mlflow": mlflow_server.why_unable,
        }
        where = addresses(settings)
        log = f"docker compose --project-name {self._project} logs"
        return [
            Health(name, where[name], ask(settings, seconds), {name: self._pid(name)}, log)
            for name, ask in asks.items()
        ]

    def _pid(self, service: str) -> int | None:
        container = f"{self._project}-{service}-1"
        done = _docker("inspect", "--format", "{{json .State}}", container)
        if done is None or done.returncode:
            return None
        return json.loads(done.stdout).get("Pid") or None

    def _write_variables(self, settings: Settings) -> None:
        variables = {
            "S3_PORT": settings.s3_port,
            "POSTGRES_PORT": settings.postgres_port,
            "MLFLOW_PORT": settings.mlflow_port,
            "ACCESS_KEY": settings.access_key,
            "SECRET_KEY": settings.secret_key,
            "DATABASE_PASSWORD": settings.database_password,
            "WORKERS": self._place.config.mlflow_workers,
            "IMAGE": IMAGE,
        }
        with atomic_file(self._variables_file, OWNER_ONLY) as temporary:
            lines = [f"{PREFIX}{name}={value}\n" for name, value in variables.items()]
            temporary.write_text("".join(lines), encoding="utf-8")

    @property
    def _variables_file(self) -> Path:
        return self._place.folder / VARIABLES_FILE

    def _why_failed(self, *words: str, seconds: float) -> str | None:
        done = _docker(
            *("compose", "--project-name", self._project),
            *("--env-file", str(self._variables_file), "--file", str(compose_file())),
            *words,
            seconds=seconds,
        )
        if done is None:
            return f"docker compose {words[0]} did not end in {seconds:.0f} seconds"
        return _last_line(done.stderr) if done.returncode else None


def _succeeds(*words: str, seconds: float = COMMAND_SECONDS) -> bool:
    done = _docker(*words, seconds=seconds)
    return done is not None and done.returncode == 0


def _docker(
    *words: str, seconds: float = COMMAND_SECONDS
) -> "subprocess.CompletedProcess[str] | None":
    """Run docker; None where it does not end in time."""
    # The file of variables is to be the one source: the environment would go before it.
    environment = {name: value for name, value in os.environ.items() if PREFIX not in name}
    try:
        return subprocess.run(
            ["docker", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no word why"
