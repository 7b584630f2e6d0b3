"""The curves as one picture of small panels, both axes logarithmic but where a share is shown."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

from rlr.foundation.atomic import atomic_file

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

Points = Sequence[Mapping[str, float]]
PANELS = (  # curve, its variable, title of the axis, what is drawn
    ("images", "images", "images", ("features_s", "epoch_s", "memory_mib")),
    ("classes", "classes", "classes, of 64 images in all", ("training_s", "memory_mib")),
    ("input", "pixels", "pixels of the input", ("features_s", "step_s", "inference_s")),
    ("grid_tiled", "tokens", "tokens of a level, tiled", ("step_s", "inference_s", "memory_mib")),
    ("grid_dense", "tokens", "tokens of a level, masked", ("step_s", "inference_s", "memory_mib")),
)
NETWORKS = ("small", "published")
NAMES = {
    "features_s": "features",
    "epoch_s": "epoch",
    "training_s": "whole training",
    "step_s": "training step, an image",
    "inference_s": "inference, an image",
    "memory_mib": "peak memory",
}


def draw(curves: Mapping[str, Points], target: Path) -> None:
    """Draw all curves, each relative to its first point.

    Args:
        curves: Points of each curve.
        target: PNG file to write.
    """
    figure, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
    for panel, (name, variable, title, drawn) in zip(axes.flat, PANELS, strict=False):
        _draw_growth(panel, curves[name], variable, title, drawn)
    _draw_processes(axes.flat[-1], {name: curves[f"processes_{name}"] for name in NETWORKS})
    with atomic_file(target) as temporary:
        figure.savefig(temporary, format="png", dpi=80, pil_kwargs={"optimize": True})
    plt.close(figure)


def _draw_growth(
    panel: Axes, points: Points, variable: str, title: str, drawn: Sequence[str]
) -> None:
    across = [point[variable] for point in points]
    for key in drawn:
        first = points[0][key]
        panel.plot(across, [point[key] / first for point in points], marker="o", label=NAMES[key])
    steps = [value / across[0] for value in across]
    panel.plot(across, steps, color="0.6", linestyle=":", label="in proportion")
    panel.set(xscale="log", yscale="log", xlabel=title, ylabel="times the first point")
    panel.set_xticks(across, [f"{value:g}" for value in across])
    panel.yaxis.set_major_locator(LogLocator(2))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.minorticks_off()
    panel.legend(fontsize=8, frameon=False)


def _draw_processes(panel: Axes, networks: Mapping[str, Points]) -> None:
    for place, (name, points) in enumerate(networks.items()):
        at = [number + 0.4 * place for number in range(len(points))]
        panel.bar(at, [point["cpu_efficiency"] for point in points], 0.35, label=f"{name} networks")
    counts = [f"{point['processes']:g}" for point in networks[NETWORKS[0]]]
    panel.set_xticks([number + 0.2 for number in range(len(counts))], counts)
    panel.set(xlabel="processes", ylabel="efficiency, by processor time", ylim=(0, 1.3))
    panel.legend(fontsize=8, frameon=False)
