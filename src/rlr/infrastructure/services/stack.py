"""Up, down and status of the services: the one way in."""

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rlr.config.services import ServicesConfig
from rlr.foundation.errors import MachineError, UserError
from rlr.infrastructure.services import debian
from rlr.infrastructure.services.compose import Compose, why_no_containers
from rlr.infrastructure.services.engine import Engine, Health
from rlr.infrastructure.services.env_file import remove_env_file, require_ours, write_env_file
from rlr.infrastructure.services.native import Native
from rlr.infrastructure.services.place import Place, Settings

logger = logging.getLogger("rlr")
DEFAULT_ENV_FILE = Path(".env")


@dataclass(frozen=True)
class Status:
    """What the services of a folder answered.

    Attributes:
        engine: docker or debian; None: nothing was started here yet.
        folder: Their folder.
        env_file: The file that tells of them; None while they are down.
        services: What each of them answered.
    """

    engine: str | None
    folder: Path
    env_file: Path | None
    services: list[Health]

    def faults(self) -> list[str]:
        """Return a clause for every service that is not in order."""
        return [f"{one.service}: {one.reason}" for one in self.services if one.reason]


def up(config: ServicesConfig, env_file: Path = DEFAULT_ENV_FILE) -> Status:
    """Start the services that do not answer, and write the file that tells of them.

    Args:
        config: Engine, folder, ports and patience.
        env_file: File to write.

    Raises:
        UserError: The file is somebody else's, or the folder was made with another engine.
        MachineError: Packages are missing, a port is taken, or a service does not come up; what
            was started is stopped again, and no file is written.
    """
    _require_clients()
    place = Place(config)
    env_file = env_file.absolute()
    require_ours(env_file)
    known = place.settings()
    name = choose_engine(config.engine, known, place.folder)
    with place.alone():
        settings = _settle(place, known, name)
        settings = engine_of(place, name).up(settings)
        write_env_file(env_file, place.folder, settings.variables())
        if settings.env_file not in ("", str(env_file)):
            remove_env_file(Path(settings.env_file), place.folder)
        place.keep(settings, env_file=str(env_file))
    return status(config)


def down(config: ServicesConfig) -> Status:
    """Stop the services and remove the file that tells of them; data stay.

    Raises:
        UserError: Nothing was ever started in the folder.
    """
    place = Place(config)
    settings = _require_settings(place)
    with place.alone():
        if settings.env_file:
            remove_env_file(Path(settings.env_file), place.folder)
        engine_of(place, settings.engine).down()
        place.keep(settings, env_file="")
    return Status(settings.engine, place.folder, None, [])


def status(config: ServicesConfig) -> Status:
    """Ask every service.

    Raises:
        UserError: Nothing was ever started in the folder.
    """
    _require_clients()
    place = Place(config)
    settings = _require_settings(place)
    health = engine_of(place, settings.engine).health(settings)
    env_file = Path(settings.env_file) if settings.env_file else None
    return Status(settings.engine, place.folder, env_file, health)


def engine_of(place: Place, name: str) -> Engine:
    """Return the engine of that name."""
    return Compose(place) if name == "docker" else Native(place)


def choose_engine(wanted: str, known: Settings | None, folder: Path) -> str:
    """Return the engine to use.

    Args:
        wanted: docker, debian or auto.
        known: What the folder was made with, if it was.
        folder: Folder of the services.

    Raises:
        UserError: The folder was made with another one.
        MachineError: The one that is wanted cannot work here, or none can.
    """
    if known and wanted not in ("auto", known.engine):
        raise UserError(
            f"{folder} was made with --engine {known.engine} and holds its data; choose another "
            f"--folder for --engine {wanted}."
        )
    wanted = known.engine if known else wanted
    missing = debian.missing_packages()
    if wanted == "debian":
        if missing:
            raise MachineError(debian.missing_sentence(missing))
        return wanted
    reason = why_no_containers()
    if reason is None:
        return "docker"
    if wanted == "docker":
        raise MachineError(f"Containers cannot be used here: {reason}.")
    logger.info("No containers: %s; Debian's packages instead", reason)
    if missing:
        raise MachineError(debian.missing_sentence(missing))
    return "debian"


def _require_clients() -> None:
    """Refuse to go on without the Python packages that start and ask the services."""
    missing = [name for name in ("boto3", "psycopg", "mlflow") if find_spec(name) is None]
    if missing:
        raise MachineError(
            f"The services need Python packages that are not installed ({', '.join(missing)}): "
            "the extras `data` and `registry` bring them."
        )


def _settle(place: Place, known: Settings | None, engine: str) -> Settings:
    if known is None:
        return place.choose(engine)
    moved = place.moved(known)
    if moved != known:
        engine_of(place, engine).down()  # MLflow knows the other two by their ports
        return place.keep(moved)
    return known


def _require_settings(place: Place) -> Settings:
    settings = place.settings()
    if settings is None:
        raise UserError(
            f"No services were started in {place.folder}; `rlr services up` does, and --folder "
            "names another place."
        )
    return settings
