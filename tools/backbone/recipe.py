"""What determines the packaged weights, as strictly read as every configuration of the project."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from rlr.config.section import NotNegative, Positive, Section, Share
from rlr.foundation.documents import digest, read_json
from rlr.foundation.errors import UserError

DEFAULT = Path(__file__).with_name("recipe.json")


class Terms(Section):
    """Weights of the terms of the loss (`questions.py`)."""

    material: NotNegative = Field(description="Which material lies here.")
    flaw: NotNegative = Field(description="How much of a flaw.")
    local: NotNegative = Field(description="Colour, contrast and direction before the camera.")
    picture: NotNegative = Field(description="The scene itself, its local contrast made alike.")
    tone: NotNegative = Field(description="Colour behind the camera.")
    place: NotNegative = Field(description="Where this place lies in the twins.")
    change: NotNegative = Field(description="Whether the twin differs by more than its camera.")


class Recipe(Section):
    """Everything but the code: a recipe and a commit give the same weights."""

    seed: int = Field(description="Of the classes, the pictures, the scenes and the first weights.")
    classes: Positive = Field(description="How many materials are told apart.")
    canvases: Positive = Field(description="Pictures of each material an epoch.")
    canvas: Positive = Field(description="Their side in pixels.")
    side: Annotated[int, Field(ge=32, multiple_of=16)] = Field(description="Of a scene, pixels.")
    batch: Positive = Field(description="Scenes a step.")
    epochs: Positive = Field(description="Each draws its canvases anew, then is checkpointed.")
    steps: Positive = Field(description="Steps an epoch.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(description="AdamW's, at its plateau.")
    weight_decay: NotNegative = Field(description="AdamW's, on convolutions alone.")
    warmup: Share = Field(description="Share of all steps in which the rate rises from nothing.")
    decay: Share = Field(description="Share of all steps in which it falls to nothing at the end.")
    average: Share = Field(description="Share that the running mean of the weights keeps a step.")
    bfloat16: bool = Field(description="Compute in bfloat16; weights and sums stay in float32.")
    light: NotNegative = Field(description="How much the camera's light and colour vary; 1: much.")
    terms: Terms

    @property
    def fingerprint(self) -> str:
        """Digest of the recipe: a checkpoint of another one is refused."""
        return digest(self.model_dump())

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0 over all epochs.

        Rise, plateau, fall: a run that is stopped on the plateau is worth what it has learnt.
        """
        total = self.epochs * self.steps
        rise = (step + 1) / max(self.warmup * total, 1)
        fall = (total - step) / max(self.decay * total, 1)
        return self.learning_rate * min(1.0, rise, fall)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        UserError: It is missing, no JSON, or holds what no recipe does.
    """
    try:
        return Recipe.model_validate_json(json.dumps(read_json(path)))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(
            f"{path}: {key}: {first['msg']}; compare it with {DEFAULT.name}."
        ) from error
