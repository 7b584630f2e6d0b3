"""PostgreSQL of Debian's packages: on loopback, with a password, and no socket in the file system.

A socket's path may not be longer than 107 bytes, and folders are.
"""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.foundation.errors import MachineError
from rlr.infrastructure.services.debian import program
from rlr.infrastructure.services.place import DATABASE, DATABASE_USER, Place, Settings
from rlr.infrastructure.services.processes import Daemon, Processes, has_ended, identity
from rlr.infrastructure.services.waiting import Patience

if TYPE_CHECKING:
    import psycopg

DAEMON = "postgres"
SYSTEM_USER = "postgres"  # made by Debian's package
MAINTENANCE = "postgres"  # the database that every server has
LEAST_TIMEOUT = 2  # seconds; libpq waits no shorter


def why_unable(settings: Settings, seconds: float) -> str | None:
    """Send a query; return why it is not answered, or None where it is."""
    import psycopg

    try:
        with connect(settings, seconds) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        return _reason(error)
    return None


def connect(settings: Settings, seconds: float, database: str = DATABASE) -> "psycopg.Connection":
    """Return a connection on which nothing waits longer than it should."""
    import psycopg

    timeout = max(LEAST_TIMEOUT, round(seconds))
    return psycopg.connect(
        host="127.0.0.1",
        port=settings.postgres_port,
        user=DATABASE_USER,
        password=settings.database_password,
        dbname=database,
        connect_timeout=timeout,
        options=f"-c statement_timeout={timeout}s",
        autocommit=True,
    )


class Postgres:
    """The database server of a folder.

    Args:
        place: The folder.
        processes: Its daemons.
    """

    name: str = "postgres"
    daemons: tuple[str, ...] = (DAEMON,)

    def __init__(self, place: Place, processes: Processes) -> None:
        self._place = place
        self._processes = processes
        self._user = SYSTEM_USER if os.geteuid() == 0 else None

    def start(self, settings: Settings, patience: Patience) -> Settings:
        """Start the server; the first time, make its data.

        Raises:
            MachineError: It does not come up, or its user may not enter the folder.
        """
        home = self._place.folder / "postgres"
        self._make_home(home)
        data = home / "data"
        if not data.exists():
            self._make_data(home, data, settings.database_password)
        _remove_stale_lock(data / "postmaster.pid")
        settings_of_server = {
            "listen_addresses": "127.0.0.1",
            "port": settings.postgres_port,
            "unix_socket_directories": "",
        }
        words = [f"--{name}={value}" for name, value in settings_of_server.items()]
        command = [program("postgres"), "-D", str(data), *words]
        # SIGINT ends sessions at once; SIGTERM would wait for every client to leave.
        self._processes.start(Daemon(DAEMON, command, user=self._user, stop_signal=signal.SIGINT))

        def why_not_yet() -> str | None:
            if self._processes.pid(DAEMON) is None:
                raise MachineError(
                    f"PostgreSQL left as soon as it had started: "
                    f"{self._processes.last_words(DAEMON)}"
                )
            return self._why_no_database(settings)

        patience.wait_for("PostgreSQL", why_not_yet)
        return settings

    def why_unable(self, settings: Settings) -> str | None:
        """Return why the database does not answer a query, or None where it does."""
        return why_unable(settings, self._place.config.ask_seconds)

    def _why_no_database(self, settings: Settings) -> str | None:
        import psycopg

        seconds = self._place.config.ask_seconds
        try:
            with connect(settings, seconds, MAINTENANCE) as connection:
                query = "SELECT 1 FROM pg_database WHERE datname = %s"
                if connection.execute(query, (DATABASE,)).fetchone() is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.Error as error:
            return _reason(error)
        return self.why_unable(settings)

    def _make_home(self, home: Path) -> None:
        home.mkdir(mode=0o700, exist_ok=True)
        if self._user is None:
            return
        try:
            entry = pwd.getpwnam(self._user)
        except KeyError as error:
            raise MachineError(
                f"PostgreSQL refuses to run as root, and there is no user {self._user}; install "
                "Debian's package postgresql, or run as another user."
            ) from error
        os.chown(home, entry.pw_uid, entry.pw_gid)
        for folder in reversed(home.parents):
            if not self._may(self._user, "-x", folder):
                raise MachineError(
                    f"PostgreSQL runs as the user {self._user}, who may not enter {folder}; "
                    "choose another folder with --folder."
                )

    def _may(self, user: str, right: str, path: Path) -> bool:
        command = ["test", right, str(path)]
        asked = subprocess.run(command, cwd="/", check=False, **identity(user))
        return asked.returncode == 0

    def _make_data(self, home: Path, data: Path, password: str) -> None:
        """Make the data beside their place, and move them there whole."""
        unfinished = home / "data.partial"
        shutil.rmtree(unfinished, ignore_errors=True)
        secret = home / "password"
        secret.touch(mode=0o600)
        secret.write_text(password)
        if self._user:
            shutil.chown(secret, self._user)
        words = {
            "--pgdata": unfinished,
            "--username": DATABASE_USER,
            "--pwfile": secret,
            "--auth": "scram-sha-256",
            "--encoding": "UTF8",
            "--locale": "C.UTF-8",
        }
        log = self._processes.log(DAEMON)
        log.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            with log.open("ab") as output:
                subprocess.run(
                    [program("initdb"), *(f"{name}={value}" for name, value in words.items())],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    check=True,
                    **identity(self._user),
                )
        except subprocess.CalledProcessError as error:
            raise MachineError(
                f"initdb failed: {self._processes.last_words(DAEMON)} (all of it in {log})."
            ) from error
        finally:
            secret.unlink()
        unfinished.replace(data)


def _remove_stale_lock(lock: Path) -> None:
    """Remove the lock of a server that was killed, where the system still lists its process.

    PostgreSQL takes a process that nobody has taken notice of for a living one; where no init
    process does so (many a container), that would be for ever.
    """
    if lock.exists():
        first = lock.read_text().partition("\n")[0]
        if first.isdigit() and has_ended(int(first)):
            lock.unlink()


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
