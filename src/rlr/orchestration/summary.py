"""The end of a local run of the training pipeline, in numbers and places."""

import sys
from pathlib import Path
from typing import Any

from rlr.foundation.documents import read_json, read_result
from rlr.foundation.network import without_password
from rlr.orchestration.local import LocalRun
from rlr.orchestration.outputs import StepOutput
from rlr.orchestration.parameters import Parameters
from rlr.registry.scalars import flatten_metrics
from rlr.registry.server import tracking_uri


def summarise(run: LocalRun, parameters: Parameters) -> dict[str, Any]:
    """Return what came out of a run of the training pipeline.

    Args:
        run: The run.
        parameters: Its parameters.

    Returns:
        A document: metrics, registered version, and where to look further.
    """
    evaluation = run.steps["evaluate"].artifacts["evaluation"]
    metrics = read_json(evaluation / "metrics.json")
    result = read_result(evaluation, "evaluate")
    registered = _registered(run).parameters
    return {
        "folder": str(run.folder),
        "runner": run.runner,
        "seconds": round(run.seconds, 1),
        "config": parameters.resolve().name,
        "data_version": run.steps["validate-data"].parameters["data_version"],
        "run_id": run.steps["train"].parameters["run_id"],
        "version": {
            **registered,
            "uri": f"models:/{registered['name']}/{registered['version']}",
        },
        "metrics": metrics,
        "baseline": result["baseline"]["metrics"],
        "backbone_weights": result["backbone_weights"],
        "undefined": flatten_metrics(metrics)[1],
        "evaluation": str(evaluation),
        "report": str(evaluation / "report.html"),
        "mlflow_ui": _how_to_look(tracking_uri(parameters.resolve().registry)),
    }


def _registered(run: LocalRun) -> StepOutput:
    """Return the output of the one registration; kfp numbers the step of the other branch."""
    return next(step for name, step in run.steps.items() if name.startswith("register"))


def _how_to_look(uri: str) -> str:
    """Return the address of the tracking server's pages, or the command that serves them."""
    shown = without_password(uri)
    if uri.startswith(("http://", "https://")):
        return shown
    # The environment need not be active.
    return f"{Path(sys.executable).with_name('mlflow')} ui --backend-store-uri {shown}"
