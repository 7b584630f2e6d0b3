"""What is said at the end of a local run, however far it came."""

from pathlib import Path
from typing import Any

import pytest

from rlr.cli.pipeline import place_lines
from rlr.orchestration.local import LocalRun
from rlr.orchestration.outputs import StepOutput
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.summary import summarise

VERSION = {"name": "rlr", "version": "2", "alias": "challenger", "floors": "hold"}


def test_a_pipeline_that_measures_nothing_has_an_end_too(tmp_path: Path) -> None:
    """A retraining that stops early, say."""
    steps = {"decide": StepOutput({"retrain": False, "reason": "nothing is new"}, {})}
    document = summarise(LocalRun(tmp_path, steps, 1.25), Parameters("tiny"))
    assert document["steps"] == {"decide": {"retrain": False, "reason": "nothing is new"}}
    assert document["seconds"] == 1.2
    assert not {"metrics", "gate", "version", "run_id"} & set(document)
    lines = list(place_lines(document))
    assert [line.partition(":")[0] for line in lines] == ["Run folder", "MLflow UI"]


@pytest.mark.parametrize(
    ("outcome", "champion", "promoted", "alias", "line"),
    [
        (
            "promote",
            "none",
            {"version": "2", "previous": ""},
            "champion",
            "models:/rlr/2, promoted, the first",
        ),
        (
            "promote",
            "models:/rlr/1",
            {"version": "2", "previous": "1"},
            "champion",
            "models:/rlr/2, promoted; before it, version 1",
        ),
        ("promote", "models:/rlr/1", None, "challenger", "gate.promote is off"),
        ("inconclusive", "models:/rlr/1", None, "challenger", "models:/rlr/1, as before"),
        ("reject", "none", None, "challenger", "still none"),
    ],
)
def test_the_champion_after_a_run_is_named(
    outcome: str, champion: str, promoted: Any, alias: str, line: str
) -> None:
    gate = {"outcome": outcome, "reasons": ["Why."], "champion": champion, "report": "g.html"}
    document = {
        "gate": gate,
        "version": {**VERSION, "uri": "models:/rlr/2"},
        "promoted": promoted,
        "folder": "f",
        "mlflow_ui": "u",
    }
    lines = {entry.partition(":")[0]: entry for entry in place_lines(document)}
    assert line in lines["Champion"]
    assert f"alias {alias}" in lines["Registered"]
    assert lines["Gate"].endswith(f"{outcome}. Why.")
