"""Every fault trips its own expectation, names the files, and trips nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from rlr.data.manifest import GOOD, Manifest
from rlr.validation import Verdict

from .conftest import SIDE, PartSet

Judged = Callable[..., Verdict]
BOLT = "bolt/test/scratch/001.png"
CAP = "cap/train/good/004.png"


def tripped(verdict: Verdict) -> dict[str, set[str]]:
    """Return the offenders of every expectation that does not hold."""
    return {
        outcome.name: {offender.name for offender in outcome.offenders}
        for outcome in verdict.outcomes
        if not outcome.success
    }


def found(verdict: Verdict, name: str) -> str:
    """Return what was found at the first offender of the one failure."""
    (outcome,) = [o for o in verdict.outcomes if o.success is False]
    return next(offender.found for offender in outcome.offenders if offender.name == name)


def test_a_healthy_set_holds_every_expectation(parts: PartSet, judged: Judged) -> None:
    verdict = judged(parts)
    assert tripped(verdict) == {}
    assert all(outcome.success for outcome in verdict.outcomes)
    assert verdict.passed
    assert (
        verdict.sentence() == f"Validation passed: all {len(verdict.outcomes)} expectations hold."
    )


def test_unreadable_images(parts: PartSet, judged: Judged) -> None:
    empty, text, cut, gone = (f"cap/train/good/{number:03}.png" for number in (3, 4, 5, 10))
    (parts.root / empty).write_bytes(b"")
    (parts.root / text).write_bytes(b"no image at all")
    (parts.root / cut).write_bytes((parts.root / cut).read_bytes()[:-200])
    manifest = parts.manifest()
    (parts.root / gone).unlink()
    verdict = judged(manifest, min_train_good=1)
    assert tripped(verdict) == {"readable": {empty, text, cut, gone}}
    assert not verdict.passed
    # The path is the manifest's: the sentence reads alike on every machine.
    assert str(parts.root) not in verdict.sentence()


def test_a_damaged_tiff(parts: PartSet, judged: Judged) -> None:
    path = parts.add("cap/train/good/tags.tiff", "train", GOOD, parts.picture())
    content = bytearray((parts.root / path).read_bytes())
    entry = content.index((273).to_bytes(2, "little"), int.from_bytes(content[4:8], "little"))
    content[entry + 2] = 11  # where the pixels begin is now a float, at which Pillow trips
    (parts.root / path).write_bytes(content)
    assert tripped(judged(parts)) == {"readable": {path}}


def test_images_of_the_wrong_size(parts: PartSet, judged: Judged) -> None:
    narrow, flat, wide = (f"cap/train/good/{number:03}.png" for number in (3, 4, 5))
    for path, size in ((narrow, (16, SIDE)), (flat, (SIDE, 16)), (wide, (300, SIDE))):
        parts.write(path, np.asarray(Image.fromarray(parts.picture()).resize(size, 0)))
    verdict = judged(parts, min_side=32, max_side=256)
    assert tripped(verdict) == {"size": {narrow, flat, wide}}
    assert found(verdict, flat) == "height 16"


def test_an_image_of_the_wrong_mode(parts: PartSet, judged: Judged) -> None:
    parts.write(CAP, parts.picture()[:, :, 0])
    verdict = judged(parts, modes=["RGB", "RGBA"])
    assert tripped(verdict) == {"mode": {CAP}}
    assert found(verdict, CAP) == "mode L"


def test_labels_that_do_not_fit_the_split(parts: PartSet, judged: Judged) -> None:
    labels = {CAP: "scratch", "cap/train/good/010.png": None, "bolt/test/good/001.png": None}
    for path, label in labels.items():
        parts.rows[path]["label"] = label
    verdict = judged(parts)
    assert tripped(verdict) == {"label_of_split": set(labels)}
    assert [found(verdict, path) for path in labels] == ["label scratch", "no label", "no label"]


def test_unlabelled_images_are_not_judged_by_label(parts: PartSet, judged: Judged) -> None:
    parts.add("cap/unlabelled/000.png", "unlabelled", None, parts.picture())
    assert tripped(judged(parts)) == {}
    parts.rows["cap/unlabelled/000.png"]["label"] = GOOD
    assert tripped(judged(parts)) == {"label_of_split": {"cap/unlabelled/000.png"}}


def test_classes_with_too_few_images(parts: PartSet, judged: Judged) -> None:
    parts.remove("train", "bolt", keep=3)
    parts.remove("validation", "cap")
    parts.remove("test", "cap")
    verdict = judged(parts)
    assert tripped(verdict) == {"minimum_counts": {"bolt", "cap"}}
    assert found(verdict, "bolt") == "train good 3"
    assert found(verdict, "cap") == "validation good 0; test good 0"


def test_a_class_with_too_few_defects(parts: PartSet, judged: Judged) -> None:
    assert tripped(judged(parts, min_test_defective=4)) == {"minimum_counts": {"bolt", "cap"}}


def test_a_class_without_training_images(parts: PartSet, judged: Judged) -> None:
    parts.remove("train", "cap")
    assert tripped(judged(parts)) == {"minimum_counts": {"cap"}}


def test_a_class_far_behind_the_largest(parts: PartSet, judged: Judged) -> None:
    parts.remove("train", "cap", keep=4)
    verdict = judged(parts, max_imbalance=2.0, min_train_good=4)
    assert tripped(verdict) == {"class_balance": {"cap"}}
    assert found(verdict, "cap") == "imbalance 2.25"  # 9 images over 4
    assert verdict.passed


def test_the_same_bytes_in_two_splits(parts: PartSet, judged: Judged) -> None:
    carved, tested = "cap/train/good/009.png", "cap/test/good/001.png"
    second, third = CAP.replace("004", "005"), CAP.replace("004", "006")
    for source, copy in ((CAP, carved), (second, tested), (second, third)):
        (parts.root / copy).write_bytes((parts.root / source).read_bytes())
    verdict = judged(parts)
    assert tripped(verdict) == {"duplicate_across_splits": {CAP, carved, second, third, tested}}
    assert found(verdict, CAP) == f"same bytes as {carved}"
    assert found(verdict, tested) == f"same bytes as {second}"
    assert not verdict.passed


def test_the_same_bytes_in_one_split_are_no_leak(parts: PartSet, judged: Judged) -> None:
    other = CAP.replace("004", "005")
    (parts.root / other).write_bytes((parts.root / CAP).read_bytes())
    assert tripped(judged(parts)) == {}


def test_the_same_pixels_in_another_encoding(parts: PartSet, judged: Judged) -> None:
    sources = [f"cap/train/good/{number:03}.png" for number in (3, 4, 5)]
    copies = ["cap/test/good/copy.bmp", "cap/test/good/copy.tiff", "cap/test/good/slow.png"]
    for source, copy in zip(sources, copies, strict=True):
        parts.add(copy, "test", GOOD, np.asarray(Image.open(parts.root / source)))
    Image.open(parts.root / sources[2]).save(parts.root / copies[2], compress_level=0)
    verdict = judged(parts)
    assert tripped(verdict) == {"duplicate_across_splits": {*sources, *copies}}
    for source, copy in zip(sources, copies, strict=True):
        assert found(verdict, copy) == f"same pixels as {source}"


def test_the_same_part_in_two_splits(parts: PartSet, judged: Judged) -> None:
    other = "cap/test/good/001.png"
    for path in (CAP, other, "bolt/test/good/001.png"):  # groups are of one class
        parts.rows[path]["group"] = "part-17"
    verdict = judged(parts)
    assert tripped(verdict) == {"group_across_splits": {CAP, other}}
    assert found(verdict, other) == f"same part as {CAP}"


def test_a_part_may_be_unlabelled_too(parts: PartSet, judged: Judged) -> None:
    other = parts.add("cap/unlabelled/000.png", "unlabelled", None, parts.picture())
    for path in (CAP, other):
        parts.rows[path]["group"] = "part-17"
    assert tripped(judged(parts)) == {}


def test_near_duplicates_across_splits_warn(parts: PartSet, judged: Judged) -> None:
    near, nearer = "cap/test/good/000.png", "cap/test/scratch/002.png"
    parts.write(nearer, parts.again(CAP, noise=1))
    parts.write(near, parts.again("cap/train/good/006.png", noise=4))
    verdict = judged(parts)
    assert verdict.passed
    (warning,) = verdict.warnings
    assert warning.name == "near_duplicate_across_splits"
    assert [str(offender) for offender in warning.offenders] == [  # a pair once, nearest first
        f"{nearer} (nearly same as {CAP})",
        f"{near} (nearly same as cap/train/good/006.png)",
    ]


def test_a_mask_of_the_wrong_size(parts: PartSet, judged: Judged) -> None:
    parts.mask(BOLT, size=(SIDE, SIDE - 4))
    verdict = judged(parts)
    assert tripped(verdict) == {"mask_size": {BOLT}}
    assert found(verdict, BOLT) == f"mask height {SIDE - 4}, height {SIDE}"


def test_a_mask_of_an_unreadable_image_is_not_measured_against_it(
    parts: PartSet, judged: Judged
) -> None:
    (parts.root / BOLT).write_bytes(b"")
    assert tripped(judged(parts)) == {"readable": {BOLT}}


def test_a_mask_that_is_cut_off(parts: PartSet, judged: Judged) -> None:
    name = parts.rows[BOLT]["mask"]
    mask = parts.root / name
    mask.write_bytes(mask.read_bytes()[:60])
    verdict = judged(parts)
    assert tripped(verdict) == {"mask_readable": {BOLT}}
    assert found(verdict, BOLT).startswith(f"mask unreadable because {name}: ")


def test_a_mask_that_marks_nothing(parts: PartSet, judged: Judged) -> None:
    parts.mask(BOLT, marked=0)
    assert tripped(judged(parts)) == {"mask_not_empty": {BOLT}}


def test_a_mask_on_a_good_image(parts: PartSet, judged: Judged) -> None:
    path = "bolt/test/good/002.png"
    parts.rows[path]["mask"] = parts.mask(path, marked=3)
    verdict = judged(parts)
    assert tripped(verdict) == {"mask_absent_for_good": {path}}
    assert found(verdict, path) == "mask area 9"
    parts.mask(path, marked=0)  # a black mask says the same as none
    assert tripped(judged(parts)) == {}


def test_a_missing_mask_where_the_class_has_some(parts: PartSet, judged: Judged) -> None:
    parts.rows[BOLT]["mask"] = None
    verdict = judged(parts)
    assert tripped(verdict) == {"mask_present_for_defects": {BOLT}}
    assert found(verdict, BOLT) == "no mask"
    assert verdict.passed


def test_a_class_without_masks_is_fine(parts: PartSet, judged: Judged) -> None:
    for path, row in parts.rows.items():
        if path.startswith("bolt/test/scratch"):
            row["mask"] = None
    assert tripped(judged(parts)) == {}


def test_a_dark_and_a_glaring_image(parts: PartSet, judged: Judged) -> None:
    glaring = CAP.replace("004", "005")
    noise = np.random.default_rng(0).integers(0, 4, (SIDE, SIDE, 3), dtype=np.uint8)
    parts.write(CAP, noise)
    parts.write(glaring, 255 - noise)
    verdict = judged(parts)
    assert tripped(verdict) == {"brightness": {CAP, glaring}}
    assert verdict.passed


def test_a_black_image_is_dark_and_without_any_edge(parts: PartSet, judged: Judged) -> None:
    parts.write(CAP, np.zeros((SIDE, SIDE, 3), dtype=np.uint8))
    assert tripped(judged(parts)) == {"brightness": {CAP}, "sharpness": {CAP}}


def test_a_blurred_image(parts: PartSet, judged: Judged) -> None:
    blurred = Image.fromarray(parts.picture()).filter(ImageFilter.GaussianBlur(8))
    parts.write(CAP, np.asarray(blurred))
    assert tripped(judged(parts)) == {"sharpness": {CAP}}


def _without(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.drop(columns=column)


@pytest.mark.parametrize(
    ("damage", "offender"),
    [
        (_without("label"), "column 4"),
        (_without("path"), "column 1"),
        (lambda frame: frame.assign(colour="red"), "column 15"),
        (lambda frame: frame[:0], "all columns"),
    ],
    ids=["no label", "no path", "one more", "no rows"],
)
def test_a_table_that_is_no_manifest(
    parts: PartSet,
    judged: Judged,
    damage: Callable[[pd.DataFrame], pd.DataFrame],
    offender: str,
) -> None:
    whole = parts.manifest()
    verdict = judged(Manifest(damage(whole.frame), whole.root, whole.version))
    failed, *others = verdict.outcomes
    assert failed.name == "schema_columns"
    assert offender in {o.name for o in failed.offenders}
    assert {outcome.success for outcome in others} == {None}
    assert not verdict.passed


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("split", "training", "split training"),
        ("sha256", None, "no sha256"),
        ("path", BOLT, "stands twice"),
    ],
)
def test_cells_that_no_manifest_has(
    parts: PartSet, judged: Judged, column: str, value: str | None, words: str
) -> None:
    whole = parts.manifest()
    frame = whole.frame.copy()
    frame.loc[frame["path"] == CAP, column] = value
    verdict = judged(Manifest(frame, whole.root, whole.version))
    assert [outcome.name for outcome in verdict.failures] == ["schema_values"]
    assert found(verdict, BOLT if column == "path" else CAP) == words
    assert [o.success for o in verdict.outcomes[2:]] == [None] * (len(verdict.outcomes) - 2)


def test_real_images_pass(shared: Path, judged: Judged) -> None:
    from rlr.config.data import DataConfig
    from rlr.data.index import index_images

    root = shared / "assets" / "datasets" / "bottle"
    manifest = index_images(DataConfig(root=str(root)), root, "0" * 32 + ".dir")
    assert tripped(judged(manifest)) == {}
