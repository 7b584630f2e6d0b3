"""The steps of a retraining before and after the training, as components call them."""

import logging
from collections.abc import Sequence
from pathlib import Path

from rlr.orchestration.parameters import resolve
from rlr.orchestration.reporting import run_name, step
from rlr.orchestration.retraining.decision import Drift
from rlr.orchestration.retraining.report import End, Story, tell
from rlr.orchestration.retraining.stages import (
    Decided,
    ImportedData,
    decide_and_claim,
    import_and_look,
)
from rlr.orchestration.retraining.watching import Watched, watch

logger = logging.getLogger("rlr")


@step
def import_data(
    config: str,
    overrides: Sequence[str],
    output: Path,
    data_version: str = "",
    force: bool = False,
    pipeline_run: str = "",
) -> ImportedData:
    """Make a new data version of what has arrived since the last, and see what it is worth.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        output: Folder to write: manifest.parquet of the images that no training has seen,
            result.json.
        data_version: Data version to add to; "": the newest of the line.
        force: Whether a training is wanted, whatever is new.
        pipeline_run: Run of the pipeline that asks for it.

    Raises:
        UserError: Source or remote are not configured, or not in order.
        MachineError: A server does not answer, or the disk is full; nothing new is published.
    """
    settings = resolve(config, overrides)
    return import_and_look(settings, output, data_version, force, run_name(pipeline_run))


@step
def watch_drift(
    config: str, overrides: Sequence[str], news: Path, output: Path, data_version: str
) -> Watched:
    """Ask whether the images that no training has seen have drifted from the champion's.

    A champion without reference statistics, of an earlier release, cannot say it; that is no
    failure, and no drift.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        news: Output of `import_data`.
        output: Folder to write: what `monitor` writes.
        data_version: Their data version.

    Raises:
        UserError: Champion or images are not as they should be.
        MachineError: The tracking server does not answer.
    """
    return watch(config, overrides, news, output, data_version)


@step
def decide(
    config: str,
    overrides: Sequence[str],
    news: Path,
    output: Path,
    force: bool = False,
    drift: Drift | None = None,
) -> Decided:
    """Decide whether to train again; where it is yes, the training is claimed.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        news: Output of `import_data`.
        output: Folder to write: result.json.
        force: Whether a training is wanted, whatever is new.
        drift: What the monitor has said of the new images; None: it was not asked.

    Raises:
        MachineError: The tracking server does not answer; nothing is claimed.
    """
    return decide_and_claim(resolve(config, overrides), news, output, force, drift)


@step
def skip_training(reason: str) -> None:
    """Say why a retraining ends without a training."""
    logger.info("Not retrained: %s", reason)


@step
def report(config: str, overrides: Sequence[str], end: End, output: Path) -> Story:
    """Tell what has come of a retraining: a page, and a message to whoever wants it.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        end: How the run of the pipeline ended.
        output: Folder to write: report.html, result.json.
    """
    return tell(resolve(config, overrides), end, output)
