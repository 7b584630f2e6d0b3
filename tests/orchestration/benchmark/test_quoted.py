"""What is quoted: it has a source, is of the set's categories, and agrees with itself."""

from importlib import resources

import pytest
import yaml

from rlr.config.data import DataConfig
from rlr.data.layouts import LayoutName
from rlr.orchestration.benchmark.datasets import DATASETS
from rlr.orchestration.benchmark.protocol import METRICS
from rlr.orchestration.benchmark.quoted import read_quoted

ROUNDING = 0.1  # means and figures are given with one digit after the point


@pytest.mark.parametrize("name", DATASETS)
def test_every_figure_has_a_source_and_a_place(name: str) -> None:
    quoted, dataset = read_quoted(name), DATASETS[name]
    assert len({method.name for method in quoted.methods}) == len(quoted.methods) > 0
    for method in quoted.methods:
        assert method.source in quoted.sources
        assert "RLR" not in method.name  # its paper was not read
        assert set(method.categories) in (set(), set(dataset.categories))
        rows = [method.mean, *method.categories.values()]
        assert all(0 < value <= 100 for row in rows for value in row if value is not None)
        assert any(value is not None for value in method.mean)


@pytest.mark.parametrize("name", ["mvtec", "visa", "realiad"])
def test_figures_of_categories_agree_with_their_mean(name: str) -> None:
    checked = 0
    for method in read_quoted(name).methods:
        for metric in METRICS if method.categories else ():
            values = [method.values(category)[metric] for category in method.categories]
            if None in values:
                assert set(values) == {None}
                continue
            assert sum(values) / len(values) == pytest.approx(
                method.values(None)[metric], abs=ROUNDING
            ), (method.name, metric)
            checked += 1
    assert checked >= 38


def test_every_set_has_a_file_and_every_file_a_set() -> None:
    folder = resources.files("rlr.orchestration.benchmark") / "quoted"
    assert {entry.name for entry in folder.iterdir()} == {f"{name}.yaml" for name in DATASETS}
    for name in DATASETS:
        assert yaml.safe_load((folder / f"{name}.yaml").read_text())


def test_layouts_are_those_of_the_configuration() -> None:
    words = DataConfig.model_json_schema()["properties"]["layout"]["enum"]
    assert set(words) - {"auto"} == set(LayoutName.__args__)
    assert {layout for one in DATASETS.values() for layout in one.layouts} <= set(words)
