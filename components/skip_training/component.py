"""Component: end a retraining without a training, as a success that says why."""

from importlib.metadata import version

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def skip_training(reason: str):
    """End a retraining without a training, as a success that says why.

    Args:
        reason: One sentence, with the figures.
    """
    from rlr.orchestration import steps

    steps.skip_training(reason)
