"""Every configuration key in words, for people who write a file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlr.config.schema import Config


@dataclass(frozen=True)
class Key:
    """One configuration key.

    Attributes:
        name: Path with dots; `[]` stands for any entry of a list.
        kind: Type or permitted values.
        default: The default as JSON, or "required".
        meaning: What it does.
    """

    name: str
    kind: str
    default: str
    meaning: str


def describe_keys() -> list[Key]:
    """Return all keys, in the order of the sections.

    Example:
        >>> [key.default for key in describe_keys() if key.name == "training.epochs"]
        ['200']
    """
    return describe_schema(Config.model_json_schema())


def describe_schema(schema: Mapping[str, Any]) -> list[Key]:
    """Return all keys of a JSON Schema that pydantic has made.

    Args:
        schema: The schema of a section, with those of its own sections in `$defs`.
    """
    return list(_walk(schema, schema["$defs"], ""))


def all_paths() -> list[str]:
    """Return the path with dots of every section and key, those in lists without an index."""
    paths: dict[str, None] = {}
    for key in describe_keys():
        parts = key.name.replace("[]", "").split(".")
        paths.update(dict.fromkeys(".".join(parts[:end]) for end in range(1, len(parts) + 1)))
    return list(paths)


def _walk(node: Mapping[str, Any], sections: Mapping[str, Any], prefix: str) -> Iterator[Key]:
    for name, field in node["properties"].items():
        path = f"{prefix}{name}"
        section = _section(field)
        if section is not None:
            yield from _walk(sections[section], sections, f"{path}.")
            continue
        default = json.dumps(field["default"]) if "default" in field else "required"
        entry = _section(field.get("items", {}))
        if entry is None:
            yield Key(path, _kind(field), default, field.get("description", ""))
            continue
        # The defaults of a list of sections are told by its entries.
        yield Key(path, "list", f"{len(field['default'])} entries", field.get("description", ""))
        yield from _walk(sections[entry], sections, f"{path}[].")


def _section(field: dict[str, Any]) -> str | None:
    reference = field.get("$ref")
    return reference.rpartition("/")[2] if reference else None


def _kind(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " | ".join(json.dumps(value) for value in field["enum"])
    if "const" in field:
        return json.dumps(field["const"])
    if "anyOf" in field:
        return " | ".join(_kind(choice) for choice in field["anyOf"])
    if "prefixItems" in field:
        return f"[{', '.join(_kind(item) for item in field['prefixItems'])}]"
    if field.get("type") == "array":
        return f"list of {_kind(field['items'])}"
    return str(field.get("type", "any"))
