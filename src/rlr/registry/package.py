"""The artifact of a version: a detector wrapped as an MLflow pyfunc, and unwrapped again."""

import json
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rlr.foundation.atomic import atomic_folder
from rlr.registry.facts import PACKAGE_TAG

DETECTOR = "detector"  # name of the artifact in the pyfunc model
MODEL_CODE = Path(__file__).with_name("pyfunc_model.py")


def save_pyfunc(
    folder: Path, detector: Path, run_id: str, run_tags: Mapping[str, str], model_id: str
) -> None:
    """Write a pyfunc model: the code file that MLflow runs, the requirements, and the detector.

    Args:
        folder: Folder to make.
        detector: Folder of the detector.
        run_id: Run that made it.
        run_tags: Tags of that run: the versions of its packages become the requirements.
        model_id: MLflow's id of the logged model.
    """
    import mlflow.pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ParamSchema, ParamSpec

    parameters = ParamSchema(
        [ParamSpec("class_name", "string", ""), ParamSpec("heatmaps", "boolean", True)]
    )
    with warnings.catch_warnings():
        # It asks for type hints that would forbid bytes, paths and arrays in one list.
        warnings.simplefilter("ignore", UserWarning)
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(MODEL_CODE),
            artifacts={DETECTOR: str(detector)},
            signature=ModelSignature(params=parameters),
            pip_requirements=_requirements(run_tags),
            mlflow_model=Model(model_id=model_id, run_id=run_id),
        )


def fetch_detector(model_uri: str, target: Path) -> None:
    """Copy the detector out of a registered model, atomically.

    Args:
        model_uri: Address of the version, `models:/NAME/VERSION`.
        target: Folder to make.
    """
    import mlflow.artifacts

    with tempfile.TemporaryDirectory() as scratch, atomic_folder(target) as temporary:
        fetched = mlflow.artifacts.download_artifacts(artifact_uri=model_uri, dst_path=scratch)
        description = yaml.safe_load((Path(fetched) / "MLmodel").read_text())
        place = description["flavors"]["python_function"]["artifacts"][DETECTOR]["path"]
        shutil.copytree(Path(fetched) / place, temporary, dirs_exist_ok=True)


def fetch_description(model_uri: str) -> dict[str, Any]:
    """Return the detector.json of a registered model; its weights stay where they are.

    Args:
        model_uri: Address of the version, `models:/NAME/VERSION`.
    """
    import mlflow.artifacts

    def fetch(path: str) -> bytes:
        with tempfile.TemporaryDirectory() as scratch:
            address = f"{model_uri}/{path}"
            file = mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=scratch)
            return Path(file).read_bytes()

    description = yaml.safe_load(fetch("MLmodel"))
    place = description["flavors"]["python_function"]["artifacts"][DETECTOR]["path"]
    found: dict[str, Any] = json.loads(fetch(f"{place}/{DETECTOR}.json"))
    return found


def _requirements(tags: Mapping[str, str]) -> list[str]:
    """Return the packages of the run that trained, each with its version."""
    packages = {
        name.removeprefix(PACKAGE_TAG): version
        for name, version in tags.items()
        if name.startswith(PACKAGE_TAG)
    }
    return [f"{name}=={version}" for name, version in sorted(packages.items())]
