"""How the networks are trained."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlr.config.augmentation import AugmentationConfig
from rlr.config.section import NotNegative, Positive, Section, Share

Beta = Annotated[float, Field(ge=0.0, lt=1.0)]
AboveZero = Annotated[float, Field(gt=0.0)]


class OptimizerConfig(Section):
    """Adam as published, or AdamW."""

    kind: Literal["adam", "adamw"] = Field(
        "adam",
        description="adam: the published one, its decay an L2 penalty on all parameters; adamw: "
        "decoupled decay, on weight matrices alone: not on biases, norms, gates or references.",
    )
    learning_rate: AboveZero = Field(1e-4, description="Step size; of a schedule, its peak.")
    betas: tuple[Beta, Beta] = Field((0.9, 0.999), description="Decay of the two moments.")
    weight_decay: NotNegative = Field(0.0, description="Strength of the decay; see kind.")


class ScheduleConfig(Section):
    """The learning rate over the steps of the training; it follows from the step alone."""

    kind: Literal["constant", "cosine", "one_cycle"] = Field(
        "constant",
        description="After the warm-up the rate stays, or falls along half a cosine; one_cycle: "
        "it also rises along one, while the first moment's decay falls and rises again.",
    )
    warmup: Share = Field(0.0, description="Share of the steps in which the rate rises.")
    final: Share = Field(0.0, description="Rate of the last step over the peak; not of constant.")
    peak_beta: Beta = Field(0.85, description="one_cycle: decay of the first moment at the peak.")


class AveragingConfig(Section):
    """Averaging of the weights over the steps; what is averaged is validated and kept."""

    kind: Literal["none", "ema"] = Field("none", description="ema: exponential moving average.")
    decay: Beta = Field(0.999, description="Share of the old average in the new one.")
    warmup: Positive = Field(
        10,
        description="The decay of step t is at most (1 + t) / (warmup + t): the first weights "
        "are forgotten, however short the training.",
    )


class HardnessConfig(Section):
    """Less pull on the tokens that are easily reconstructed (a loose reconstruction)."""

    share: Share = Field(0.0, description="Share of an image's tokens that counts as easy.")
    factor: Share = Field(0.1, description="Their gradients are multiplied by it.")
    warmup: Share = Field(0.1, description="Share of the steps in which the share grows from 0.")


class LossConfig(Section):
    """The loss of a token: squared * mean squared error + cosine * (1 - cosine similarity)."""

    squared: NotNegative = Field(1.0, description="Weight of the squared error.")
    cosine: NotNegative = Field(1.0, description="Weight of 1 - cosine similarity.")
    hardness: HardnessConfig = HardnessConfig()

    @model_validator(mode="after")
    def _some_term(self) -> "LossConfig":
        if self.squared == 0.0 and self.cosine == 0.0:
            raise ValueError("squared and cosine are both 0: nothing would be learned")
        return self


class JitterConfig(Section):
    """Noise on the input tokens, drawn per image from (seed, epoch, image hash)."""

    strength: NotNegative = Field(
        4.0, description="s in X + N(0, 1) * scale * s; 0 switches the noise off."
    )
    scale: Literal["token", "channel", "unit"] = Field(
        "token",
        description="token: ||x|| / C, a token at a time (published); channel: each channel's own "
        "deviation over the image's tokens; unit: 1, for features normalised by channel.",
    )
    draw: Literal["fixed", "uniform"] = Field(
        "fixed", description="fixed: the strength is s; uniform: drawn from 0 to s for each image."
    )
    share: Share = Field(1.0, description="Share of tokens that get noise.")
    zero_share: Share = Field(0.0, description="Share of tokens set to zero.")
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.0,
        description="Share of single values set to zero, the others scaled by 1 / (1 - dropout): "
        "dropout as noise, at the network's entrance.",
    )


class StoppingConfig(Section):
    """Stopping on the loss of the normal validation split; off: the last epoch is the model."""

    enabled: bool = Field(False, description="Whether to stop early at all.")
    patience: Positive = Field(5, description="Epochs without improvement before the end.")
    min_improvement: NotNegative = Field(1e-3, description="Least relative improvement.")


class TrainingConfig(Section):
    """The training loop."""

    epochs: Positive = Field(200, description="Passes over the training images.")
    batch_size: Positive = Field(4, description="Images a step, over all processes together.")
    micro_batch: Positive | None = Field(
        None,
        description="Images of a step that a process computes at a time, so that less memory is "
        "needed; gradients are added up. null: all of them.",
    )
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    clip_norm: AboveZero | None = Field(
        None, description="Greatest norm of a level's gradient; null: as it comes."
    )
    averaging: AveragingConfig = AveragingConfig()
    loss: LossConfig = LossConfig()
    jitter: JitterConfig = JitterConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    stopping: StoppingConfig = StoppingConfig()
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA where it is.")
    precision: Literal["fp32", "tf32", "bf16"] = Field(
        "fp32", description="tf32: products of ten bits on a graphics card; bf16: autocast."
    )
    compile: Literal["off", "kernels", "graphs"] = Field(
        "off",
        description="kernels: torch.compile of the networks, equal but for rounding, the first "
        "step takes minutes; graphs: as CUDA graphs too, for a graphics card and small batches.",
    )
    threads: Positive | None = Field(None, description="CPU threads; null: torch's choice.")
    checkpoint_epochs: Positive = Field(5, description="Epochs between two checkpoints.")
