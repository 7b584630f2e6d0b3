"""What a training has not seen: counted by the bytes of the images, wherever they lie now."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from rlr.data.layouts.class_folder import UNLABELLED
from rlr.data.manifest import Manifest


@dataclass(frozen=True)
class News:
    """New images since a data version.

    Attributes:
        judged: Images that are judged now and were not there then, or not judged.
        unjudged: Images that nobody has judged and that were not there.
        known: Images that were there then, in the state in which they are now.
        paths: The new ones, judged or not, as the manifest has them, sorted.
    """

    judged: int = 0
    unjudged: int = 0
    known: int = 0
    paths: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is new."""
        return not (self.judged or self.unjudged)


def count_news(
    manifest: Manifest, objects: Mapping[str, str], before: Mapping[str, str] | None
) -> News:
    """Count the images of a data version that a training on an earlier one has not seen.

    An image that was moved or renamed is not new; one that was judged meanwhile is, as a judged
    one. Copies of an image count as it does.

    Args:
        manifest: Images of the version.
        objects: md5 of each file of the version, by its relative path.
        before: The same of the earlier version; None: nothing was trained before.
    """
    places: dict[str, list[str]] = {}
    for path, md5 in (before or {}).items():
        places.setdefault(md5, []).append(path)
    judged: list[str] = []
    unjudged: list[str] = []
    frame = manifest.frame
    for path, split in zip(frame["path"], frame["split"], strict=True):
        then = places.get(objects.get(path, ""), [])
        if split == UNLABELLED:
            if not then:
                unjudged.append(path)
        elif all(_is_unjudged(place) for place in then):
            judged.append(path)
    new = sorted([*judged, *unjudged])
    return News(len(judged), len(unjudged), len(frame) - len(new), tuple(new))


def _is_unjudged(path: str) -> bool:
    return UNLABELLED in PurePosixPath(path).parts[:-1]
