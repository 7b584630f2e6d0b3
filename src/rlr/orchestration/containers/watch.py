"""A witness of what runs: the daemon's own events, for the duration of one run.

Kubeflow's runner removes each container when it ends, and takes one that was gone before it
looked for a success. The daemon tells what was started and how it ended, whoever looks.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.foundation.documents import write_json

if TYPE_CHECKING:
    from docker import DockerClient

RUN_LABEL = "dev.rlr.run"
RECORD_FILE = "containers.json"
EXECUTOR_INPUT = "--executor_input"
SETTLING_SECONDS = 10.0  # an event may come later than the answer that it is about


@dataclass
class Seen:
    """A container, as the daemon has told of it.

    Attributes:
        reference: Name of its image.
        step: Step that it ran; "" where it was gone before it could be asked.
        image_id: The image that it really ran in, "sha256:..."; "" where that is not known.
        user: User it ran as.
        read_only: Whether its root file system was read-only.
        exit_status: How it ended; None: it has not.
        out_of_memory: Whether the kernel stopped something in it for want of memory.
        seconds: From start to end.
    """

    reference: str
    step: str = ""
    image_id: str = ""
    user: str = ""
    read_only: bool | None = None
    exit_status: int | None = None
    out_of_memory: bool = False
    seconds: float | None = None
    started: float | None = None

    def ending(self) -> str:
        """Return how it ended, in words."""
        name = f"the step {self.step}" if self.step else f"a container of {self.reference}"
        if self.exit_status is None:
            return f"{name} has not ended"
        why = " (out of memory)" if self.out_of_memory else _words_of(self.exit_status)
        return f"{name} ended with exit status {self.exit_status}{why}"

    def as_dict(self) -> dict[str, Any]:
        """Return what stands in containers.json."""
        return {
            "step": self.step or None,
            "image": self.reference,
            "image_id": self.image_id or None,
            "user": self.user or None,
            "read_only": self.read_only,
            "exit_status": self.exit_status,
            "out_of_memory": self.out_of_memory,
            "seconds": None if self.seconds is None else round(self.seconds, 2),
        }


class Watch:
    """Follows the containers with the label of one run."""

    def __init__(self, client: "DockerClient", run: str) -> None:
        """Begin to watch.

        Args:
            client: Client of the daemon, for this watch alone.
            run: Value of the label `dev.rlr.run`.
        """
        self._client = client
        self._seen: dict[str, Seen] = {}
        self._changed = threading.Condition()
        filters = {"type": "container", "label": f"{RUN_LABEL}={run}"}
        self._events = client.events(decode=True, filters=filters, since=int(time.time()))
        self._thread = threading.Thread(target=self._follow, name="docker events", daemon=True)
        self._thread.start()

    @property
    def seen(self) -> list[Seen]:
        """All containers so far, in the order of their making."""
        with self._changed:
            return list(self._seen.values())

    def close(self) -> None:
        """Wait until every container has been seen to end, and stop watching."""
        with self._changed:
            self._changed.wait_for(self._all_ended, SETTLING_SECONDS)
        self._events.close()
        self._thread.join(SETTLING_SECONDS)

    def _all_ended(self) -> bool:
        return all(one.exit_status is not None for one in self._seen.values())

    def _follow(self) -> None:
        try:
            for event in self._events:
                self._take(event)
        except Exception:  # noqa: S110 - the daemon went away: what was not seen is missed below
            pass

    def _take(self, event: Mapping[str, Any]) -> None:
        attributes = event["Actor"]["Attributes"]
        with self._changed:
            one = self._seen.setdefault(event["Actor"]["ID"], Seen(attributes.get("image", "")))
        action = event["Action"]
        if action in ("create", "start") and not one.image_id:
            self._look(event["Actor"]["ID"], one)
        at = event["timeNano"] / 1e9
        with self._changed:
            if action == "start":
                one.started = at
            elif action == "oom":
                one.out_of_memory = True
            elif action == "die":
                one.exit_status = int(attributes["exitCode"])
                one.seconds = at - one.started if one.started else None
            self._changed.notify_all()

    def _look(self, identity: str, one: Seen) -> None:
        """Ask what a container is, while it lives."""
        from docker.errors import APIError

        try:
            about = self._client.api.inspect_container(identity)
        except APIError:  # it was gone at once; its end is told all the same
            return
        one.step = step_of(about["Config"]["Cmd"] or [])
        one.image_id = about["Image"]
        one.user = about["Config"]["User"]
        one.read_only = about["HostConfig"]["ReadonlyRootfs"]


def step_of(command: list[str]) -> str:
    """Return the step whose executor a command starts, as its folder is called; "": none."""
    try:
        document = json.loads(command[command.index(EXECUTOR_INPUT) + 1])
        return Path(document["outputs"]["outputFile"]).parent.name
    except (ValueError, IndexError, KeyError, TypeError):
        return ""


def write_record(folder: Path, seen: list[Seen]) -> None:
    """Write what was seen into the folder of a run."""
    write_json(folder / RECORD_FILE, {"containers": [one.as_dict() for one in seen]})


def _words_of(status: int) -> str:
    """Return what a shell's exit status says beyond its number."""
    signal_offset = 128
    if status == signal_offset + 9:
        return " (killed; out of memory?)"
    return f" (signal {status - signal_offset})" if status > signal_offset else ""
