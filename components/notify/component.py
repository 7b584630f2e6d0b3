"""Component: tell people how a run ended, whatever the end."""

from importlib.metadata import version

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def notify(status: dsl.PipelineTaskFinalStatus, config: str, data_version: str = ""):
    """Tell people how a run ended: a line in the log, and a webhook where one is set.

    Args:
        status: How it ended; given by Kubeflow.
        config: Name of a preset, or a YAML document.
        data_version: Data version that was asked for; empty: what lay in data.root.
    """
    from rlr.orchestration import steps

    steps.notify(
        status.pipeline_job_resource_name,
        status.state,
        status.error_message or "",
        config,
        data_version,
    )
