"""`rlr pipeline upload`."""

from collections.abc import Iterator, Mapping
from typing import Any

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption
from rlr.cli.output import emit
from rlr.cli.pipeline import (
    TRAINING,
    NameArgument,
    PipelineImageOption,
    ProjectOption,
    TrainImageOption,
    read_parameters,
)
from rlr.cli.remote.options import (
    REQUEST_TIMEOUT,
    AllowTagOption,
    AuthorityOption,
    EndpointOption,
    NamespaceOption,
    PortForwardOption,
    RequestTimeoutOption,
    TokenFileOption,
    make_access,
)


def upload(
    name: NameArgument = TRAINING,
    image_pipeline: PipelineImageOption = None,
    image_train: TrainImageOption = None,
    allow_tag: AllowTagOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    port_forward: PortForwardOption = None,
    token_file: TokenFileOption = None,
    namespace: NamespaceOption = None,
    ca_certificate: AuthorityOption = None,
    request_timeout: RequestTimeoutOption = REQUEST_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Compile a pipeline and upload it as a version; the same content is uploaded once."""
    from rlr.orchestration.compile import compile_pinned, pipeline_title
    from rlr.orchestration.kubeflow import versions
    from rlr.orchestration.kubeflow.connection import connect
    from rlr.orchestration.project import find_project

    checkout = find_project(project)
    access = make_access(
        endpoint, port_forward, token_file, namespace, ca_certificate, request_timeout
    )
    parameters = read_parameters(config, overrides)
    compiled = compile_pinned(checkout, name, parameters, image_pipeline, image_train, allow_tag)
    title = pipeline_title(compiled)
    with connect(access) as kubeflow:
        version = versions.upload(kubeflow, title, compiled, checkout.summary(name))
    document = {
        "pipeline": title,
        "pipeline_id": version.pipeline_id,
        "version": version.name,
        "version_id": version.version_id,
        "uploaded": version.is_new,
    }
    emit(document, as_json, _lines)


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    if document["uploaded"]:
        yield f"Uploaded: {document['version']} of {document['pipeline']}"
    else:
        yield f"There already: {document['version']} of {document['pipeline']}"
