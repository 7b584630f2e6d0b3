"""Component: tell what has come of a retraining, whatever the end."""

from importlib.metadata import version

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def report(
    status: dsl.PipelineTaskFinalStatus,
    story: dsl.Output[dsl.Artifact],
    page: dsl.Output[dsl.HTML],
    config: str,
    overrides: list[str],
    pipeline_run: str,
):
    """Tell what has come of a retraining: a page, a line in the log, and where set a webhook.

    Args:
        status: How it ended; given by Kubeflow.
        story: What has come of it.
        page: The same as a page.
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        pipeline_run: Run of the pipeline.
    """
    import shutil
    from pathlib import Path

    from rlr.orchestration import steps
    from rlr.orchestration.reporting import run_name
    from rlr.orchestration.retraining.report import PAGE, End

    end = End(
        run_name(status.pipeline_job_resource_name),
        run_name(pipeline_run),
        status.state,
        status.error_message or "",
    )
    told = steps.report(config, overrides, end, Path(story.path))
    story.metadata.update(outcome=told.outcome, sentence=told.sentence)
    shutil.copy(Path(story.path) / PAGE, page.path)
