"""Which other views of an image its class allows."""

from typing import Annotated, Literal

from pydantic import Field

from rlr.config.section import Section

ANY_CLASS = "*"
Rotation = Literal["none", "quarter", "any"]
Flip = Literal["none", "horizontal", "vertical", "both"]


class AugmentationConfig(Section):
    """Views of the training images, drawn from (seed, copy or epoch, image hash)."""

    rotate: dict[str, Rotation] = Field(
        {},
        description="Class, or '*' for all others, to none, quarter (turns by 90 degrees) or any "
        "(angle): for parts that lie anyhow.",
    )
    flip: dict[str, Flip] = Field(
        {}, description="Class, or '*', to none, horizontal (left to right), vertical or both."
    )
    light: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.0, description="Greatest relative change of brightness and of contrast."
    )
    copies: Annotated[int, Field(ge=2)] = Field(
        4,
        description="Views of each image whose features are kept, the image itself among them; an "
        "epoch sees one of them. Unless features.cache=memory every epoch has views of its own.",
    )

    @property
    def enabled(self) -> bool:
        """Whether any image is seen otherwise than it is."""
        turned = {*self.rotate.values(), *self.flip.values()} - {"none"}
        return bool(turned) or self.light > 0.0
