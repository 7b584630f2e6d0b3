"""Following the champion: asked again and again, so that no change is missed for good.

What has been followed is remembered in a file. It is written after the command that follows has
succeeded: whoever fails, or is stopped, is asked to follow again.
"""

import json
import logging
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.foundation.documents import write_json
from rlr.foundation.errors import MachineError, UserError
from rlr.registry.audit.entry import now
from rlr.registry.audit.trail import read_trail
from rlr.registry.names import CHAMPION, DETECTOR_TAG
from rlr.registry.promotion.moving import find_version
from rlr.registry.server import connect, explained

if TYPE_CHECKING:
    from mlflow import MlflowClient

STDERR = 2

logger = logging.getLogger("rlr")

Champion = dict[str, Any]


def watch(
    settings: RegistryConfig,
    every: float,
    once: bool,
    file: Path | None = None,
    command: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Champion]:
    """Yield the champion, and then every other one that takes its place.

    Args:
        settings: Name of the registered model, and where it is.
        every: Seconds between two questions.
        once: Whether to ask only once.
        file: JSON file with the champion that was followed last; a champion that stands in it is
            not yielded again.
        command: Command to run before a champion counts as followed; it finds it as JSON on its
            standard input, and its address in RLR_CHAMPION_URI ("": there is none).
        sleep: Waits between two questions.

    Raises:
        UserError: The command cannot be run, or there is no such registered model.
        MachineError: With `once`: the registry does not answer, or the command failed.
    """
    words = _words(command)
    client = connect(settings)
    known = _read(file)
    while True:
        try:
            found = _champion(client, settings.model_name, known)
            if found is not None:
                _follow(words, found)
                if file is not None:
                    write_json(file, found)
                known = found
                yield found
        except MachineError as error:
            if once:
                raise
            logger.warning("%s Asking again in %g s.", error, every)
        if once:
            return
        sleep(every)


def _champion(
    client: "MlflowClient", model: str, known: Mapping[str, Any] | None
) -> Champion | None:
    """Return the champion; None: it is the known one."""
    from mlflow.exceptions import MlflowException

    with explained(client.tracking_uri):
        try:
            aliases = client.get_registered_model(model).aliases
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise UserError(f"There is no registered model '{model}'.") from error
        number = str(aliases[CHAMPION]) if CHAMPION in aliases else None
        if known is not None and (known.get("model"), known.get("champion")) == (model, number):
            return None
        trail = read_trail(client, model)
    number = trail.actual.champion
    version = find_version(trail, number) if number else None
    last = trail.intents[-1] if trail.intents else None
    return {
        "model": model,
        "champion": number,
        "uri": f"models:/{model}/{number}" if number else None,
        "detector_sha256": version.tags.get(DETECTOR_TAG) if version else None,
        "run": version.run_id if version else None,
        "entry": last.number if last and last.after.champion == number else None,
        "seen": now(),
    }


def _follow(words: list[str], champion: Champion) -> None:
    if not words:
        return
    environment = {**os.environ, "RLR_CHAMPION_URI": champion["uri"] or ""}
    try:
        done = subprocess.run(
            words,
            input=json.dumps(champion),
            stdout=STDERR,  # stdout is for our own lines
            text=True,
            env=environment,
            check=False,
        )
    except OSError as error:
        raise UserError(f"{words[0]} cannot be run ({error.strerror}); mend --run.") from error
    if done.returncode:
        raise MachineError(
            f"{words[0]} ended with status {done.returncode}; {champion['uri'] or 'no champion'} "
            "does not count as followed."
        )


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UserError(f"--run {command!r} is no command ({error}).") from error


def _read(file: Path | None) -> Mapping[str, Any] | None:
    if file is None or not file.exists():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file} cannot be read as what was followed last ({error}); remove it, and the "
            "champion is followed anew."
        ) from error
    return found if isinstance(found, dict) else None


def as_line(champion: Champion) -> str:
    """Return a champion as one line of JSON."""
    return json.dumps(champion, sort_keys=True)
