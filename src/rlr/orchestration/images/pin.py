"""Which images the steps run in, pinned: a tag may mean another image tomorrow."""

import logging
from dataclasses import dataclass

from rlr.config.pipeline import PipelineConfig
from rlr.foundation.errors import RlrError, UserError
from rlr.orchestration.cluster import IMAGE_PIPELINE, IMAGE_TRAIN
from rlr.orchestration.images.reference import ImageReference, parse_image
from rlr.orchestration.images.registry import find_digest

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Images:
    """The two images of a pipeline.

    Attributes:
        pipeline: Of the light steps.
        train: Of the heavy steps.
    """

    pipeline: str
    train: str


def choose_images(
    settings: PipelineConfig, image_pipeline: str | None = None, image_train: str | None = None
) -> Images:
    """Return the images as they are named: by the caller, the configuration, or this version.

    Args:
        settings: Its `image_pipeline` and `image_train` are what the caller leaves out.
        image_pipeline: Image of the light steps.
        image_train: Image of the heavy steps.
    """
    return Images(
        image_pipeline or settings.image_pipeline or IMAGE_PIPELINE,
        image_train or settings.image_train or IMAGE_TRAIN,
    )


def pin_images(images: Images, allow_tag: bool = False, timeout: float = 30.0) -> Images:
    """Return images by digest, as their registries have them now.

    Args:
        images: Names with tag or digest.
        allow_tag: Whether a name stays as it is where its registry cannot tell.
        timeout: Seconds to wait for each answer of a registry.

    Raises:
        UserError: An image cannot be pinned, and tags are not allowed.
        MachineError: A registry does not answer, and tags are not allowed.
    """
    names = (images.pipeline, images.train)
    parsed = [parse_image(name) for name in names]  # what is misspelt is told before any is asked
    pinned = [
        _pin(name, image, allow_tag, timeout) for name, image in zip(names, parsed, strict=True)
    ]
    return Images(*pinned)


def _pin(name: str, image: ImageReference, allow_tag: bool, timeout: float) -> str:
    if image.digest:
        return name
    try:
        return image.pinned(_find(name, image, timeout))
    except RlrError as error:
        if not allow_tag:
            raise
        logger.warning("%s stays a tag, which may mean another image tomorrow: %s", name, error)
        return name


def _find(name: str, image: ImageReference, timeout: float) -> str:
    if image.registry is None:
        raise UserError(
            f"The image {name} names no registry that knows its digest; push it and name it as "
            "registry.example/name:tag, or pass --allow-tag if each node has it."
        )
    return find_digest(image, timeout)
