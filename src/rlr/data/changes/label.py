"""Judging images: a label is a place in the tree, so an image that is judged moves."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from rlr.config.data import DataConfig
from rlr.data.changes.change import Change
from rlr.data.changes.selection import select
from rlr.data.index import index_images, layout_of
from rlr.data.judgement import Judgement
from rlr.data.layouts import Entry, Layout
from rlr.data.manifest import GOOD, MASK_SEPARATOR, Manifest, Split
from rlr.foundation.errors import UserError


def plan_labels(
    config: DataConfig, root: Path, version: str, judgements: Sequence[Judgement]
) -> Change:
    """Plan the moves that judgements mean.

    Args:
        config: Layout and classes.
        root: Folder with the data.
        version: Its data version.
        judgements: What is said of which images.

    Returns:
        The change; it is empty where every image is there already.

    Raises:
        UserError: An image is unknown or judged in two ways, a tested image or a copy of one
            would be trained on, or the layout tells labels otherwise than by places.
    """
    return _Planner(config, root, index_images(config, root, version)).plan(judgements)


class _Planner:
    """What planning the moves of one set holds together."""

    def __init__(self, config: DataConfig, root: Path, manifest: Manifest) -> None:
        self.root = root
        self.layout: Layout = layout_of(config, root)
        records = manifest.frame.to_dict(orient="records")
        self.rows: dict[str, dict[Any, Any]] = {row["path"]: row for row in records}
        tested = manifest.select("test")
        self.tested = {*tested["sha256"], *tested["group"]}
        self.taken = Counter(_stem(path) for path in self.rows)
        self.moves: dict[str, str] = {}
        self.removals: set[str] = set()
        self.images: dict[str, Entry] = {}
        self.moved: list[dict[str, Any]] = []

    def plan(self, judgements: Sequence[Judgement]) -> Change:
        for path, judgement in sorted(self._by_image(judgements).items()):
            self._move(path, judgement)
        facts = {
            "labels": dict(sorted(Counter(each["label"] for each in self.moved).items())),
            "moved": self.moved,
            "masks_removed": sorted(self.removals),
        }
        return Change("label", facts, self.moves, frozenset(self.removals), self.images)

    def _by_image(self, judgements: Sequence[Judgement]) -> dict[str, Judgement]:
        said: dict[str, Judgement] = {}
        for judgement in judgements:
            judgement.target()
            for path in select([judgement.name], self.rows, self.root):
                other = said.setdefault(path, judgement)
                if (other.label, other.target()) != (judgement.label, judgement.target()):
                    raise UserError(
                        f"{judgement.where}: {path} is {judgement.label} here and {other.label} "
                        f"in {other.where}; keep one of them."
                    )
        return said

    def _move(self, path: str, judgement: Judgement) -> None:
        row, split, label = self.rows[path], judgement.target(), judgement.label
        self._refuse_tested(path, row, split)
        folder = PurePosixPath(self.layout.place(row["class"], split, label))
        if PurePosixPath(path).parent == folder:
            return  # it is there already
        new = self._free_name(folder, path, row["sha256"])
        masks = self._move_masks(row, label, PurePosixPath(new).stem)
        self.moves[path] = new
        self.images[new] = Entry(new, row["class"], split, label, masks)
        was = {"split": row["split"], "label": _text(row["label"])}
        self.moved.append({"from": path, "to": new, "split": split, "label": label, "was": was})

    def _refuse_tested(self, path: str, row: dict[Any, Any], split: Split) -> None:
        if split != "train":
            return
        if row["split"] == "test":
            raise UserError(
                f"{path} is a test image; figures were measured with it, so it is never trained "
                "on: leave it in test, or withdraw it with `rlr data remove`."
            )
        if row["sha256"] in self.tested or row["group"] in self.tested:
            raise UserError(
                f"{path} is, or shows the same part as, an image that is in test, so it is never "
                "trained on: write --split test, or withdraw it with `rlr data remove`."
            )

    def _free_name(self, folder: PurePosixPath, path: str, sha256: str) -> str:
        """Return the new path; an image whose name is taken there is told apart by its hash."""
        name = PurePosixPath(path)
        for candidate in (name.name, f"{name.stem}-{sha256[:8]}{name.suffix}"):
            new = (folder / candidate).as_posix()
            # Masks go by the stem, so that 1.jpg beside 1.png is taken, too.
            if not self.taken[_stem(new)]:
                self.taken[_stem(new)] += 1
                return new
        raise UserError(
            f"{path} cannot become {folder / name.name}: an image of that name and content is "
            "there; withdraw one of them with `rlr data remove`."
        )

    def _move_masks(self, row: dict[Any, Any], label: str, stem: str) -> tuple[str, ...]:
        """Plan what happens to an image's masks; return where they are then."""
        masks = row["mask"].split(MASK_SEPARATOR) if isinstance(row["mask"], str) else []
        if label == GOOD:
            self.removals.update(masks)
            return ()
        moved = []
        for mask in masks:
            new = self._mask_path(mask, row, label, stem)
            if new != mask:
                self.moves[mask] = new
            moved.append(new)
        return tuple(moved)

    def _mask_path(self, mask: str, row: dict[Any, Any], label: str, stem: str) -> str:
        """Return the new path of a mask: in the folder of the new label, by the new name."""
        old = PurePosixPath(row["path"]).stem
        here = PurePosixPath(self.layout.mask_place(row["class"], row["label"]))
        there = PurePosixPath(self.layout.mask_place(row["class"], label))
        place = PurePosixPath(mask)
        if not place.is_relative_to(here):  # directly in the folder of masks, for any label
            return place.with_name(stem + place.name.removeprefix(old)).as_posix()
        first, *rest = place.relative_to(here).parts
        return there.joinpath(stem + first.removeprefix(old), *rest).as_posix()


def _stem(path: str) -> str:
    return PurePosixPath(path).with_suffix("").as_posix()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
