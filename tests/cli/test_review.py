"""`rlr data review|label|remove|history` as a user calls them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlr.data.manifest import Manifest
from rlr.data.versions import data_version, pinned_version, pull

Rlr = Callable[..., Any]
ABSENT = "0" * 32 + ".dir"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unjudged_manifest: Manifest) -> Path:
    """Return a working directory with images in `data`, some of them unjudged."""
    shutil.copytree(unjudged_manifest.root, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_review_lists_what_nobody_has_judged(rlr: Rlr, place: Path) -> None:
    document = json.loads(rlr("data", "review", "--json").stdout)
    assert document["data_version"] == data_version(place / "data")
    assert len(document["images"]) == 34
    assert document["images"][0]["path"] == "rings/unlabelled/000.png"
    assert {each["score"] for each in document["images"]} == {None}
    assert "34 images to judge." in rlr("data", "review").stdout


def test_a_model_ranks_them_and_draws_the_page(rlr: Rlr, place: Path, trained: Path) -> None:
    words = ("data", "review", "--model", trained, "--limit", "2", "--html", "p.html", "--json")
    document = json.loads(rlr(*words).stdout)
    worst = [each for each in document["images"] if each["rank"] == 1]
    assert [each["path"] for each in worst] == [
        "rings/unlabelled/blot.png",
        "stripes/unlabelled/blot.png",
    ]
    assert all(each["score"] > each["threshold"] > 0 for each in worst)
    page = Path("p.html").read_text()
    assert page.count('class="card"') == len(document["images"]) == 4
    assert page.count("data:image/jpeg") == 8
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.index("rings/unlabelled/blot.png") < page.index("stripes/unlabelled/blot.png")
    assert '<option value="blot">' in page


def test_a_list_of_held_back_images_follows_their_bytes(rlr: Rlr, place: Path) -> None:
    from rlr.config.data import DataConfig
    from rlr.data.index import index_images

    frame = index_images(DataConfig(root="data")).select("unlabelled").set_index("path")
    rows = [
        f"{path},rings,{score},{frame.loc[path, 'sha256']},share\n"
        for path, score in (("rings/unlabelled/000.png", 1.0), ("rings/unlabelled/001.png", 2.0))
    ]
    (place / "run").mkdir()
    (place / "run" / "held_back.csv").write_text(f"path,class,score,sha256,reason\n{''.join(rows)}")
    assert rlr("data", "label", "rings/unlabelled/001.png", "--as", "good").status == 0
    answer = rlr("data", "review", "--from", "run")
    assert "1 images to judge of 2 that run held back." in answer.stdout
    assert "rings/unlabelled/000.png" in answer.stdout
    assert "001.png" not in answer.stdout


def test_versions_are_published_pinned_and_followed_back(rlr: Rlr, place: Path) -> None:
    first = rlr("data", "publish", "--remote", "store")
    assert first.status == 0
    start = data_version(place / "data")
    to_store = ("--publish", "--remote", "store", "--json")
    table = place / "labels.csv"
    table.write_text("path,label\nrings/unlabelled/000.png,good\nrings/unlabelled/blot.png,blot\n")
    planned = json.loads(rlr("data", "label", "--from", table, "--dry-run", *to_store).stdout)
    assert (planned["published"], data_version(place / "data")) == (False, start)
    labelled = json.loads(rlr("data", "label", "--from", table, *to_store).stdout)
    assert labelled["data_version"] == planned["data_version"] == data_version(place / "data")
    removed = json.loads(
        rlr("data", "remove", "stripes/unlabelled", "--reason", "dust", "--pin", *to_store).stdout
    )
    assert removed["parent"] == labelled["data_version"]
    assert pinned_version(place) == removed["data_version"]
    words = ("data", "history", "--remote", "store", "--json")
    versions = json.loads(rlr(*words).stdout)["versions"]
    assert [(each["data_version"], each["action"]) for each in versions] == [
        (removed["data_version"], "remove"),
        (labelled["data_version"], "label"),
        (start, None),
    ]
    assert versions[1]["facts"]["labels"] == {"blot": 1, "good": 1}
    assert versions[0]["files"] == versions[1]["files"] - 17
    assert (
        json.loads(rlr(*words, "--version", labelled["data_version"]).stdout)["versions"]
        == (versions[1:])
    )
    pull(labelled["data_version"], "store", place / "old")
    assert data_version(place / "old") == labelled["data_version"]
    shown = rlr("data", "history", "--remote", "store").stdout
    assert "remove: 17 images, dust" in shown


def test_a_history_ends_where_the_remote_ends(rlr: Rlr, place: Path) -> None:
    parent = data_version(place / "data")
    assert rlr("data", "remove", "rings/unlabelled/000.png", "--reason", "dust").status == 0
    document = json.loads(rlr("data", "history", "--json").stdout)
    assert [each["data_version"] for each in document["versions"]][1] == parent
    assert "No data remote is configured" in document["versions"][1]["missing"]
    answer = rlr("data", "history", "--remote", "store")
    assert answer.status == 0
    assert "not in the remote" in answer.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("review", "nowhere"), "The data folder nowhere is missing"),
        (("review", "--from", "nowhere"), "held_back.csv cannot be read"),
        (("review", "--model", "nowhere"), "nowhere holds no detector"),
        (("label", "x.png", "--as", "good"), "x.png is no image of"),
        (("label", "rings/unlabelled/000.png"), "Name images and what they show"),
        (("label", "x.png", "--from", "labels.csv"), "--from says all"),
        (("label", "--from", "labels.csv"), "labels.csv is missing"),
        (("label", "rings", "--as", "good"), "is a test image"),
        (("label", "x", "--as", "good", "--root", "nowhere"), "nowhere is missing"),
        (("remove", "x.png", "--reason", "dust"), "x.png is no image of"),
        (("history", "--version", "abc"), "'abc' is no data version"),
    ],
)
def test_wrong_input_is_one_sentence(
    rlr: Rlr, place: Path, words: tuple[str, ...], sentence: str
) -> None:
    before = data_version(place / "data")
    answer = rlr("data", *words)
    assert answer.status == 2
    assert sentence in answer.stderr.splitlines()[-1]
    assert data_version(place / "data") == before
    assert sorted(path.name for path in place.iterdir()) == ["data"]
