"""The synthetic set: its layout, its bytes, its masks, and that no trivial method solves it."""

import hashlib
import io
import math
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rlr.config.data import DataConfig, SyntheticConfig
from rlr.data.index import index_images
from rlr.data.synthetic import generate
from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import ONE, TURN, cosine, root, sine
from rlr.data.synthetic.flaws.flaw import GOOD, Flaw
from rlr.data.synthetic.parts import PARTS
from rlr.data.synthetic.picture import Subject, render
from rlr.data.synthetic.png import _deflate, encode_png
from rlr.data.synthetic.shapes import Canvas
from rlr.foundation.errors import UserError

SMALL = SyntheticConfig(size=64, train_good=2, test_good=1, test_defective=6, workers=1)
# Every byte of every file of the small set. It changes when a picture changes, and then the
# pinned version of the demo's set changes with it.
SMALL_SHA256 = "4bbe0c58c50f0ffb08e04f3f18d1ec533b48112512dcc12ab45cf8629a8cf783"
FLAWS = [(name, kind) for name, part in PARTS.items() for kind in part.defects]


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "set"
    generate(SMALL, folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_every_class_has_the_layout_and_the_numbers_that_were_asked_for(small_set: Path) -> None:
    assert sorted(path.name for path in small_set.iterdir()) == sorted(PARTS)
    for name, part in PARTS.items():
        home = small_set / name
        assert len(list((home / "train" / "good").glob("*.png"))) == 2
        assert len(list((home / "test" / "good").glob("*.png"))) == 1
        kinds = {path.name for path in (home / "test").iterdir()} - {GOOD}
        assert kinds == set(part.defects)
        assert not (home / "ground_truth" / GOOD).exists()
        defective = [path for path in (home / "test").glob("*/*.png") if path.parent.name != GOOD]
        assert len(defective) == 6
        for path in defective:
            with Image.open(
                home / "ground_truth" / path.parent.name / f"{path.stem}_mask.png"
            ) as m:
                assert (m.mode, m.size) == ("L", (64, 64))
                assert set(np.unique(np.asarray(m))) == {0, 255}
            with Image.open(path) as image:
                assert (image.mode, image.size) == ("RGB", (64, 64))


def test_there_are_three_textures_three_objects_and_at_least_six_kinds_of_defect() -> None:
    assert len(PARTS) >= 6
    assert len({kind for part in PARTS.values() for kind in part.defects}) >= 6
    assert all(len(part.defects) >= 3 for part in PARTS.values())


def test_the_index_reads_it(small_set: Path) -> None:
    manifest = index_images(DataConfig(layout="auto"), small_set)
    assert manifest.classes == sorted(PARTS)
    test = manifest.select("test")
    assert (test["label"] != GOOD).sum() == 6 * len(PARTS)
    assert test.loc[test["label"] != GOOD, "mask"].notna().all()


def test_the_bytes_are_the_same_everywhere(small_set: Path) -> None:
    digest = hashlib.sha256()
    for name, content in contents(small_set).items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    assert digest.hexdigest() == SMALL_SHA256


def test_the_number_of_workers_changes_no_byte(small_set: Path, tmp_path: Path) -> None:
    generate(SMALL.model_copy(update={"workers": 2}), tmp_path / "set")
    assert contents(tmp_path / "set") == contents(small_set)


def test_no_picture_comes_twice(small_set: Path) -> None:
    images = [data for name, data in contents(small_set).items() if "ground_truth" not in name]
    assert len(set(images)) == len(images) == 6 * 9


def test_another_seed_gives_other_pictures() -> None:
    one, other = (render(Subject(seed, "flange", "train", GOOD, 0), 64) for seed in (1, 2))
    assert not np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize(("part", "kind"), FLAWS)
def test_the_mask_is_where_the_defect_is_seen(part: str, kind: str) -> None:
    picture = render(Subject(7, part, "test", kind, 0), 128)
    change = np.abs(picture.pixels.astype(int) - picture.twin).max(axis=2)
    assert not change[~picture.mask].any()
    assert 10 <= picture.mask.sum() <= picture.mask.size // 4
    assert (change[picture.mask] >= 8).mean() > 0.6
    assert change[picture.mask].max() > 18


@pytest.mark.parametrize("part", PARTS)
def test_a_good_part_is_its_own_twin(part: str) -> None:
    picture = render(Subject(7, part, "train", GOOD, 3), 64)
    assert not picture.mask.any()
    assert np.array_equal(picture.pixels, picture.twin)


@pytest.mark.parametrize("part", PARTS)
def test_no_floating_point_enters_a_surface(part: str) -> None:
    for kind in (GOOD, *PARTS[part].defects):
        surface = PARTS[part].build(Canvas(128), Draw("part"), Flaw(kind, Draw("flaw")))
        planes = (surface.height, surface.colour, surface.gloss, surface.metal, surface.part)
        assert {plane.dtype for plane in planes} == {np.dtype(np.int32)}


def test_an_odd_size_is_drawn_too() -> None:
    assert render(Subject(1, "circuit", "test", "missing", 0), 131).pixels.shape == (131, 131, 3)


def test_the_mean_image_does_not_solve_it() -> None:
    """Its area under the ROC curve, mean of classes, is near to that of tossing a coin."""
    areas = [mean_image_auroc(name, kinds) for name, kinds in defects_in_turn(12)]
    assert 0.3 < float(np.mean(areas)) < 0.75


def defects_in_turn(count: int) -> Iterator[tuple[str, list[str]]]:
    for name, part in PARTS.items():
        yield name, [part.defects[number % len(part.defects)] for number in range(count)]


def mean_image_auroc(part: str, kinds: list[str]) -> float:
    def look(split: str, label: str, index: int) -> np.ndarray:
        return render(Subject(2024, part, split, label, index), 64).pixels.astype(np.float64)

    train = np.stack([look("train", GOOD, index) for index in range(16)])
    mean = train.mean(axis=0)
    good = [np.abs(look("test", GOOD, index) - mean).mean() for index in range(10)]
    bad = [np.abs(look("test", kind, index) - mean).mean() for index, kind in enumerate(kinds)]
    return float(np.mean([b > g for b in bad for g in good]))


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="is not empty; name a new folder"):
        generate(SMALL, tmp_path / "set")
    assert (tmp_path / "set" / "thesis.txt").read_text() == "years of work"


def test_a_run_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(pixels: np.ndarray) -> bytes:
        raise RuntimeError("out of paint")

    monkeypatch.setattr("rlr.data.synthetic.dataset.encode_png", fail)
    with pytest.raises(RuntimeError, match="out of paint"):
        generate(SMALL, tmp_path / "set")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(1, 1), (7, 5, 3), (64, 64, 3), (100, 131)])
@pytest.mark.parametrize("noise", [0, 2, 90])
def test_pillow_reads_what_the_encoder_writes(shape: tuple[int, ...], noise: int) -> None:
    bell = np.random.default_rng(3).standard_normal(shape)
    pixels = np.clip(128 + noise * bell, 0, 255).astype(np.uint8)
    with Image.open(io.BytesIO(encode_png(pixels))) as image:
        assert np.array_equal(np.asarray(image), pixels)


def test_a_lopsided_histogram_keeps_to_fifteen_bits() -> None:
    """Each symbol is as frequent as all rarer ones together: plain Huffman would need 18 bits."""
    data = np.repeat(np.arange(18, dtype=np.uint8), 2 ** np.arange(18))
    assert zlib.decompress(_deflate(data), wbits=-15) == data.tobytes()


def test_sines_are_those_of_mathematics() -> None:
    for angle in range(-TURN, 2 * TURN, 7):
        assert abs(sine(angle) - ONE * math.sin(2 * math.pi * angle / TURN)) <= 0.5 + 1e-6
        assert abs(cosine(angle) - ONE * math.cos(2 * math.pi * angle / TURN)) <= 0.5 + 1e-6


def test_square_roots_are_exact_beside_perfect_squares() -> None:
    roots = np.array([1, 2, 3, 1000, 30000, 46340, (1 << 25) - 1], dtype=np.int64)
    values = np.concatenate([roots**2 - 1, roots**2, roots**2 + 1])
    assert root(values).tolist() == [math.isqrt(value) for value in values.tolist()]


def test_draws_are_those_of_splitmix64() -> None:
    """Against the generator's reference implementation, started at the same state."""
    draw = Draw("any", 1)
    state = int.from_bytes(hashlib.sha256(b"any/1").digest()[:8], "little")
    expected = []
    for _ in range(5):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        expected.append(z ^ (z >> 31))
    assert [*draw.words(3).tolist(), *draw.words(2).tolist()] == expected


def test_a_stream_does_not_depend_on_what_others_drew() -> None:
    parent = Draw("part")
    before = parent.child("edge").words(4).tolist()
    parent.words(100)
    assert parent.child("edge").words(4).tolist() == before
    assert parent.child("rim").words(4).tolist() != before


def test_the_contact_sheet_shows_each_class(
    small_set: Path, repository: Path, tmp_path: Path
) -> None:
    tool = repository / "tools" / "contact_sheet.py"
    sheet = tmp_path / "sheet.png"
    options = ["--good", "2", "--defective", "3", "--side", "64"]
    subprocess.run([sys.executable, str(tool), str(small_set), str(sheet), *options], check=True)
    with Image.open(sheet) as image:
        assert image.size == (5 * 68 - 4, 6 * 68 - 4)
        assert (np.asarray(image) == (255, 0, 255)).all(axis=2).any()
