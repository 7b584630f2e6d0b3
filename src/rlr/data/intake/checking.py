"""Is what has arrived what lies in the bucket? By size, by ETag, and by checksum where it has one.

S3's ETag is the md5 of an object that was put in one piece, and `md5(md5s of the parts)-N` of one
that was put in N. Of objects under a customer's or KMS key it is neither, and tells nothing.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

MD5 = re.compile(r"[0-9a-f]{32}")
PARTS = re.compile(r"([0-9a-f]{32})-([1-9][0-9]*)")
MEBIBYTE = 2**20
BLOCK = MEBIBYTE
# What clients cut objects into, where the server does not tell and too many sizes are possible.
USUAL_PARTS = [size * MEBIBYTE for size in (5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256)]
MANY = 16


def find_fault(
    file: Path, size: int, etag: str, facts: Mapping[str, Any], part_size: int | None = None
) -> str | None:
    """Compare a file with the object that it was fetched from.

    Args:
        file: The file.
        size: Bytes of the object.
        etag: ETag of the object, without quotes.
        facts: The server's answer to GetObject or HeadObject: checksums and encryption.
        part_size: Bytes of the object's first part, where the server has told.

    Returns:
        What is wrong, in a few words; None: nothing.
    """
    found = file.stat().st_size
    if found != size:
        return f"{found} bytes arrived of {size}"
    if not _is_keyed(facts):
        if MD5.fullmatch(etag) and _hash_file(file, "md5") != etag:
            return "its md5 is not its ETag"
        if PARTS.fullmatch(etag) and not _parts_agree(file, size, etag, part_size):
            return "the md5 of its parts is not its ETag"
    return _checksum_fault(file, facts)


def _is_keyed(facts: Mapping[str, Any]) -> bool:
    by_kms = str(facts.get("ServerSideEncryption", "")).startswith("aws:")
    return by_kms or bool(facts.get("SSECustomerAlgorithm"))


def _parts_agree(file: Path, size: int, etag: str, part_size: int | None) -> bool:
    """An unknown size of the parts is no fault: then size and checksum must do."""
    match = PARTS.fullmatch(etag)
    assert match is not None
    count = int(match[2])
    candidates = [part_size] if part_size else _possible_parts(size, count)
    return any(multipart_etag(file, each) == etag for each in candidates) or part_size is None


def _possible_parts(size: int, count: int) -> list[int]:
    """Return the sizes in whole mebibytes that cut an object into a number of parts."""
    if count == 1:
        return [size]
    least, most = -(-size // count), (size - 1) // (count - 1)
    whole = range(-(-least // MEBIBYTE) * MEBIBYTE, most + 1, MEBIBYTE)
    return list(whole) if len(whole) <= MANY else [each for each in USUAL_PARTS if each in whole]


def multipart_etag(file: Path, part_size: int) -> str:
    """Return the ETag that S3 gives a file that is put in parts of one size."""
    digests = []
    with file.open("rb") as stream:
        while part := _hash_part(stream, part_size):
            digests.append(part)
    whole = hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()
    return f"{whole}-{len(digests)}"


def _hash_part(stream: Any, part_size: int) -> bytes | None:
    digest, left = hashlib.md5(usedforsecurity=False), part_size
    while left and (block := stream.read(min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
    return digest.digest() if left < part_size else None


def _checksum_fault(file: Path, facts: Mapping[str, Any]) -> str | None:
    if facts.get("ChecksumType") == "COMPOSITE":  # over the parts, as the ETag is
        return None
    makers: dict[str, Callable[[Path], bytes]] = {
        "SHA256": lambda file: bytes.fromhex(_hash_file(file, "sha256")),
        "SHA1": lambda file: bytes.fromhex(_hash_file(file, "sha1")),
        "CRC32": _crc32,
    }
    for name, make in makers.items():
        told = facts.get(f"Checksum{name}")
        if told and "-" not in told and base64.b64encode(make(file)).decode() != told:
            return f"its {name} is not the one that it was stored with"
    return None


def _hash_file(file: Path, name: str) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(
            stream, lambda: hashlib.new(name, usedforsecurity=False)
        ).hexdigest()


def _crc32(file: Path) -> bytes:
    value = 0
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            value = zlib.crc32(block, value)
    return value.to_bytes(4, "big")
