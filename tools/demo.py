"""The whole pipeline on this machine, from nothing: demo.py [--config PRESET]

Generates an inspection set, publishes it to the local DVC remote, and runs the Kubeflow pipeline
over it with the very components of a cluster: validate, train, evaluate, gate, register. No
cluster, no server, no account; nothing leaves the machine. Run again, it changes nothing that git
knows. It exits 1 unless the model is clearly better than what takes no learning at all.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlr.foundation.errors import MachineError, RlrError

PROJECT = Path(__file__).resolve().parents[1]
PIPELINE = "training"
MARGIN = 0.10  # mean image AUROC that the model must have above the mean image's
COLUMNS = ("image_auroc", "image_ap", "pixel_auroc", "aupro_0.30")

logger = logging.getLogger("rlr")


def main() -> int:
    """Run the demo and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", default="demo", help="preset (default: demo)")
    preset = parser.parse_args().config
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logger.setLevel(logging.INFO)
    os.chdir(PROJECT)
    start = time.monotonic()
    try:
        summary = run_demo(preset)
        show(summary)
        if preset == "demo":  # others, such as tiny, are there to run, not to be good
            require_margin(summary)
    except RlrError as error:
        logger.error("demo: %s", error)
        return error.exit_status
    logger.info("The demo took %.0f s.", time.monotonic() - start)
    return 0


def run_demo(preset: str) -> dict[str, Any]:
    """Make the images, publish them, run the pipeline; return what came out."""
    from rlr.data.versions import publish
    from rlr.orchestration.local import run_pipeline
    from rlr.orchestration.parameters import Parameters
    from rlr.orchestration.project import find_project
    from rlr.orchestration.summary import summarise

    # Only the demo's own set is pinned; others must not take its place.
    root = "data" if preset == "demo" else f".rlr/data-{preset}"
    parameters = Parameters(preset, (f"data.root={root}",)).at_home()
    version = make_images(parameters.resolve(), Path(root), pinned=preset == "demo")
    publish(Path(root))
    logger.info("Data version %s is in the local DVC remote.", version)
    return summarise(run_pipeline(find_project(PROJECT), PIPELINE, parameters), parameters)


def make_images(config: Any, root: Path, pinned: bool) -> str:
    """Generate the images, unless they are there; return their data version."""
    from rlr.data.generated import generate_set
    from rlr.data.versions import data_version, pinned_version

    expected = pinned_version(PROJECT) if pinned else None
    if expected and root.is_dir() and data_version(root) == expected:
        logger.info("The images of data.dvc are in %s.", root)
        return expected
    logger.info("Generating an inspection set in %s ...", root)
    version, _ = generate_set(config.synthetic, root)
    if expected and version != expected:
        logger.warning(
            "This machine draws the set differently: its data version is %s, not %s of data.dvc. "
            "The demo goes on with what is true here.",
            version,
            expected,
        )
    return version


def require_margin(summary: Mapping[str, Any]) -> None:
    """Refuse a model that is not clearly better than the mean image on the same test images.

    Raises:
        MachineError: Its mean image AUROC is less than `MARGIN` above, or there is nothing to
            compare.
    """
    protocol, metrics = next(iter(summary["metrics"].items()))
    reached = metrics["mean"].get("image_auroc")
    yardstick = summary["baseline"].get(protocol, {}).get("mean", {}).get("image_auroc")
    if reached is None or yardstick is None:
        raise MachineError("The run has no mean image AUROC of both the model and the mean image.")
    # Round off what binary fractions add: 0.70 is 0.10 above 0.60.
    if round(reached - yardstick, 9) < MARGIN:
        raise MachineError(
            f"The model's mean image AUROC is {reached:.3f}, not {MARGIN:.2f} above the "
            f"{yardstick:.3f} of the mean image on the same test images: this training did not "
            "learn enough; look at its report, and at the weights of its backbone."
        )


def show(summary: Mapping[str, Any]) -> None:
    """Print the metrics beside the baseline's, and where to look further."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 120)
    for part in parts(summary):
        console.print(part, soft_wrap=isinstance(part, str))


def parts(summary: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the tables and lines of the end."""
    from rlr.cli.output import table
    from rlr.cli.pipeline import place_lines

    protocol, metrics = next(iter(summary["metrics"].items()))
    baseline = summary["baseline"].get(protocol, {"per_class": {}})
    rows = [
        (
            name,
            values["image_auroc"],
            yardstick.get("image_auroc"),
            *(values.get(key) for key in COLUMNS[1:]),
        )
        for name, values, yardstick in _rows(metrics, baseline)
    ]
    headings = ("class", "image_auroc", "baseline's", *COLUMNS[1:])
    yield ""
    yield table(headings, rows, f"Test images, protocol {protocol}; baseline: the mean image")
    yield from place_lines(summary)


def _rows(
    metrics: Mapping[str, Any], baseline: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    for name, values in metrics["per_class"].items():
        yield name, values, baseline["per_class"].get(name, {})
    for name in ("mean", "pooled"):
        yield name, metrics[name], baseline.get(name, {})


if __name__ == "__main__":
    sys.exit(main())
