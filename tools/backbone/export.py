"""From a training's running mean to the weights file of the package."""

import json
from pathlib import Path

import torch
from lessons import Lessons
from safetensors.torch import save_file
from torch import Tensor

from rlr.features.weights import weights_digest
from rlr.foundation.atomic import atomic_file
from rlr.foundation.build import current_build
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError

PREFIX = "backbone."


def export(lessons: Lessons, path: Path) -> str:
    """Write the mean weights as fp16 safetensors with their history; return the file's sha256.

    Raises:
        UserError: There is no complete epoch yet.
    """
    if not lessons.history:
        raise UserError(f"{lessons.folder} holds no complete epoch; let the training run first.")
    state = {
        name.removeprefix(PREFIX): value.half().contiguous()
        for name, value in lessons.mean.items()
        if name.startswith(PREFIX)
    }
    with atomic_file(path) as temporary:
        save_file(state, temporary, metadata=_metadata(lessons, state))
    return file_sha256(path)


def _metadata(lessons: Lessons, state: dict[str, Tensor]) -> dict[str, str]:
    recipe, history = lessons.recipe, lessons.history
    return {
        "format": "pt",
        "architecture": "rlrnet",
        "licence": "Apache-2.0",
        "training_images": "procedural images alone (tools/backbone)",
        "recipe": json.dumps(recipe.model_dump()),
        "recipe_sha256": recipe.fingerprint,
        "seed": str(recipe.seed),
        "commit": current_build().commit or "unknown",
        "epochs": f"{len(history)} of {recipe.epochs}",
        "images": str(len(history) * recipe.steps * recipe.batch),
        "cpu_seconds": f"{sum(record['cpu_seconds'] for record in history):.0f}",
        "torch": torch.__version__,
        "tensors_sha256": weights_digest(state),
    }
