"""JSON documents: strict, stable in their bytes, and written atomically."""

import hashlib
import json
from pathlib import Path
from typing import Any

from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError

RESULT_FILE = "result.json"
SCHEMA_VERSION = 1


def dump_json(value: Any) -> str:
    """Return `value` as indented JSON; NaN and infinity are refused, for no reader takes them."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: Path, value: Any, mode: int | None = None) -> None:
    """Write `value` to `path` as JSON, atomically; `mode` as in `atomic_file`."""
    text = dump_json(value)
    with atomic_file(path, mode) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON document.

    Raises:
        UserError: The file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; name the folder that a command wrote.") from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); write it again.") from error


def write_result(folder: Path, kind: str, **fields: Any) -> dict[str, Any]:
    """Write the `result.json` of an output folder, last of all its files.

    Args:
        folder: The output folder.
        kind: What was made: "train", "evaluate", "validate" and so on.
        fields: What the next step needs to know.

    Returns:
        The document, as written.
    """
    document = {"schema_version": SCHEMA_VERSION, "kind": kind, **fields}
    write_json(Path(folder) / RESULT_FILE, document)
    return document


def read_result(folder: Path, kind: str) -> dict[str, Any]:
    """Read the `result.json` of an output folder.

    Raises:
        UserError: There is none (the step did not finish), or it is of another kind.
    """
    document = read_json(Path(folder) / RESULT_FILE)
    if not isinstance(document, dict) or document.get("kind") != kind:
        raise UserError(f"{folder} does not hold the output of `rlr {kind}`; name one that does.")
    return document


def digest(value: Any) -> str:
    """Return the sha256 of a value's canonical JSON, as 64 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def bytes_sha256(content: bytes) -> str:
    """Return the sha256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
