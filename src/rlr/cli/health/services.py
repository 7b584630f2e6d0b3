"""Images, their remote, the tracking server and the cluster."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.cli.health.check import Finding, missing

if TYPE_CHECKING:
    from rlr.config.data import DataConfig
    from rlr.config.registry import RegistryConfig


def check_data(config: "DataConfig") -> Finding:
    """Look for the images."""
    if config.version is not None:
        from rlr.data.versions import cached_folder

        cached = cached_folder(config, config.version)
        where = f"in {cached}" if cached.is_dir() else "not here yet: pulled when first needed"
        return "ok", f"Data version {config.version}, {where}."
    if Path(config.root).is_dir():
        return "ok", f"Images in {config.root}."
    return "warn", (
        f"The folder {config.root} is missing; set data.root, or make one with `rlr data synth` "
        "or `rlr data pull`."
    )


def check_remote(config: "DataConfig") -> Finding:
    """Ask the data remote whether it is there."""
    if missing("dvc"):
        return "warn", "Data versions cannot be pulled without dvc; the extra `data` brings it."
    from rlr.data.versions.remote import open_remote, reaching
    from rlr.foundation.errors import RlrError

    try:
        remote = open_remote(config.remote)
        with reaching(remote):
            there = remote.odb.fs.exists(remote.odb.path)
    except RlrError as error:
        # Only a pinned version has to come from there.
        return ("fail" if config.version else "warn"), str(error)
    if not there:
        return "warn", f"{remote.url} holds nothing yet; `rlr data publish` fills it."
    return "ok", f"{remote.url} answers."


def check_tracking(config: "RegistryConfig") -> Finding:
    """Connect to the tracking server; a local database that is not there is not made."""
    from rlr.foundation.network import without_password
    from rlr.registry.server import SQLITE, connect, tracking_uri

    uri = tracking_uri(config)
    name = without_password(uri)
    if missing("mlflow"):
        return "warn", f"{name} cannot be asked without mlflow; the extra `registry` brings it."
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        return "ok", f"{name} is made by the first run."
    connect(config)
    return "ok", f"{name} answers."


def check_cluster(timeout: float) -> Finding:
    """Ask the Kubeflow Pipelines API server, where one is named."""
    from rlr.foundation.network import why_silent, without_password
    from rlr.orchestration.kubeflow.access import ENDPOINT_VARIABLE

    endpoint = os.environ.get(ENDPOINT_VARIABLE)
    if not endpoint:
        return "ok", f"No {ENDPOINT_VARIABLE}: pipelines run on this machine."
    name = without_password(endpoint)
    address = f"{endpoint.rstrip('/')}/apis/v2beta1/healthz"
    if not address.startswith(("http://", "https://")):
        return "fail", f"{ENDPOINT_VARIABLE} must begin with http:// or https://, unlike {name}."
    reason = why_silent(address, timeout)
    if reason:
        return "fail", f"{name} does not answer ({reason}); start it or unset the variable."
    return "ok", f"{name} answers."
