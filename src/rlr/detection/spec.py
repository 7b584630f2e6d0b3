"""The complete description of a detector, as its artifact carries it.

Every field is required: what a released artifact means must never depend on a default of
today's code.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from rlr.detection.thresholds import Thresholds
from rlr.model import LevelSizes
from rlr.model.sizes import AttentionKind, GateKind

Normalisation = Literal["none", "channel"]
Fusion = Literal["mean", "geometric", "max"]
ImageScore = Literal["max", "top_share"]

FORMAT_VERSION: Literal[4] = 4


class Record(BaseModel):
    """Frozen, complete, and strict about types and unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())


class PreprocessingSpec(Record):
    """From an image to the backbone's input."""

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    white_level: int


class BackboneSpec(Record):
    """The frozen backbone; its weights travel in the artifact.

    Attributes:
        name: timm model name.
        options: Further arguments of timm.create_model.
        final_norm: Whether a vision transformer's last norm is applied to every block.
        weights_origin: Where its weights came from.
        weights_sha256: Of the file that they were read from; None: they came from none, or it was
            not noted down, as before format 4.
        pooling: Side of the average pooling window.
    """

    name: str
    options: dict[str, str | int | float | bool]
    final_norm: bool
    weights_origin: Literal["hub", "file", "random", "packaged", "store"]
    weights_sha256: str | None
    pooling: int


class LevelSpec(Record):
    """One level's network, with nothing left to a rule.

    The backbone's outputs `blocks` are averaged into the level's features.
    """

    index: int
    blocks: list[int]
    grid: tuple[int, int]
    channels: int
    width: int
    layers: int
    heads: int
    window: tuple[int, int]


class NetworkSpec(Record):
    """All levels, and the switches that they share."""

    levels: list[LevelSpec]
    attention: AttentionKind
    gate: GateKind
    alpha: float
    ffn_ratio: int
    references: int

    def sizes(self, level: LevelSpec) -> LevelSizes:
        """Return the sizes of one level's network."""
        return LevelSizes(
            grid=level.grid,
            channels=level.channels,
            width=level.width,
            layers=level.layers,
            heads=level.heads,
            window=level.window,
            ffn_ratio=self.ffn_ratio,
            attention=self.attention,
            gate=self.gate,
            alpha=self.alpha,
            references=self.references,
        )


class CalibrationSpec(Record):
    """How residuals and scores are held against those of normal images.

    Attributes:
        method: position: against those at the same place; prototype: against those of the normal
            images that the image is most like.
    """

    method: Literal["position", "prototype"]


class ScoringSpec(Record):
    """From reconstructions to image scores.

    Attributes:
        squared: Weight of the mean squared error in a token's score.
        cosine: Weight of 1 - cosine similarity in it.
        level_weights: One a level; None: all levels count alike.
        fusion: How the levels' maps become one.
        smoothing_sigma: Of the Gaussian over the map, in pixels.
        image_score: What of the smoothed map is the image's score.
        top_share: Share of the pixels that the score is the mean of, where it is top_share.
        calibration: What brings scores to one scale; None: nothing does.
    """

    squared: float
    cosine: float
    level_weights: list[float] | None
    fusion: Fusion
    smoothing_sigma: float
    image_score: ImageScore
    top_share: float
    calibration: CalibrationSpec | None


class UnjudgedSpec(Record):
    """Training images that nobody has judged, and by whose word they were trained on.

    Attributes:
        admitted: Number of unjudged images that were trained on.
        held_back: Number of those that were held back for review.
        share: Share of each class that was to be held back.
        champion: The model that scored them, models:/NAME/VERSION or a folder; None: none did.
        champion_sha256: Of that model's detector.json.
    """

    admitted: int
    held_back: int
    share: float
    champion: str | None
    champion_sha256: str | None


class OriginSpec(Record):
    """What the detector was made from; `unjudged` is None where all its images were judged."""

    config_name: str
    config_sha256: str
    seed: int
    data_version: str
    manifest_sha256: str
    code_version: str
    code_commit: str
    unjudged: UnjudgedSpec | None


class WeightsSpec(Record):
    """sha256 of the files that scores are made with, checked at every load.

    Attributes:
        network: Of the networks' weights.
        backbone: Of the backbone's weights.
        statistics: Of what normal images' features and residuals are like; None: nothing of it is
            used, and there is no such file.
    """

    network: str
    backbone: str
    statistics: str | None


class AttachmentsSpec(Record):
    """sha256 of what lies beside the weights, checked at every load; None: there is no such file.

    Attributes:
        reference: Of the statistics of normal images that `rlr monitor` compares with.
        canary: Of a few normal images and what the detector said of them.
        decoder: Of the network that turns features back into pictures.
    """

    reference: str | None
    canary: str | None
    decoder: str | None


class DetectorSpec(Record):
    """Everything about a detector but its weights."""

    format_version: Literal[4]
    classes: list[str]
    preprocessing: PreprocessingSpec
    backbone: BackboneSpec
    normalisation: Normalisation
    network: NetworkSpec
    scoring: ScoringSpec
    thresholds: Thresholds
    origin: OriginSpec
    weights: WeightsSpec
    attachments: AttachmentsSpec
