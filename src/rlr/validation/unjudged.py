"""What may become of the images that nobody has judged; expectations speak of judged ones."""

from dataclasses import dataclass

from rlr.config.data import DataConfig
from rlr.data.manifest import Manifest
from rlr.data.splits import admissible
from rlr.validation.verdict import counted


@dataclass(frozen=True)
class Unjudged:
    """Numbers of unjudged images.

    Attributes:
        images: All of them.
        may_enter: Those that training may take, less the share that it holds back.
        share: The share of each class that is held back for review.
    """

    images: int
    may_enter: int
    share: float

    def sentence(self) -> str:
        """Return the numbers in words."""
        if not self.may_enter:
            return f"{counted(self.images, 'image')} nobody has judged; none enters training."
        return (
            f"{counted(self.images, 'image')} nobody has judged; {self.may_enter} of them may "
            f"enter training (data.assume_normal), less the {100 * self.share:g} % of each class "
            "that the champion finds least normal."
        )


def count_unjudged(manifest: Manifest, config: DataConfig) -> Unjudged | None:
    """Return the numbers of a manifest; None where every image was judged."""
    images = len(manifest.select("unlabelled"))
    if not images:
        return None
    enter = len(admissible(manifest, config.validation_fraction)) if config.assume_normal else 0
    return Unjudged(images, enter, config.review_share)
