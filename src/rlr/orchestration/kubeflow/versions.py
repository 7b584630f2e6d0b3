"""Versions of an uploaded pipeline, named by their content: the same content is there once."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.foundation.errors import UserError
from rlr.orchestration.kubeflow.connection import Kubeflow
from rlr.orchestration.kubeflow.failures import ConflictError

DIGITS = 12  # of the digest in a version's name
PAGE_SIZE = 100


@dataclass(frozen=True)
class Version:
    """A version of a pipeline that Kubeflow has.

    Attributes:
        pipeline_id: Id of the pipeline.
        version_id: Id of the version.
        name: Name of the version.
        is_new: Whether it was uploaded just now.
    """

    pipeline_id: str
    version_id: str
    name: str
    is_new: bool = False


def version_name(pipeline: str, compiled: str) -> str:
    """Return the name of the version that a compiled pipeline is.

    Args:
        pipeline: What the pipeline calls itself.
        compiled: Its YAML.

    Example:
        >>> version_name("rlr-training", "a")
        'rlr-training-ca978112ca1b'
    """
    digest = hashlib.sha256(compiled.encode("utf-8")).hexdigest()
    return f"{pipeline}-{digest[:DIGITS]}"


def upload(kubeflow: Kubeflow, pipeline: str, compiled: str, description: str = "") -> Version:
    """Upload a compiled pipeline, unless this very content is there.

    Args:
        kubeflow: Where to.
        pipeline: What the pipeline calls itself; it is made where there is none.
        compiled: Its YAML.
        description: What a new pipeline is for.

    Raises:
        UserError: Kubeflow refuses it.
        MachineError: Kubeflow failed or was lost.
    """
    pipeline_id = find_pipeline(kubeflow, pipeline) or _make(kubeflow, pipeline, description)
    name = version_name(pipeline, compiled)
    there = _find(kubeflow, pipeline_id, name)
    if there:
        return there
    try:
        with kubeflow.asked_to("take the pipeline") as client, package(compiled) as file:
            made = client.upload_pipeline_version(
                str(file), pipeline_version_name=name, pipeline_id=pipeline_id
            )
            return Version(pipeline_id, str(made.pipeline_version_id), name, is_new=True)
    except ConflictError:  # somebody else was faster
        there = _find(kubeflow, pipeline_id, name)
        if there:
            return there
        raise


def find_version(kubeflow: Kubeflow, pipeline: str, version: str) -> Version:
    """Return an uploaded version.

    Args:
        kubeflow: Where it is.
        pipeline: What the pipeline calls itself.
        version: Name or id of the version.

    Raises:
        UserError: There is no such pipeline or version.
    """
    pipeline_id = find_pipeline(kubeflow, pipeline)
    if not pipeline_id:
        raise UserError(
            f"Kubeflow at {kubeflow.address} has no pipeline {pipeline}; upload it first, with "
            "`rlr pipeline upload`."
        )
    found = _find(kubeflow, pipeline_id, version)
    if found:
        return found
    known = ", ".join(entry.name for entry in _newest(kubeflow, pipeline_id)) or "none"
    raise UserError(
        f"The pipeline {pipeline} has no version {version} at {kubeflow.address}; its newest: "
        f"{known}."
    )


def find_pipeline(kubeflow: Kubeflow, name: str) -> str | None:
    """Return the id of a pipeline, or None where there is none of that name."""
    with kubeflow.asked_to("list its pipelines") as client:
        answer = client.list_pipelines(
            filter=named(name), page_size=PAGE_SIZE, namespace=kubeflow.namespace
        )
    ids = [str(entry.pipeline_id) for entry in answer.pipelines or []]
    return ids[0] if ids else None


@contextmanager
def package(compiled: str) -> Iterator[Path]:
    """Yield a file with a compiled pipeline, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "pipeline.yaml"
        file.write_text(compiled, encoding="utf-8")
        yield file


def _make(kubeflow: Kubeflow, name: str, description: str) -> str:
    """Make a pipeline without a version, so that its first one has a name of its content, too."""
    from kfp_server_api import V2beta1Pipeline

    pipeline = V2beta1Pipeline(
        display_name=name, description=description or None, namespace=kubeflow.namespace
    )
    try:
        with kubeflow.asked_to("make the pipeline") as client:
            made = client.pipelines.pipeline_service_create_pipeline(pipeline=pipeline)
            return str(made.pipeline_id)
    except ConflictError:
        there = find_pipeline(kubeflow, name)
        if there:
            return there
        raise


def _find(kubeflow: Kubeflow, pipeline_id: str, version: str) -> Version | None:
    token = ""
    while True:
        answer = _versions(kubeflow, pipeline_id, token, PAGE_SIZE)
        for entry in answer.pipeline_versions or []:
            if version in (entry.display_name, entry.pipeline_version_id):
                return _read(pipeline_id, entry)
        token = answer.next_page_token
        if not token:
            return None


def _newest(kubeflow: Kubeflow, pipeline_id: str) -> list[Version]:
    answer = _versions(kubeflow, pipeline_id, "", 5)
    return [_read(pipeline_id, entry) for entry in answer.pipeline_versions or []]


def _versions(kubeflow: Kubeflow, pipeline_id: str, token: str, size: int) -> Any:
    with kubeflow.asked_to("list the versions of the pipeline") as client:
        return client.list_pipeline_versions(
            pipeline_id, page_token=token, page_size=size, sort_by="created_at desc"
        )


def _read(pipeline_id: str, entry: Any) -> Version:
    return Version(pipeline_id, str(entry.pipeline_version_id), str(entry.display_name))


def named(name: str) -> str:
    """Return the filter that finds what is called so."""
    return equal("display_name", name)


def equal(key: str, value: str) -> str:
    """Return the filter that finds what has a value."""
    predicate = {"operation": "EQUALS", "key": key, "stringValue": value}
    return json.dumps({"predicates": [predicate]})
