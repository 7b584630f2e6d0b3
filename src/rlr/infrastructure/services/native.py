"""The services as plain processes of Debian's packages."""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import Protocol

from rlr.foundation.progress import track
from rlr.infrastructure.services.ceph import Ceph
from rlr.infrastructure.services.engine import Health, addresses
from rlr.infrastructure.services.mlflow_server import MlflowServer
from rlr.infrastructure.services.place import Place, Settings
from rlr.infrastructure.services.ports import require_free
from rlr.infrastructure.services.postgres import Postgres
from rlr.infrastructure.services.processes import Processes
from rlr.infrastructure.services.waiting import Patience

logger = logging.getLogger("rlr")


class Service(Protocol):
    """One service: its daemons in the order in which they end, and how it starts."""

    name: str
    daemons: tuple[str, ...]

    def start(self, settings: Settings, patience: Patience) -> Settings:
        """Start it and wait until it answers; return the settings, perhaps with credentials."""

    def why_unable(self, settings: Settings) -> str | None:
        """Return why it does not answer, or None where it does."""


class Native:
    """The services of a folder as processes.

    Args:
        place: The folder.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._processes = Processes(place.folder)
        self._store: Service = Ceph(place, self._processes)
        self._database: Service = Postgres(place, self._processes)
        self._tracking: Service = MlflowServer(place, self._processes)

    def up(self, settings: Settings) -> Settings:
        """Start what does not answer; where that fails, stop what was started.

        Raises:
            MachineError: A port is taken, or a service does not come up.
        """
        health = {one.service: one.reason for one in self.health(settings)}
        broken = [service for service in self._services if health[service.name]]
        for service in broken:
            # What does not answer is not waited for longer than for an answer.
            self._processes.stop(service.daemons, self._place.config.ask_seconds)
            require_free(service.name, getattr(settings, f"{service.name}_port"))
        given_up = threading.Event()
        patience = Patience(self._place.config.start_seconds, given_up)
        try:
            started = self._start(settings, broken, patience)
            for changed in track(started, "Starting services", total=len(broken)):
                # S3 alone changes anything: it makes up its own credentials.
                settings = changed if changed.store else settings
        except BaseException:
            given_up.set()
            for service in broken:
                self._stop(service)
            raise
        return settings

    def down(self) -> None:
        """Stop everything; data stay."""
        for service in (self._tracking, self._database, self._store):
            self._stop(service)

    def health(self, settings: Settings) -> list[Health]:
        """Ask every service, and look at each of its processes."""
        with ThreadPoolExecutor() as threads:
            return list(threads.map(lambda service: self._ask(service, settings), self._services))

    @property
    def _services(self) -> tuple[Service, ...]:
        return (self._store, self._database, self._tracking)

    def _ask(self, service: Service, settings: Settings) -> Health:
        daemons = {name: self._processes.pid(name) for name in service.daemons}
        dead = [name for name, pid in daemons.items() if pid is None]
        reason = (
            f"{' and '.join(dead)} {'do' if len(dead) > 1 else 'does'} not live"
            if dead
            else service.why_unable(settings)
        )
        return Health(
            service.name,
            addresses(settings)[service.name],
            reason,
            daemons,
            str(self._processes.log(service.daemons[0]).parent),
        )

    def _start(
        self, settings: Settings, broken: list[Service], patience: Patience
    ) -> Iterator[Settings]:
        """Start S3 beside PostgreSQL and MLflow, which waits for the database alone."""
        lanes = ((self._store,), (self._database, self._tracking))
        done: SimpleQueue[Settings] = SimpleQueue()

        def walk(lane: tuple[Service, ...]) -> None:
            for service in lane:
                if service in broken:
                    done.put(self._start_one(service, settings, patience))

        with ThreadPoolExecutor() as threads:
            futures = [threads.submit(walk, lane) for lane in lanes]
            try:
                for future in as_completed(futures):
                    future.result()
                    while not done.empty():
                        yield done.get()
            except BaseException:
                patience.given_up.set()
                raise

    def _start_one(self, service: Service, settings: Settings, patience: Patience) -> Settings:
        start = time.monotonic()
        changed = service.start(settings, patience)
        address = addresses(changed)[service.name]
        logger.info("%s answers at %s (%.0f s)", service.name, address, time.monotonic() - start)
        return changed

    def _stop(self, service: Service) -> None:
        self._processes.stop(service.daemons, self._place.config.stop_seconds)
