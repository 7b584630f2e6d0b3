"""Documents against their definitions, strictly."""

import re
from datetime import datetime
from typing import Any

import kfp_server_api
from google.protobuf import json_format
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec, PlatformSpec

SIMPLE = {"str": str, "int": int, "bool": bool, "float": (int, float)}


class RefusedError(Exception):
    """The document is not what the API takes."""


def check_document(document: Any, kind: str, place: str = "body") -> None:
    """Hold a JSON document against a type of kfp_server_api: a model's name, list[...], ...

    Raises:
        RefusedError: It has an unknown field, or a value of the wrong type.
    """
    inner = re.fullmatch(r"list\[(.+)\]|dict\(str, (.+)\)", kind)
    if inner and inner[1]:
        _require(isinstance(document, list), place, kind)
        for index, item in enumerate(document):
            check_document(item, inner[1], f"{place}[{index}]")
    elif inner:
        _require(isinstance(document, dict), place, kind)
        for key, item in document.items():
            check_document(item, inner[2], f"{place}.{key}")
    elif kind in SIMPLE:
        fits = isinstance(document, SIMPLE[kind])
        _require(fits and (kind == "bool" or not isinstance(document, bool)), place, kind)
    elif kind == "datetime":
        _require(_is_time(document), place, kind)
    elif kind != "object":
        _check_model(document, getattr(kfp_server_api, kind), place)


def _check_model(document: Any, model: Any, place: str) -> None:
    allowed = getattr(model, "allowable_values", None)
    if allowed:
        _require(document in allowed, place, f"one of {allowed}")
        return
    _require(isinstance(document, dict), place, model.__name__)
    types = {model.attribute_map[name]: kind for name, kind in model.openapi_types.items()}
    for key, value in document.items():
        _require(key in types, f"{place}.{key}", f"a field of {model.__name__}")
        # int64 travels as text in protobuf's JSON; the client sends a number, which is taken, too.
        if key in ("max_concurrency", "interval_second") and isinstance(value, int):
            continue
        check_document(value, types[key], f"{place}.{key}")


def check_pipeline(document: Any) -> PipelineSpec:
    """Hold a compiled pipeline against the protobufs, and return it.

    Args:
        document: A pipeline spec, or {pipeline_spec, platform_spec}.

    Raises:
        RefusedError: It is no such pipeline.
    """
    _require(isinstance(document, dict), "pipeline_spec", "an object")
    spec, platform = document, {}
    if "pipeline_spec" in document:
        extra = set(document) - {"pipeline_spec", "platform_spec"}
        _require(not extra, f"pipeline_spec.{extra}", "known")
        spec, platform = document["pipeline_spec"], document.get("platform_spec", {})
    try:
        parsed = json_format.ParseDict(spec, PipelineSpec(), ignore_unknown_fields=False)
        _check_platform(json_format.ParseDict(platform, PlatformSpec()))
    except json_format.ParseError as error:
        raise RefusedError(f"pipeline_spec: {error}") from error
    _require(bool(parsed.pipeline_info.name), "pipeline_spec.pipelineInfo.name", "set")
    _require(bool(parsed.root.dag.tasks), "pipeline_spec.root.dag.tasks", "not empty")
    return parsed


def _check_platform(platform: PlatformSpec) -> None:
    for name, one in platform.platforms.items():
        _require(name == "kubernetes", f"platform_spec.platforms.{name}", "kubernetes")
        for executor in one.deployment_spec.executors.values():
            config = json_format.MessageToDict(executor)
            json_format.ParseDict(config, KubernetesExecutorConfig(), ignore_unknown_fields=False)


def check_parameters(spec: PipelineSpec, given: dict[str, Any]) -> None:
    """Hold a run's parameters against what the pipeline takes.

    Raises:
        RefusedError: One is unknown, of the wrong type, or missing.
    """
    takes = spec.root.input_definitions.parameters
    for name, value in given.items():
        _require(name in takes, f"parameter {name}", "an input of the pipeline")
        kind = takes[name].parameter_type
        kinds = {1: (int, float), 2: (int, float), 3: str, 4: bool, 5: list, 6: dict}
        _require(isinstance(value, kinds[kind]), f"parameter {name}", f"of type {kinds[kind]}")
    for name, entry in takes.items():
        needed = not entry.is_optional and not entry.HasField("default_value")
        _require(name in given or not needed, f"parameter {name}", "given")


def _is_time(text: Any) -> bool:
    try:
        datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return True


def _require(condition: bool, place: str, wanted: str) -> None:
    if not condition:
        raise RefusedError(f"{place} is not {wanted}")
