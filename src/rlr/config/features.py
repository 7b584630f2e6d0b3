"""The frozen backbone, what goes into it, and how its features are pooled."""

from typing import Annotated, Literal

from pydantic import Field

from rlr.config.section import Positive, Section

Channel = tuple[float, float, float]


class PreprocessingConfig(Section):
    """From an image file to the backbone's input."""

    height: Positive = Field(256, description="Input height in pixels.")
    width: Positive = Field(256, description="Input width in pixels.")
    mean: Channel = Field((0.485, 0.456, 0.406), description="Subtracted from RGB in 0 to 1.")
    std: Channel = Field((0.229, 0.224, 0.225), description="RGB is divided by it.")
    white_level: Annotated[int, Field(ge=255, le=65535)] = Field(
        65535, description="Value of white in 16-bit images (4095 for a 12-bit camera)."
    )


class BackboneConfig(Section):
    """Any timm model that can be created with `features_only`."""

    name: str = Field("tf_efficientnet_b6.aa_in1k", description="timm model name.")
    weights: str = Field(
        "hub",
        description="`packaged` (comes with the package), `store` (brought by `rlr backbone`), "
        "`hub` (the store where it has them, else downloaded), the path of a local file "
        "(safetensors or a timm checkpoint), or `random`.",
    )
    store: str | None = Field(
        None,
        description="Folder of weights that `rlr backbone` has brought; null: RLR_BACKBONES, else "
        ".rlr/backbones.",
    )
    options: dict[str, str | int | float | bool] = Field(
        {}, description="Further arguments of timm.create_model, such as pad_type: same."
    )
    final_norm: bool = Field(
        False, description="Whether a vision transformer's last norm is applied to every block."
    )


class DiskConfig(Section):
    """The feature cache on disk: what is computed once, for all epochs, runs and processes."""

    folder: str | None = Field(
        None,
        description="Folder of the cache; null: RLR_FEATURE_CACHE, else `features` in the cache of "
        "data versions (data.cache).",
    )
    max_gib: Annotated[float, Field(gt=0.0)] = Field(
        50.0,
        description="GiB of all features in the folder; what was not used for longest goes first, "
        "and what is in use never does.",
    )
    shard_mib: Positive = Field(
        256, description="MiB a file, about: what is lost where the writing process is killed."
    )


class FeaturesConfig(Section):
    """Backbone, preprocessing and pooling."""

    backbone: BackboneConfig = BackboneConfig()
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    pooling: Annotated[int, Field(ge=1)] = Field(
        3, description="Side of the average pooling window, odd; stride 1, zeros counted."
    )
    normalisation: Literal["none", "channel"] = Field(
        "none",
        description="channel: each channel of a level less its mean and over its deviation, over "
        "all tokens of the training images, so that squared error and cosine have one scale.",
    )
    batch_size: Positive = Field(16, description="Images a backbone pass.")
    cache: Literal["memory", "disk", "off"] = Field(
        "memory",
        description="Keep pooled features in memory, keep them on disk for later runs as well, or "
        "compute them every epoch. The weights are the same.",
    )
    disk: DiskConfig = DiskConfig()
