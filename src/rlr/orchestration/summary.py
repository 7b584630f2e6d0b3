"""The end of a local run of a pipeline, in numbers and places."""

import sys
from pathlib import Path
from typing import Any

from rlr.foundation.documents import read_json, read_result
from rlr.foundation.network import without_password
from rlr.gate.result import GATE_FILE
from rlr.orchestration.local import LocalRun
from rlr.orchestration.outputs import StepOutput
from rlr.orchestration.parameters import Parameters
from rlr.registry.gate_results import GATE_REPORT
from rlr.registry.scalars import flatten_metrics
from rlr.registry.server import tracking_uri

TRAININGS = ("train", "train-distributed")


def summarise(run: LocalRun, parameters: Parameters) -> dict[str, Any]:
    """Return what came out of a run of a pipeline.

    Args:
        run: The run.
        parameters: Its parameters.

    Returns:
        A document: what the steps answered and where to look further; and of a run that came as
        far, metrics, the gate's decision, the registered version and the promoted one.
    """
    settings = parameters.resolve()
    return {
        "folder": str(run.folder),
        "runner": run.runner,
        "seconds": round(run.seconds, 1),
        "config": settings.name,
        "mlflow_ui": _how_to_look(tracking_uri(settings.registry)),
        "steps": {name: step.parameters for name, step in run.steps.items()},
        **_story(run),
        **_images(run),
        **_training(run),
        **_evaluation(run),
        **_gate(run),
        **_version(run),
    }


def _story(run: LocalRun) -> dict[str, Any]:
    """Return what a retraining says of itself: whether there was a training, and what of it."""
    step = run.steps.get("report")
    if step is None:
        return {}
    told = read_result(step.artifacts["story"], "report")
    imported = read_result(run.steps["import-data"].artifacts["news"], "import_data")
    return {
        "retrained": any(name in run.steps for name in TRAININGS),
        "outcome": told["outcome"],
        "sentence": told["sentence"],
        "data_version": imported["data_version"],
        "base": imported["base"] if imported["new"] else None,
        "new": {name: imported[name] for name in ("new", "judged", "unjudged")},
        "page": str(step.artifacts["page"]),
    }


def _images(run: LocalRun) -> dict[str, Any]:
    step = run.steps.get("validate-data")
    return {"data_version": step.parameters["data_version"]} if step else {}


def _training(run: LocalRun) -> dict[str, Any]:
    step = next((run.steps[name] for name in TRAININGS if name in run.steps), None)
    return {"run_id": step.parameters["run_id"]} if step else {}


def _evaluation(run: LocalRun) -> dict[str, Any]:
    step = run.steps.get("evaluate")
    if step is None:
        return {}
    folder = step.artifacts["evaluation"]
    metrics = read_json(folder / "metrics.json")
    result = read_result(folder, "evaluate")
    return {
        "metrics": metrics,
        "baseline": result["baseline"]["metrics"],
        "backbone_weights": result["backbone_weights"],
        "undefined": flatten_metrics(metrics)[1],
        "evaluation": str(folder),
        "report": str(folder / "report.html"),
    }


def _gate(run: LocalRun) -> dict[str, Any]:
    step = run.steps.get("gate")
    if step is None:
        return {}
    folder = step.artifacts["gate"]
    decided = read_json(folder / GATE_FILE)
    return {
        "gate": {
            "outcome": decided["outcome"],
            "reasons": decided["reasons"],
            "champion": step.parameters["champion"],
            "promote": step.parameters["promote"],
            "report": str(folder / GATE_REPORT),
        }
    }


def _version(run: LocalRun) -> dict[str, Any]:
    step = run.steps.get("register")
    if step is None:
        return {}
    made = step.parameters
    return {
        "version": {**made, "uri": f"models:/{made['name']}/{made['version']}"},
        "promoted": _promoted(run.steps.get("promote")),
    }


def _promoted(step: StepOutput | None) -> dict[str, Any] | None:
    """Return which version was promoted over which; None where none was."""
    return dict(step.parameters) if step else None


def _how_to_look(uri: str) -> str:
    """Return the address of the tracking server's pages, or the command that serves them."""
    shown = without_password(uri)
    if uri.startswith(("http://", "https://")):
        return shown
    # The environment need not be active.
    return f"{Path(sys.executable).with_name('mlflow')} ui --backend-store-uri {shown}"
