"""BuildKit's plain output as it comes: which step is at work, which took long, what it said."""

import logging
import queue
import re
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

logger = logging.getLogger("rlr")

# "#15 [train-dependencies 1/1] RUN ...", "#23 exporting to image", later "#15 DONE 71.1s"
BEGUN = re.compile(r"^#(?P<number>\d+) (?P<name>\[[^\]]+\].*|exporting to image)$")
DONE = re.compile(r"^#(?P<number>\d+) DONE (?P<seconds>\d+\.\d)s$")
CACHED = re.compile(r"^#(?P<number>\d+) CACHED$")
INTERNAL = "[internal]"
WORTH_A_LINE = 1.0  # seconds
HEARTBEAT = 15.0  # seconds of silence, after which a line says that the build goes on
WIDTH = 60  # characters of a step's name
ENDED = None


@dataclass
class Steps:
    """Follows one build.

    Attributes:
        label: The image, for the lines of the log.
        lines: All that BuildKit has said.
    """

    label: str
    lines: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _running: dict[str, float] = field(default_factory=dict)

    def follow(self, output: Iterable[str]) -> None:
        """Read to the end, and log steps that took their time.

        Args:
            output: Lines of `docker build --progress plain`.
        """
        for line in _with_pauses(output, HEARTBEAT):
            if line is None:
                self._beat()
            else:
                self._read(line.rstrip("\n"))

    def _read(self, line: str) -> None:
        self.lines.append(line)
        logger.debug("%s", line)
        if begun := BEGUN.match(line):
            self._names[begun["number"]] = _short(begun["name"])
            self._running[begun["number"]] = time.monotonic()
        elif ended := DONE.match(line) or CACHED.match(line):
            self._running.pop(ended["number"], None)
            seconds = float(ended.groupdict().get("seconds") or 0)
            name = self._names.get(ended["number"], INTERNAL)
            if seconds >= WORTH_A_LINE and not name.startswith(INTERNAL):
                logger.info("%s: %s took %.1f s", self.label, name, seconds)

    def _beat(self) -> None:
        now = time.monotonic()
        for number, since in self._running.items():
            logger.info("%s: %s, %.0f s so far", self.label, self._names[number], now - since)


def _short(name: str) -> str:
    name = " ".join(re.sub(r" --mount=\S+", "", name).split())
    return name if len(name) <= WIDTH else f"{name[: WIDTH - 3]}..."


def _with_pauses(output: Iterable[str], seconds: float) -> Iterator[str | None]:
    """Yield the lines, and None whenever there has been none for so many seconds."""
    arrived: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in output:
            arrived.put(line)
        arrived.put(ENDED)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while True:
        try:
            line = arrived.get(timeout=seconds)
        except queue.Empty:
            yield None
            continue
        if line is ENDED:
            return
        yield line
