"""What a detector knows of the residuals and scores of normal images, and how it is applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from rlr.detection.calibration.prototypes import Prototypes, describe


@dataclass(frozen=True)
class LevelTables:
    """Tables of one level; None: that step is left out.

    Attributes:
        residual_mean: Mean residual (K, 1 or L, C), taken off before whitening.
        residual_deviation: Deviation of each channel's residual (K, 1 or L, C).
        residual_whitening: Inverse root of the residuals' covariance (K, C, C).
        squared_location: Taken off the tokens' squared errors (K, 1 or L).
        squared_scale: The tokens' squared errors are divided by it (K, 1 or L).
        cosine_location: Taken off the tokens' 1 - cosine (K, 1 or L).
        cosine_scale: The tokens' 1 - cosine are divided by it (K, 1 or L).
    """

    residual_mean: Tensor | None = None
    residual_deviation: Tensor | None = None
    residual_whitening: Tensor | None = None
    squared_location: Tensor | None = None
    squared_scale: Tensor | None = None
    cosine_location: Tensor | None = None
    cosine_scale: Tensor | None = None

    def whiten(self, residual: Tensor, weights: Tensor) -> Tensor:
        """Bring residuals (N, L, C) of images with weights (N, K) to one scale."""
        if self.residual_mean is None:
            return residual
        residual = residual - mix(weights, self.residual_mean)
        if self.residual_deviation is not None:
            residual = residual / mix(weights, self.residual_deviation)
        if self.residual_whitening is not None:
            residual = residual @ mix(weights, self.residual_whitening)  # (N, L, C) @ (N, C, C)
        return residual

    def standardise(self, squared: Tensor, cosine: Tensor, weights: Tensor) -> list[Tensor]:
        """Bring both terms of the token scores to one scale.

        Args:
            squared: Mean squared errors (N, L).
            cosine: 1 - cosine similarities (N, L).
            weights: How much of each prototype the images are (N, K).

        Returns:
            The two, (N, L).
        """
        return [
            _standardise(squared, self.squared_location, self.squared_scale, weights),
            _standardise(cosine, self.cosine_location, self.cosine_scale, weights),
        ]


@dataclass(frozen=True)
class Calibration:
    """All that scores are held against.

    Attributes:
        levels: Tables of each level.
        prototypes: None: there is one set of tables for all images.
        temperature: See `Prototypes.weigh`.
        image_location: Taken off the anomaly map of an image (K,).
        image_scale: The anomaly map of an image is divided by it (K,).
    """

    levels: tuple[LevelTables, ...]
    prototypes: Prototypes | None = None
    temperature: float = 0.0
    image_location: Tensor | None = None
    image_scale: Tensor | None = None

    def weigh(self, tokens: Sequence[Tensor]) -> Tensor:
        """Return how much of each prototype the images are: tokens (N, L, C) a level, (N, K)."""
        if self.prototypes is None:
            return tokens[0].new_ones(len(tokens[0]), 1)
        return self.prototypes.weigh(describe(tokens), self.temperature)

    def standardise_maps(self, maps: Tensor, weights: Tensor) -> Tensor:
        """Bring anomaly maps (N, H, W) of images with weights (N, K) to one scale.

        It is one shift and one factor an image, so that smoothing may come before or after.
        """
        if self.image_location is None or self.image_scale is None:
            return maps
        location = mix(weights, self.image_location)[:, None, None]
        return (maps - location) / mix(weights, self.image_scale)[:, None, None]

    def to(self, device: torch.device) -> "Calibration":
        """Return the same on another device."""
        moved = {name: tensor.to(device) for name, tensor in self.tensors().items()}
        return Calibration.of(moved, len(self.levels), self.temperature)

    def tensors(self) -> dict[str, Tensor]:
        """Return all tables by name, those of level i as i.NAME."""
        found = {f"{place}": level for place, level in enumerate(self.levels)}
        tensors = {
            f"{place}.{field.name}": getattr(level, field.name)
            for place, level in found.items()
            for field in fields(LevelTables)
        }
        tensors |= {"image_location": self.image_location, "image_scale": self.image_scale}
        if self.prototypes is not None:
            tensors |= {
                f"prototypes.{field.name}": getattr(self.prototypes, field.name)
                for field in fields(Prototypes)
            }
        return {name: tensor for name, tensor in tensors.items() if tensor is not None}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], levels: int, temperature: float) -> "Calibration":
        """Put together again what `tensors` took apart.

        Raises:
            KeyError: The prototypes are not complete.
        """
        names = [field.name for field in fields(LevelTables)]
        prototypes = None
        if "prototypes.centres" in tensors:
            prototypes = Prototypes(tensors["prototypes.centres"], tensors["prototypes.scale"])
        return cls(
            levels=tuple(
                LevelTables(**{name: tensors.get(f"{place}.{name}") for name in names})
                for place in range(levels)
            ),
            prototypes=prototypes,
            temperature=temperature,
            image_location=tensors.get("image_location"),
            image_scale=tensors.get("image_scale"),
        )


def _standardise(
    values: Tensor, location: Tensor | None, scale: Tensor | None, weights: Tensor
) -> Tensor:
    if location is None or scale is None:
        return values
    return (values - mix(weights, location)) / mix(weights, scale)


def mix(weights: Tensor, table: Tensor) -> Tensor:
    """Return the table of each image: weights (N, K) of prototypes, tables (K, ...), (N, ...).

    A table of one prototype is not copied: it comes as (1, ...).
    """
    if len(table) == 1:
        return table
    mixed: Tensor = torch.tensordot(weights, table, dims=1)
    return mixed
