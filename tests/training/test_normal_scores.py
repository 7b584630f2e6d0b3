"""Choosing normal images out of several sets."""

from pathlib import Path

from rlr.detection.canary import choose_spread
from rlr.training.normal_scores import choose_of_sides
from rlr.training.store import ImageSet


def image_set(hashes: list[str]) -> ImageSet:
    names = ["a" if int(sha256, 16) % 2 else "b" for sha256 in hashes]
    return ImageSet([Path(sha256) for sha256 in hashes], hashes, names, hashes)


def test_images_of_two_sets_are_chosen_as_of_one() -> None:
    first, second = image_set(["05", "02", "07"]), image_set(["01", "04", "03", "06"])
    hashes = [*first.hashes, *second.hashes]
    wanted = [
        hashes[place] for place in choose_spread([*first.classes, *second.classes], hashes, 4)
    ]
    ours, theirs = choose_of_sides([first, second], 4)
    found = [first.hashes[place] for place in ours] + [second.hashes[place] for place in theirs]
    assert ours
    assert theirs
    assert found == wanted
    assert choose_of_sides([first, second], 99) == [[0, 1, 2], [0, 1, 2, 3]]
