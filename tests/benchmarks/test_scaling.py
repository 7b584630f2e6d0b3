"""The benchmark of growth: how steep curves are, what a point is, and the picture."""

from functools import partial
from pathlib import Path

import pytest
import scaling
from growth import picture, work
from growth.isolated import isolated
from PIL import Image


def test_growth_in_proportion_has_slope_one() -> None:
    assert scaling.slopes([1, 2, 8], [3, 6, 24]) == [1.0, 1.0]
    assert scaling.slopes([1, 2, 8], [3, 12, 12]) == [2.0, 0.0]


@pytest.mark.parametrize("local", ["tiled", "dense"])
def test_a_point_is_measured_in_a_process_of_its_own(local: str) -> None:
    point = isolated(partial(work.of_grid, 8, local=local))
    assert 0.0 < point["inference_s"] < point["cpu_s"]
    assert point["memory_mib"] > 0.0
    assert point["step_gflop"] > 0.0


def test_tiles_save_operations() -> None:
    tiled, dense = (work.of_grid(16, local=local)["step_gflop"] for local in ("tiled", "dense"))
    assert tiled < 0.9 * dense


def test_a_point_that_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match="a measurement failed"):
        isolated(lambda: {}["missing"])


def test_the_picture(tmp_path: Path) -> None:
    curves = {
        name: [{variable: step, **dict.fromkeys(drawn, float(step))} for step in (1, 2, 4)]
        for name, variable, _, drawn in picture.PANELS
    }
    shares = [{"processes": count, "cpu_efficiency": 1.0 / count} for count in (1, 2)]
    curves |= {"processes_small": shares, "processes_published": []}
    target = tmp_path / "growth.png"
    picture.draw(curves, target)
    assert target.stat().st_size < 150_000
    with Image.open(target) as drawn:
        assert drawn.size > (600, 300)
