"""Component: end a run whose data are not fit for training, as a failure that says why."""

from importlib.metadata import version

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def reject_data(reason: str):
    """End a run whose data are not fit for training, as a failure that says why.

    Args:
        reason: One sentence that names the offending files.
    """
    from rlr.orchestration import steps

    steps.reject_data(reason)
