"""What is known of weights that were brought, and stays beside them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Channels = tuple[float, float, float]


class _Known(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())


class Source(_Known):
    """Where weights came from.

    Attributes:
        kind: hub: fetched by `rlr backbone fetch`; file: imported from a file.
        place: Repository on the hub, or name of the file.
        sha256: Of the file as it came; that of the weights may differ, where they were converted.
    """

    kind: Literal["hub", "file"]
    place: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class WeightsRecord(_Known):
    """Everything about the weights of one backbone.

    Attributes:
        schema_version: Of this record.
        name: timm model name, with a tag where the weights are those that timm knows by it.
        architecture: The name without the tag.
        tag: The tag; None: weights of another origin.
        default_tag: Whether timm means this tag where none is named.
        sha256: Of the safetensors file.
        bytes: Its size.
        parameters: Number of values in it.
        options: Further arguments of timm.create_model that the weights were made with.
        mean: What its images were normalised with: subtracted from RGB in 0 to 1.
        std: RGB was divided by it.
        input_size: Height and width in pixels that it was trained at.
        licence: Of the weights; None: nobody has said.
        source: Where they came from.
        brought_at: When, in UTC, ISO 8601.
        tools: Versions of what has brought them.
    """

    schema_version: Literal[1]
    name: str
    architecture: str
    tag: str | None
    default_tag: bool
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int
    parameters: int
    options: dict[str, str | int | float | bool]
    mean: Channels
    std: Channels
    input_size: tuple[int, int]
    licence: str | None
    source: Source
    brought_at: str
    tools: dict[str, str]

    def means_the_same(self, other: "WeightsRecord") -> bool:
        """Return whether another record is of the same weights, used in the same way."""
        return all(
            getattr(self, field) == getattr(other, field)
            for field in ("name", "sha256", "options", "mean", "std")
        )
