"""From files to objects."""

from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import yaml

from rlr.foundation.errors import UserError

Manifest = Mapping[str, Any]
Reference = tuple[str, str]  # kind and name


def read_manifests(texts: Iterable[tuple[str, str]]) -> list[Manifest]:
    """Return the objects of rendered manifests and of compiled pipelines.

    Args:
        texts: (label, YAML of one or more documents) each.

    Raises:
        UserError: A text is not YAML, or a document of it is no mapping.
    """
    return [manifest for label, text in texts for manifest in _parse(label, text)]


def read_external(path: Path | None) -> Set[Reference]:
    """Return what manifests may refer to though somebody else makes it.

    Args:
        path: YAML file, `kind: [name, ...]` each; None: nothing.

    Raises:
        UserError: The file cannot be read, or is of another form.
    """
    if path is None:
        return frozenset()
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(
            f"{path}: not a readable YAML file ({' '.join(str(error).split())})."
        ) from (error)
    if not isinstance(document, dict) or not all(isinstance(v, list) for v in document.values()):
        raise UserError(f"{path}: a mapping of kinds to lists of names is expected.")
    return frozenset((kind, str(name)) for kind, names in document.items() for name in names)


def _parse(label: str, text: str) -> Iterator[Manifest]:
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise UserError(f"{label}: not valid YAML ({' '.join(str(error).split())}).") from error
    for document in documents:
        if not isinstance(document, dict):
            raise UserError(f"{label}: a document is no mapping; give what kustomize renders.")
        yield from document["items"] if document.get("kind") == "List" else [document]
