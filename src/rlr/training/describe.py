"""From a configuration to the complete description of the detector it asks for."""

from typing import Any

from rlr.config import Config
from rlr.config.model import LevelConfig
from rlr.data.manifest import Manifest
from rlr.detection.spec import (
    FORMAT_VERSION,
    AttachmentsSpec,
    BackboneSpec,
    CalibrationSpec,
    DetectorSpec,
    LevelSpec,
    NetworkSpec,
    OriginSpec,
    PreprocessingSpec,
    ScoringSpec,
    UnjudgedSpec,
    WeightsSpec,
)
from rlr.detection.thresholds import Thresholds
from rlr.features.weights import WeightsSource
from rlr.foundation.build import current_build
from rlr.foundation.documents import digest
from rlr.foundation.errors import UserError
from rlr.model import published_window

LevelShape = tuple[tuple[int, int], int]  # grid, channels


def describe_network(config: Config, shapes: list[LevelShape]) -> NetworkSpec:
    """Fix the network's sizes, given the grid and the channels of each level."""
    model = config.model
    return NetworkSpec(
        levels=[
            _describe_level(level, grid, channels)
            for level, (grid, channels) in zip(model.levels, shapes, strict=True)
        ],
        attention=model.attention,
        gate=model.gate,
        alpha=model.alpha,
        ffn_ratio=model.ffn_ratio,
        references=model.references,
        refine=model.refine,
        bank=model.bank,
        local=model.local,
    )


def _describe_level(level: LevelConfig, grid: tuple[int, int], channels: int) -> LevelSpec:
    assert level.width is not None  # filled in when the configuration was read
    return LevelSpec(
        index=level.index,
        blocks=level.blocks or [level.index],
        grid=grid,
        channels=channels,
        width=level.width,
        layers=level.layers,
        heads=level.heads,
        window=level.window or published_window(grid),
    )


def describe_scoring(config: Config) -> ScoringSpec:
    """Fix how scores are made.

    Raises:
        UserError: There are not as many level weights as levels.
    """
    detection, levels = config.detection, len(config.model.levels)
    weights = detection.level_weights
    if weights is not None and len(weights) != levels:
        raise UserError(
            f"detection.level_weights has {len(weights)} weights and model.levels {levels} levels; "
            "give one weight a level."
        )
    calibration = detection.calibration
    return ScoringSpec(
        squared=detection.score.squared,
        cosine=detection.score.cosine,
        level_weights=weights,
        fusion=detection.fusion,
        smoothing_sigma=detection.smoothing_sigma,
        image_score=detection.image_score,
        top_share=detection.top_share,
        calibration=None
        if calibration.method == "none"
        else CalibrationSpec(
            method=calibration.method,
            positions=calibration.positions or calibration.method == "position",
            whitening=calibration.whitening,
            tokens=calibration.tokens,
            maps=calibration.maps,
            temperature=calibration.temperature,
        ),
    )


def describe_detector(
    config: Config,
    manifest: Manifest,
    unjudged: UnjudgedSpec | None,
    network: NetworkSpec,
    scoring: ScoringSpec,
    source: WeightsSource,
    thresholds: Thresholds,
    weights: WeightsSpec,
) -> DetectorSpec:
    """Complete the description of a trained detector, to which nothing is attached yet."""
    preprocessing = config.features.preprocessing
    backbone = config.features.backbone
    build = current_build()
    return DetectorSpec(
        format_version=FORMAT_VERSION,
        classes=sorted(thresholds.per_class),
        preprocessing=PreprocessingSpec(**preprocessing.model_dump()),
        backbone=BackboneSpec(
            name=backbone.name,
            options=dict(backbone.options),
            final_norm=backbone.final_norm,
            weights_origin=source.origin,
            weights_sha256=source.sha256,
            pooling=config.features.pooling,
        ),
        normalisation=config.features.normalisation,
        network=network,
        scoring=scoring,
        thresholds=thresholds,
        origin=OriginSpec(
            config_name=config.name,
            config_sha256=config.digest(),
            seed=config.seed,
            data_version=manifest.version,
            manifest_sha256=manifest.digest,
            code_version=build.version,
            code_commit=build.commit,
            unjudged=unjudged,
        ),
        weights=weights,
        attachments=AttachmentsSpec(reference=None, canary=None, decoder=None),
    )


def fingerprint(config: Config, images: list[str], backbone: str) -> str:
    """Return the digest of all that determines the trained weights, for checkpoints.

    Args:
        config: The configuration.
        images: sha256 of the training images, in order.
        backbone: Digest of the backbone's weights: where they lie says nothing of what they are.
    """
    places: dict[str, Any] = {"backbone": {"weights", "store"}, "disk": True}
    training = config.training.model_dump(mode="json", exclude={"checkpoint_epochs", "device"})
    return digest(
        {
            "seed": config.seed,
            "features": config.features.model_dump(mode="json", exclude=places),
            "backbone": backbone,
            "model": config.model.model_dump(mode="json"),
            "training": training,
            "images": images,
            "version": current_build().version,
        }
    )
