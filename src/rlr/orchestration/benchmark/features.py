"""A preset's features: their shapes, their size in memory, and whether its weights are here."""

from dataclasses import dataclass

from rlr.config import Config

GIBI = 2**30
FLOAT = 4  # bytes


@dataclass(frozen=True)
class Features:
    """The features of one image.

    Attributes:
        levels: Height, width and channels of each level.
    """

    levels: list[tuple[int, int, int]]

    def gibibytes(self, images: int) -> float:
        """Return what the features of so many images take in memory."""
        values = sum(height * width * channels for height, width, channels in self.levels)
        return images * values * FLOAT / GIBI


def describe_features(config: Config, with_weights: bool = False) -> Features:
    """Build a preset's backbone, and try it out on an empty image.

    Args:
        config: Configuration of the preset.
        with_weights: Whether its weights are looked for, and fetched where that is asked for.

    Raises:
        UserError: The backbone cannot be built, or its weights cannot be had.
    """
    from rlr.training.extractor import open_extractor

    size = config.features.preprocessing
    extractor, _ = open_extractor(config if with_weights else _without_weights(config))
    shapes = extractor.shapes(size.height, size.width)
    return Features([(*grid, channels) for grid, channels in shapes])


def _without_weights(config: Config) -> Config:
    """Return a configuration whose backbone needs no file: shapes do not depend on weights."""
    backbone = config.features.backbone.model_copy(update={"weights": "random"})
    features = config.features.model_copy(update={"backbone": backbone})
    return config.model_copy(update={"features": features})


def free_gibibytes(config: Config) -> float:
    """Return the free memory of the device that a preset is trained on, where features are kept."""
    from rlr.detection.device import pick_device
    from rlr.training.store import free_memory

    return free_memory(pick_device(config.training.device)) / GIBI
