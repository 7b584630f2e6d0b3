"""From a bucket of a real S3 server to a tree, a manifest and a data version."""

import csv
import io
import os
import shutil
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from fixtures.proxy import Proxy

from rlr.data.versions import data_version, read_parent
from rlr.foundation.errors import UserError

from .conftest import files_in, picture

pytestmark = pytest.mark.services

Import = Callable[..., Any]
PATTERN = r"(?P<class>[^/]+)/(?P<label>OK|bent)/(?P<time>\d{8}T\d{6})_(?P<group>p\d+)_"
LINE = {"key_pattern": PATTERN, "time_format": "%Y%m%dT%H%M%S", "good_labels": ["OK"]}


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


def test_a_bucket_becomes_a_tree_a_manifest_and_a_version(camera: Any, take: Import) -> None:
    for number in range(3):
        key = f"line-1/bolt/OK/2026011{number}T080000_p{number}_top.png"
        camera.put_object(Key=key, Body=picture(number))
    bent = "line-1/bolt/bent/20260201T093000_p7_top.png"
    camera.put_object(Key=bent, Body=picture(7))
    camera.put_object(Key="line-1/inbox/new image.PNG", Body=picture(8))
    camera.put_object(Key="line-1/notes.txt", Body=b"text")
    camera.put_object(Key="line-1/bolt/OK/20260130T080000_p9_x.png", Body=b"<html>no image</html>")
    camera.put_object(Key="line-1/empty/", Body=b"")
    camera.put_object(Key="line-10/bolt/OK/20260130T080000_p1_.png", Body=picture(9))

    imported = take("line-1", **LINE)

    frame = imported.manifest.frame
    assert Counter(zip(frame["split"], frame["label"].fillna("-"), strict=True)) == {
        ("test", "bent"): 1,
        ("train", "good"): 3,
        ("unlabelled", "-"): 1,
    }
    row = frame[frame["label"] == "bent"].iloc[0]
    assert row["path"].startswith("bolt/test/bent/20260201T093000_p7_top-")
    assert (row["class"], row["group"]) == ("bolt", "bolt/p7")
    assert row["captured_at"] == "2026-02-01T09:30:00"
    assert row["source"] == f"s3://{camera.name}/{bent}"
    unjudged = frame[frame["split"] == "unlabelled"].iloc[0]
    assert unjudged["path"].startswith("bolt/unlabelled/new_image-")
    assert unjudged["path"].endswith(".png")
    assert imported.left_out == {
        "line-1/bolt/OK/20260130T080000_p9_x.png": "does not begin as an image does",
        "line-1/notes.txt": "has not the name of an image",
    }
    assert (imported.new, imported.known, imported.parent) == (5, 0, None)
    assert imported.manifest.version == data_version(Path("data"))
    assert read_parent(Path("data"))["facts"] == {
        "source": f"s3://{camera.name}/line-1/",
        "images": 5,
    }
    bytes_there = {path.read_bytes() for path in Path("data").rglob("*.png")}
    assert bytes_there == {picture(number) for number in (0, 1, 2, 7, 8)}
    assert os.listdir() == ["data"]  # nothing is left beside it


def test_the_same_bucket_gives_the_same_version_everywhere(camera: Any, take: Import) -> None:
    for number in range(4):
        camera.put_object(Key=f"{number}.png", Body=picture(number))
    assert take(root="one").manifest.version == take(root="two", concurrency=1).manifest.version


def test_again_only_what_is_new_is_fetched(camera: Any, take: Import, proxy: Proxy) -> None:
    for number in range(4):
        camera.put_object(Key=f"{number}.png", Body=picture(number))
    first = take()
    inode = Path("data").stat().st_ino
    proxy.requests.clear()
    again = take()
    assert (again.new, again.known, again.parent) == (0, 4, None)
    assert again.manifest.version == first.manifest.version
    assert Path("data").stat().st_ino == inode  # the folder was not touched
    assert [line for line in proxy.requests if ".png" in line] == []

    camera.put_object(Key="4.png", Body=picture(4))
    shutil.copytree("data", "pulled")  # on another machine, where the version was pulled
    proxy.requests.clear()
    more = take(root="pulled")
    assert [proxy.asked("GET", f"/{number}.png") for number in range(5)] == [0, 0, 0, 0, 1]
    assert (more.new, more.parent) == (1, first.manifest.version)
    assert read_parent(Path("pulled"))["parent"] == first.manifest.version
    assert files_in(Path("data")) < files_in(Path("pulled"))
    assert len(rows(Path("pulled/capture.csv"))) == 5


def test_what_people_have_done_since_stays(camera: Any, take: Import) -> None:
    for number in range(3):
        camera.put_object(Key=f"{number}.png", Body=picture(number))
    take()
    first, second, _ = sorted(Path("data/bolt/unlabelled").iterdir())
    Path("data/bolt/test/bent").mkdir(parents=True)
    first.rename(Path("data/bolt/test/bent") / first.name)
    second.unlink()
    Path("data/capture.csv").unlink()
    before = data_version(Path("data"))
    assert take().manifest.version == before
    camera.put_object(Key="3.png", Body=picture(3))
    frame = take().manifest.frame
    assert (frame["split"] == "unlabelled").sum() == 2
    assert list(frame.loc[frame["split"] == "test", "path"]) == [f"bolt/test/bent/{first.name}"]


def test_labels_come_from_a_csv_in_the_bucket(camera: Any, take: Import) -> None:
    for number in range(4):
        camera.put_object(Key=f"shift/{number}.png", Body=picture(number))
    table = (
        "path,class,label,split,group,captured_at\n"
        "0.png,nut,good,test,g1,2026-01-31T08:00:00Z\n"
        "1.png,nut,scratch,,,\n"
        "/2.png,,good,,,\n"
        "9.png,nut,good,,,\n"
    )
    camera.put_object(Key="shift/labels.csv", Body=table.encode())
    imported = take("shift", labels_csv=f"s3://{camera.name}/shift/labels.csv")
    places = {
        row["source"][-5]: row["path"].rpartition("/")[0]
        for row in imported.manifest.frame.to_dict(orient="records")
    }
    assert places == {
        "0": "nut/test/good",
        "1": "nut/test/scratch",
        "2": "bolt/train/good",
        "3": "bolt/unlabelled",
    }
    row = imported.manifest.frame.set_index("class").loc["nut"].set_index("label").loc["good"]
    assert (row["group"], row["captured_at"]) == ("g1", "2026-01-31T08:00:00Z")
    assert imported.left_out == {}  # the CSV itself is no stranger


def test_an_object_that_has_changed(camera: Any, take: Import) -> None:
    camera.put_object(Key="ring/1.png", Body=picture(1))
    before = take().manifest.version
    camera.put_object(Key="ring/1.png", Body=picture(2))
    with pytest.raises(UserError, match=r"ring/1\.png has another content than what was"):
        take()
    assert data_version(Path("data")) == before
    imported = take(changed="new")
    assert (imported.new, imported.changed) == (1, ["ring/1.png"])
    images = {path.read_bytes() for path in Path("data").rglob("*.png")}
    assert images == {picture(1), picture(2)}
    assert take(changed="refuse").new == 0  # both contents are known now


@pytest.mark.parametrize("parts", [None, 5 * 2**20, 6 * 2**20])
def test_a_large_object_comes_in_parts(
    camera: Any, take: Import, proxy: Proxy, parts: int | None
) -> None:
    body = picture(0, side=2000)
    threshold = TransferConfig(
        multipart_threshold=parts or 2**30, multipart_chunksize=parts or 2**30
    )
    camera.upload_fileobj(io.BytesIO(body), "big.png", Config=threshold)
    take(part_size=5 * 2**20)
    assert proxy.asked("GET", "/big.png") == -(-len(body) // (5 * 2**20))
    (file,) = Path("data/bolt/unlabelled").iterdir()
    assert file.read_bytes() == body


def test_a_listing_has_several_pages(camera: Any, take: Import, proxy: Proxy) -> None:
    small = [picture(seed, side=1) for seed in range(3)]
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda n: camera.put_object(Key=f"{n:04d}.png", Body=small[n % 3]), range(1003)
            )
        )
    proxy.requests.clear()
    assert take(concurrency=8).new == 1003
    assert sum("list-type=2" in line for line in proxy.requests) == 2
    assert len(list(Path("data/bolt/unlabelled").iterdir())) == 1003


def test_an_empty_prefix_and_one_without_images(camera: Any, take: Import) -> None:
    with pytest.raises(UserError, match="is empty; correct the prefix"):
        take("nothing")
    camera.put_object(Key="x/a.txt", Body=b"text")
    with pytest.raises(UserError, match=r"1 objects were left out, such as x/a\.txt"):
        take("x")
    camera.put_object(Key="y/a.png", Body=picture(1))
    with pytest.raises(UserError, match="is of no class that anything tells; name one with"):
        take("y", class_name=None)
    assert os.listdir() == []


def test_a_tree_of_another_layout_is_left_alone(camera: Any, take: Import) -> None:
    camera.put_object(Key="1.png", Body=picture(1))
    Path("data/nut").mkdir(parents=True)
    Path("data/nut/0.png").write_bytes(picture(0))
    with pytest.raises(UserError, match="data holds data in another layout"):
        take()
    assert files_in(Path("data")) == {"nut/0.png"}
