"""The components called as plain functions, one after the other, on a tiny set."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rlr.data.manifest import Manifest

CONFIG = "tiny"


@pytest.fixture(scope="session")
def component(repository: Path) -> Iterator[Callable[[str], Any]]:
    """Return a function that imports a component of the checkout by its name."""
    sys.path.insert(0, str(repository))
    yield lambda name: getattr(import_module(f"components.{name}.component"), name)
    sys.path.remove(str(repository))


class Artifacts:
    """Makes artifacts as Kubeflow hands them to a step."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, kind: str, name: str) -> Any:
        from kfp import dsl

        return getattr(dsl, kind)(name=name, uri=str(self.root / name))


@dataclass
class Chain:
    """What the components have answered, and the artifacts that they have filled."""

    overrides: list[str]
    answers: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="session")
def chain(
    component: Callable[[str], Any],
    small_manifest: Manifest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Chain:
    """Return what the components of the training pipeline leave, with a store of their own."""
    root = tmp_path_factory.mktemp("chain")
    make = Artifacts(root)
    chain = Chain(
        [
            f"data.root={small_manifest.root}",
            "data.validation_fraction=0.3",
            f"registry.tracking_uri=sqlite:///{root}/mlflow.db",
            "registry.floors.image_auroc=0.0",
            "gate.false_positive_rate=1.0",
            "gate.draws=200",
            "gate.timed_batches=1",
        ]
    )
    kinds = {
        "dataset": "Dataset",
        "page": "HTML",
        "model": "Model",
        "losses": "Metrics",
        "evaluation": "Artifact",
        "metrics": "Metrics",
        "roc": "ClassificationMetrics",
        "report": "HTML",
        "gate": "Artifact",
        "differences": "Metrics",
        "decision": "HTML",
    }
    artifacts = chain.artifacts = {name: make(kind, name) for name, kind in kinds.items()}
    common = {"config": CONFIG, "overrides": chain.overrides}
    validated = component("validate_data").python_func(
        artifacts["dataset"], artifacts["page"], **common
    )
    trained = component("train").python_func(
        artifacts["dataset"],
        artifacts["model"],
        artifacts["losses"],
        data_version=validated[2],
        seed=3,
        **common,
    )
    evaluated = component("evaluate").python_func(
        artifacts["dataset"],
        artifacts["model"],
        artifacts["evaluation"],
        artifacts["metrics"],
        artifacts["roc"],
        artifacts["report"],
        data_version=validated[2],
        run_id=trained[0],
        **common,
    )
    gated = component("gate").python_func(
        artifacts["dataset"],
        artifacts["model"],
        artifacts["gate"],
        artifacts["differences"],
        artifacts["decision"],
        data_version=validated[2],
        run_id=trained[0],
        **common,
    )
    registered = component("register").python_func(
        artifacts["model"],
        artifacts["evaluation"],
        artifacts["gate"],
        challenger=True,
        pipeline_run="run-1",
        **common,
    )
    chain.answers = {
        "validate_data": validated,
        "train": trained,
        "evaluate": evaluated,
        "gate": gated,
        "register": registered,
        "promote": component("promote").python_func(
            version=registered[1], pipeline_run="run-1", **common
        ),
    }
    return chain
