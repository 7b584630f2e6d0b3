"""What `rlr doctor` looks at, in the order of its report."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rlr.cli.health.check import Check, examine
from rlr.cli.health.environment import (
    check_device,
    check_disk,
    check_features,
    check_package,
    check_python,
    check_roles,
)
from rlr.cli.health.services import check_cluster, check_data, check_remote, check_tracking
from rlr.cli.health.weights import check_weights

if TYPE_CHECKING:
    from rlr.config import Config

__all__ = ["Check", "run_checks"]


def run_checks(config: "Config") -> Iterator[Check]:
    """Yield the checks of this machine for a configuration, one after another.

    No check raises, and none waits longer than its limit for something that does not answer.
    """
    yield examine("package", check_package)
    yield examine("python", check_python)
    yield from check_roles()
    yield examine("device", lambda: check_device(config.training.device))
    yield examine("disk", check_disk)
    if config.features.cache == "disk":
        yield examine("feature cache", lambda: check_features(config))
    yield examine("weights", lambda: check_weights(config.features.backbone))
    yield examine("data", lambda: check_data(config.data))
    yield examine("data remote", lambda: check_remote(config.data))
    yield examine("tracking", lambda: check_tracking(config.registry))
    yield examine("cluster", lambda: check_cluster(config.registry.timeout))
