"""From a preset, a file or a document, and overrides, to a configuration."""

import difflib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rlr.config.describe import all_paths
from rlr.config.schema import Config
from rlr.config.text import parse_yaml
from rlr.foundation.errors import UserError

DEFAULT_PRESET = "published"


def preset_names() -> list[str]:
    """Return the names of the presets that come with the package."""
    folder = resources.files("rlr.config") / "presets"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir())


def load_config(source: str = DEFAULT_PRESET, overrides: Sequence[str] = ()) -> Config:
    """Load a configuration.

    Args:
        source: Name of a preset, path of a YAML file, or a YAML document itself (text with a
            line break or a brace: what a pipeline parameter carries to a pod).
        overrides: `key=value` each, the key with dots (`training.epochs=5`), the value as YAML.

    Returns:
        The complete configuration.

    Raises:
        UserError: The source is unknown, or a key or a value is refused.

    Example:
        >>> load_config("published", ["training.epochs=5"]).training.epochs
        5
    """
    label, values = _read(source)
    for override in overrides:
        _apply(values, override)
    try:
        # By way of JSON: in strict mode only there may a list stand for a tuple.
        return Config.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise UserError(_explain(label, error, overrides)) from error
    except (TypeError, ValueError) as error:
        raise UserError(f"{label}: not a plain YAML value ({error}); quote it.") from error


def _read(source: str) -> tuple[str, dict[str, Any]]:
    if "\n" in source or "{" in source:
        return "configuration", _parse("configuration", source)
    if source in preset_names():
        text = (resources.files("rlr.config") / "presets" / f"{source}.yaml").read_text()
        return f"preset {source}", _parse(source, text)
    try:
        return source, _parse(source, Path(source).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"No configuration '{source}': neither a preset ({', '.join(preset_names())}) "
            "nor a readable file; name one of them."
        ) from error


def _parse(label: str, text: str) -> dict[str, Any]:
    try:
        values = parse_yaml(text)
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise UserError(f"{label}: not valid YAML ({where}); mend the file.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(f"{label}: a mapping of sections is expected; see `rlr config show`.")
    return values


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise UserError(f"--set {override}: write key=value, such as training.epochs=5.")
    *sections, last = key.split(".")
    for section in sections:
        # A section may stand in the file as an empty line.
        below = values.get(section)
        values[section] = dict(below) if isinstance(below, dict) else {}
        values = values[section]
    try:
        values[last] = parse_yaml(text)
    except yaml.YAMLError as error:
        raise UserError(f"--set {override}: the value is not valid YAML; quote it.") from error


def _explain(label: str, error: ValidationError, overrides: Sequence[str]) -> str:
    """Tell the first fault in one sentence, and where it came from."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    set_keys = [override.partition("=")[0] for override in overrides]
    from_override = any(
        f"{name}.".startswith(f"{key}.") or f"{key}.".startswith(f"{name}.") for name in set_keys
    )
    where = f"--set {key}" if from_override else f"{label}: {key}"
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key{_suggestion(first['loc'])}; `rlr config schema` lists all."
    reason = first["msg"].removeprefix("Value error, ")
    return f"{where}: {reason}, but got {first['input']!r}; `rlr config schema` says what is meant."


def _suggestion(location: tuple[int | str, ...]) -> str:
    """Name the key that was meant: one spelt nearly so in this section, or so in another."""
    *sections, last = (part for part in location if isinstance(part, str))
    siblings = []
    elsewhere = []
    for path in all_paths():
        parent, _, name = path.rpartition(".")
        if parent == ".".join(sections):
            siblings.append(name)
        elif name == last:
            elsewhere.append(path)
    close = difflib.get_close_matches(last, siblings, n=1) or elsewhere
    return f" (did you mean {' or '.join(close)}?)" if close else ""
