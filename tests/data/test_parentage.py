"""What a folder says about the version it was made from."""

import json
import os
from pathlib import Path

import pytest

from rlr.config.data import DataConfig
from rlr.data.index import index_images
from rlr.data.versions import data_version, read_parent, record_parent
from rlr.data.versions.parentage import PARENTAGE_FILE
from rlr.foundation.errors import UserError

PARENT = "a" * 32 + ".dir"


def test_a_note_comes_back_as_it_was_given(mvtec: Path) -> None:
    assert read_parent(mvtec) is None
    record_parent(mvtec, PARENT, "label", {"as": "good", "moved": {"a/ü.png": "b/ü.png"}})
    assert read_parent(mvtec) == {
        "schema_version": 1,
        "parent": PARENT,
        "action": "label",
        "facts": {"as": "good", "moved": {"a/ü.png": "b/ü.png"}},
    }
    record_parent(mvtec, None, "import", {})
    assert (read_parent(mvtec) or {})["parent"] is None


def test_the_note_is_part_of_the_version_and_tells_no_time(mvtec: Path) -> None:
    bare = data_version(mvtec)
    record_parent(mvtec, bare, "remove", {"reason": "blurred"})
    noted = data_version(mvtec)
    assert noted != bare
    os.utime(mvtec / PARENTAGE_FILE, (0, 0))
    record_parent(mvtec, bare, "remove", {"reason": "blurred"})
    assert data_version(mvtec) == noted
    record_parent(mvtec, bare, "remove", {"reason": "of another part"})
    assert data_version(mvtec) not in (bare, noted)


def test_the_note_is_no_image_and_no_stranger(
    mvtec: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = index_images(DataConfig(), mvtec)
    record_parent(mvtec, before.version, "label", {})
    after = index_images(DataConfig(), mvtec)
    assert after.digest == before.digest
    assert after.version != before.version
    assert not caplog.records


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        json.dumps({"schema_version": 2, "parent": None, "action": "label", "facts": {}}),
        json.dumps({"schema_version": 1, "parent": 7, "action": "label", "facts": {}}),
        json.dumps({"schema_version": 1, "parent": "main", "action": "label", "facts": {}}),
        json.dumps({"schema_version": 1, "parent": None, "action": "label"}),
    ],
)
def test_another_document_is_refused_by_its_name(mvtec: Path, text: str) -> None:
    (mvtec / PARENTAGE_FILE).write_text(text)
    with pytest.raises(UserError, match=r"\.version\.json"):
        read_parent(mvtec)


def test_a_parent_must_be_a_version(mvtec: Path) -> None:
    with pytest.raises(UserError, match="'yesterday' is no data version"):
        record_parent(mvtec, "yesterday", "label", {})
    assert read_parent(mvtec) is None
