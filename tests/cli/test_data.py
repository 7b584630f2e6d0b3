"""`rlr data` as a user calls it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rlr.config.data import SyntheticConfig
from rlr.data.manifest import read_manifest
from rlr.data.versions import data_version, pinned_version

Rlr = Callable[..., Any]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def parts(place: Path) -> Path:
    """Return a folder of one class, whose name YAML would take for a number."""
    folder = place / "2024"
    draws = np.random.default_rng(0)
    for split, label, count in [("train", "good", 20), ("test", "good", 3), ("test", "bent", 2)]:
        for number in range(count):
            file = folder / "bolt" / split / label / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = draws.integers(60, 200, (40, 40 + number % 2), dtype=np.uint8)
            Image.fromarray(pixels).save(file)
    return folder


def test_index_writes_a_manifest_and_a_table(rlr: Rlr, parts: Path) -> None:
    answer = rlr("data", "index", "2024", "-o", "out/m.parquet")
    assert answer.status == 0
    assert "bent 2" in answer.stdout
    assert "40x40 to 41x40" in answer.stdout
    manifest = read_manifest(Path("out/m.parquet"), parts)
    assert manifest.version == data_version(parts)
    assert f"25 images, data version {manifest.version}" in answer.stdout


def test_index_answers_in_json(rlr: Rlr, parts: Path) -> None:
    document = json.loads(rlr("data", "index", "2024", "--json").stdout)
    (record,) = document["classes"]
    assert document["schema_version"] == 1
    assert document["manifest"] == ".rlr/manifest.parquet"
    assert record["train"] + record["validation"] == 20
    assert (record["test_good"], record["test_defective"], record["masks"]) == (3, 2, 0)
    assert record["defects"] == {"bent": 2}
    assert list(record["sizes"].items()) == [("40x40", 13), ("41x40", 12)]


def test_index_takes_settings(rlr: Rlr, parts: Path) -> None:
    words = ("data", "index", "2024", "--json", "--set", "data.validation_fraction=0")
    (record,) = json.loads(rlr(*words).stdout)["classes"]
    assert (record["train"], record["validation"]) == (20, 0)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("index", "nowhere"), "The data folder nowhere is missing"),
        (("validate", "nowhere"), "The data folder nowhere is missing"),
        (("publish", "nowhere"), "The data folder nowhere is missing"),
        (("pull",), "data.dvc is missing"),
        (("pull", "--version", "abc"), "'abc' is no data version"),
        (("pull", "--version", "0" * 32 + ".dir"), "No data remote is configured"),
        (("pull", "--version", "0" * 32 + ".dir", "--remote", "r"), "does not have the data"),
        (("index", "2024", "--set", "data.classes=[nut]"), "has the classes bolt"),
        (
            ("import", "bucket/x"),
            "bucket/x is missing; correct the name, or write s3://BUCKET/PREFIX",
        ),
        (("import", "s3://k:s@bucket/x"), "The s3:// URL holds credentials"),
        (("import", "s3://b", "--set", "data.intake.include=[.gif]"), "data.intake.include: .gif;"),
        (("import", "s3://b", "--set", "data.intake.attempts=0"), "data.intake.attempts"),
        (("verify",), "data.dvc is missing"),
        (("verify", "--version", "abc", "--remote", "r"), "'abc' is no data version"),
        (("verify", "--version", "0" * 32 + ".dir", "--remote", "r"), "does not have the data"),
        (("remote", "nonsense://x"), "data remote nonsense://x cannot be used"),
        (("remote", "s3://k:s@bucket/x"), "The remote's URL holds credentials"),
    ],
)
def test_wrong_input_is_one_sentence(
    rlr: Rlr, parts: Path, words: tuple[str, ...], sentence: str
) -> None:
    answer = rlr("data", *words)
    assert answer.status == 2
    assert answer.stdout == ""
    assert sentence in answer.stderr.splitlines()[-1]


def test_publish_pin_and_pull(rlr: Rlr, parts: Path, place: Path) -> None:
    version = data_version(parts)
    answer = rlr("data", "publish", "2024", "--remote", "remote", "--pin", "--json")
    assert json.loads(answer.stdout)["data_version"] == version
    assert pinned_version(place) == version
    pod = place / "pod"
    pod.mkdir()
    answer = rlr("data", "pull", "--remote", place / "remote", "-o", pod / "data")
    assert (answer.status, answer.stdout) == (0, f"{pod / 'data'} holds {version}.\n")
    assert data_version(pod / "data") == version


def test_verify_names_what_is_wrong_and_fails(rlr: Rlr, parts: Path, place: Path) -> None:
    version = data_version(parts)
    assert rlr("data", "remote", "remote").status == 0
    rlr("data", "publish", "2024")
    answer = rlr("data", "verify", "--version", version, "--deep")
    assert answer.status == 0
    assert f"holds 25 files of {version}.\nObjects: 25 read whole." in answer.stdout
    objects = place / "remote" / "files" / "md5"
    lost = next(path for path in objects.rglob("*") if path.is_file() and path.suffix != ".dir")
    lost.unlink()
    answer = rlr("data", "verify", "--version", version, "--json")
    document = json.loads(answer.stdout)
    assert answer.status == 1
    assert f"1 of 25 files of {version} are missing or damaged" in answer.stderr
    (fault,) = document["faults"]
    assert fault["finding"] == "missing"
    assert fault["key"] == str(lost)
    assert (parts / fault["path"]).is_file()


def test_pull_goes_to_the_cache_of_the_node(
    rlr: Rlr, parts: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = data_version(parts)
    rlr("data", "publish", "2024", "--remote", "remote")
    monkeypatch.setenv("RLR_DATA_CACHE", "cache")
    answer = rlr("data", "pull", "--version", version, "--remote", "remote")
    cached = Path("cache") / version.removesuffix(".dir")
    assert answer.stdout == f"{cached} holds {version}.\n"
    assert data_version(cached) == version
    words = (
        "data",
        "pull",
        "--version",
        version,
        "--remote",
        "nowhere",
        "--set",
        "data.cache=cache",
    )
    assert rlr(*words).status == 0  # it is there: no remote is asked


def test_validate_passes(rlr: Rlr, parts: Path, place: Path) -> None:
    answer = rlr("data", "validate", "2024", "-o", "checked", "--json")
    document = json.loads(answer.stdout)
    assert (answer.status, document["passed"]) == (0, True)
    assert Path(document["report"]).is_file()
    assert (place / "checked" / "manifest.parquet").is_file()


def test_validate_names_the_files_and_fails(rlr: Rlr, parts: Path) -> None:
    (parts / "bolt" / "train" / "good" / "7.png").write_bytes(b"no image")
    answer = rlr("data", "validate", "2024")
    assert answer.status == 2
    assert "bolt/train/good/7.png" in answer.stderr.splitlines()[-1]
    answer = rlr("data", "validate", "2024", "--json")
    assert (answer.status, json.loads(answer.stdout)["passed"]) == (2, False)


@pytest.fixture
def _quick_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a generator of one file in the place of the real one, which has tests of its own."""

    def generate(config: SyntheticConfig, folder: Path) -> None:
        (folder / "part").mkdir(parents=True)
        (folder / "part" / "seed.txt").write_text(str(config.seed))

    monkeypatch.setattr("rlr.data.synthetic.generate", generate)


@pytest.mark.usefixtures("_quick_generator")
def test_synth_makes_a_set_once(rlr: Rlr, place: Path) -> None:
    words = ("data", "synth", "made", "--json")
    first = json.loads(rlr(*words).stdout)
    before = (place / "made" / "part" / "seed.txt").stat().st_mtime_ns
    second = json.loads(rlr(*words).stdout)
    assert (first["generated"], second["generated"]) == (True, False)
    assert first["data_version"] == second["data_version"] == data_version(place / "made")
    assert first["pinned"] is None
    assert (place / "made" / "part" / "seed.txt").stat().st_mtime_ns == before
    assert [path.name for path in place.iterdir()] == ["made"]


@pytest.mark.usefixtures("_quick_generator")
def test_synth_clears_what_a_killed_one_has_left(rlr: Rlr, place: Path) -> None:
    left = place / ".made.partial" / "files"
    (left / ".set.half-way").mkdir(parents=True)
    assert rlr("data", "synth", "made").status == 0
    assert [path.name for path in place.iterdir()] == ["made"]


@pytest.mark.usefixtures("_quick_generator")
def test_synth_never_writes_over_other_files(rlr: Rlr, parts: Path) -> None:
    before = data_version(parts)
    answer = rlr("data", "synth", "2024")
    assert answer.status == 2
    assert "2024 holds other files than `rlr data synth` makes" in answer.stderr
    assert data_version(parts) == before


@pytest.mark.usefixtures("_quick_generator")
def test_synth_tells_of_another_pin(rlr: Rlr, place: Path) -> None:
    rlr("data", "synth", "made")
    rlr("data", "publish", "made", "--remote", "remote", "--pin")
    assert "pins another" not in rlr("data", "synth", "made").stdout
    answer = rlr("data", "synth", "other", "--set", "synthetic.seed=1")
    assert answer.status == 0
    assert f"data.dvc pins another one, {pinned_version(place)}" in answer.stdout
