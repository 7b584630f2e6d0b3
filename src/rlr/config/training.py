"""How the networks are trained."""

from typing import Annotated, Literal

from pydantic import Field

from rlr.config.section import NotNegative, Positive, Section, Share

Beta = Annotated[float, Field(ge=0.0, lt=1.0)]


class OptimizerConfig(Section):
    """Adam, without schedule."""

    learning_rate: Annotated[float, Field(gt=0.0)] = Field(1e-4, description="Step size.")
    betas: tuple[Beta, Beta] = Field((0.9, 0.999), description="Decay of the two moments.")
    weight_decay: NotNegative = Field(0.0, description="L2 penalty, as torch's Adam adds it.")


class JitterConfig(Section):
    """Noise on the input tokens, drawn per image from (seed, epoch, image hash)."""

    strength: NotNegative = Field(
        4.0, description="s in X + N(0, 1) * (||x|| / C) * s; 0 switches the noise off."
    )
    share: Share = Field(1.0, description="Share of tokens that get noise.")
    zero_share: Share = Field(0.0, description="Share of tokens set to zero.")


class StoppingConfig(Section):
    """Stopping on the loss of the normal validation split; off: the last epoch is the model."""

    enabled: bool = Field(False, description="Whether to stop early at all.")
    patience: Positive = Field(5, description="Epochs without improvement before the end.")
    min_improvement: NotNegative = Field(1e-3, description="Least relative improvement.")


class TrainingConfig(Section):
    """The training loop."""

    epochs: Positive = Field(200, description="Passes over the training images.")
    batch_size: Positive = Field(4, description="Images a step, over all processes together.")
    optimizer: OptimizerConfig = OptimizerConfig()
    jitter: JitterConfig = JitterConfig()
    stopping: StoppingConfig = StoppingConfig()
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA where it is.")
    precision: Literal["fp32", "bf16"] = Field("fp32", description="bf16: autocast.")
    threads: Positive | None = Field(None, description="CPU threads; null: torch's choice.")
    checkpoint_epochs: Positive = Field(5, description="Epochs between two checkpoints.")
