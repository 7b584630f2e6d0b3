"""Have the new images drifted? The monitor's answer, or why it has none."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlr.foundation.atomic import atomic_file
from rlr.foundation.page import render_page
from rlr.monitoring.result import NoReferenceError
from rlr.orchestration.monitoring import monitor

PAGE = "drift.html"

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Watched:
    """Outcome of `watch_drift`.

    Attributes:
        drifted: Whether the new images have drifted.
        reason: One sentence.
        report: Page to look at.
    """

    drifted: bool
    reason: str
    report: Path


def watch(
    config: str, overrides: Sequence[str], news: Path, output: Path, data_version: str
) -> Watched:
    """Ask the monitor about new images under the champion; arguments are those of the step."""
    try:
        found = monitor(config, overrides, "", output, news, data_version)
    except NoReferenceError as error:
        reason = f"Drift cannot be told: {error}"
        logger.warning("%s", reason)
        output.mkdir(parents=True, exist_ok=True)
        with atomic_file(output / PAGE) as temporary:
            temporary.write_text(render_page("Drift", "", lead=reason), encoding="utf-8")
        return Watched(False, reason, output / PAGE)
    return Watched(found.drifted, found.reason, found.report)
