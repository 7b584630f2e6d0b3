"""JSON documents are strict, and say what they are."""

import hashlib
import json
import math
from pathlib import Path

import pytest

from rlr.foundation.documents import (
    digest,
    file_sha256,
    read_json,
    read_result,
    write_json,
    write_result,
)
from rlr.foundation.errors import UserError


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_before_anything_is_written(
    value: float, tmp_path: Path
) -> None:
    target = tmp_path / "new" / "document.json"
    with pytest.raises(ValueError, match="JSON"):
        write_json(target, {"deep": [1.0, value]})
    assert not target.parent.exists()
    with pytest.raises(ValueError, match="JSON"):
        digest(value)


def test_a_document_comes_back_as_it_was(tmp_path: Path) -> None:
    value = {"b": [1, 2.5, None], "a": {"Größe": "μm"}}
    write_json(tmp_path / "document.json", value)
    assert read_json(tmp_path / "document.json") == value
    assert list(read_json(tmp_path / "document.json")) == ["b", "a"]  # in the order given


def test_a_result_names_its_kind_and_version(tmp_path: Path) -> None:
    written = write_result(tmp_path, "train", model="model")
    assert written == {"schema_version": 1, "kind": "train", "model": "model"}
    assert read_result(tmp_path, "train") == json.loads((tmp_path / "result.json").read_text())


def test_a_result_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_result(tmp_path, "train")
    with pytest.raises(UserError, match="rlr evaluate"):
        read_result(tmp_path, "evaluate")


@pytest.mark.parametrize("content", [None, "{", "\xff"], ids=["missing", "cut", "bytes"])
def test_an_unreadable_document_is_one_sentence(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    if content is not None:
        file.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"result\.json"):
        read_result(tmp_path, "train")


def test_a_digest_is_of_the_value_and_not_of_its_order() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest([1, 2]) != digest([2, 1])
    assert digest({}) == hashlib.sha256(b"{}").hexdigest()


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x00\x01")
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"\x00\x01").hexdigest()
