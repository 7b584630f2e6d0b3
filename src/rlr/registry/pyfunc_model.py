"""The registered model as MLflow loads it: images in, score, decision and heat map out.

MLflow copies this file into the model's artifact and runs it there, so that no pickle is needed;
the scores come from the very Detector that was evaluated.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext


class DetectorModel(PythonModel):
    """A detector behind MLflow's `predict`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the detector that lies in the artifact."""
        from rlr.detection.detector import Detector

        self.detector = Detector.load(Path(context.artifacts["detector"]))

    def predict(  # type: ignore[no-untyped-def]
        self,
        context: PythonModelContext,
        model_input,  # a type hint would let in paths or bytes or arrays, but not all of them
        params: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Judge images.

        Args:
            context: Given by MLflow.
            model_input: Paths, encoded bytes, or arrays (H, W) or (H, W, 1|3|4) uint8 or uint16,
                mixed as you like: a list, a column of a DataFrame (its first), or one image.
            params: `class_name`: product class, "" where it is unknown. `heatmaps`: whether the
                heat maps are wanted.

        Returns:
            One row an image: `image_score`, `threshold`, `is_anomalous`, and `heatmap`, an array
            (height, width) of the model's input size, float32.
        """
        wanted = params or {}
        images = [self.detector.read(source) for source in _sources(model_input)]
        name = wanted.get("class_name") or None
        predictions = self.detector.predict(images, [name] * len(images))
        columns: dict[str, list[Any]] = {
            "image_score": [prediction.image_score for prediction in predictions],
            "threshold": [prediction.threshold for prediction in predictions],
            "is_anomalous": [prediction.is_anomalous for prediction in predictions],
        }
        if wanted.get("heatmaps", True):
            columns["heatmap"] = [prediction.anomaly_map for prediction in predictions]
        return pd.DataFrame(columns)


def _sources(model_input: Any) -> Iterable[Any]:
    if isinstance(model_input, pd.DataFrame):
        return list(model_input.iloc[:, 0])
    if isinstance(model_input, str | bytes | Path):
        return [model_input]
    if isinstance(model_input, np.ndarray) and _is_image(model_input):
        return [model_input]
    return list(model_input)


def _is_image(array: np.ndarray) -> bool:
    return array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))


mlflow.models.set_model(DetectorModel())
