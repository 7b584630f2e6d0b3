"""Is a file what its object is? Held against S3's own rules for ETags and checksums."""

import base64
import hashlib
import zlib
from pathlib import Path
from typing import Any

import pytest

from rlr.data.intake.checking import find_fault

BODY = bytes(range(256)) * 4096 * 13  # 13 MiB
MEBIBYTE = 2**20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(BODY)
    return tmp_path / "file"


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def etag_of_parts(size: int) -> str:
    """S3's rule, in three lines."""
    parts = [BODY[start : start + size] for start in range(0, len(BODY), size)]
    digests = b"".join(bytes.fromhex(md5(part)) for part in parts)
    return f"{md5(digests)}-{len(parts)}"


def fault(file: Path, etag: str, facts: dict[str, Any] | None = None, part: int | None = None):
    return find_fault(file, len(BODY), etag, facts or {}, part)


def test_whole_objects(file: Path) -> None:
    assert fault(file, md5(BODY)) is None
    assert fault(file, md5(b"other")) == "its md5 is not its ETag"
    assert find_fault(file, 7, md5(BODY), {}) == f"{len(BODY)} bytes arrived of 7"
    assert fault(file, "what-another-server-says") is None


@pytest.mark.parametrize("size", [5, 6, 7, 8, 13, 64])
def test_objects_of_parts(file: Path, size: int) -> None:
    etag = etag_of_parts(size * MEBIBYTE)
    assert fault(file, etag) is None
    assert fault(file, etag, part=size * MEBIBYTE) is None
    wrong = f"{md5(b'wrong')}-{etag.partition('-')[2]}"
    assert fault(file, wrong, part=size * MEBIBYTE) == "the md5 of its parts is not its ETag"


def test_what_a_key_of_ones_own_encrypts_has_no_md5(file: Path) -> None:
    assert fault(file, md5(b"other"), {"ServerSideEncryption": "aws:kms"}) is None
    assert fault(file, md5(b"other"), {"SSECustomerAlgorithm": "AES256"}) is None
    assert fault(file, md5(b"other"), {"ServerSideEncryption": "AES256"}) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHA256", hashlib.sha256(BODY).digest()),
        ("SHA1", hashlib.sha1(BODY, usedforsecurity=False).digest()),
        ("CRC32", zlib.crc32(BODY).to_bytes(4, "big")),
    ],
)
def test_stored_checksums(file: Path, name: str, value: bytes) -> None:
    right, wrong = (base64.b64encode(each).decode() for each in (value, value[::-1]))
    keyed = {"ServerSideEncryption": "aws:kms"}
    assert fault(file, "x", keyed | {f"Checksum{name}": right}) is None
    assert fault(file, "x", keyed | {f"Checksum{name}": wrong}) is not None
    composite = {f"Checksum{name}": wrong, "ChecksumType": "COMPOSITE"}
    assert fault(file, "x", keyed | composite) is None
    assert fault(file, "x", keyed | {f"Checksum{name}": f"{wrong}-3"}) is None
