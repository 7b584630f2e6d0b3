"""The package, its dependencies by role, the processors, the disk."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.cli.health.check import Check, Finding, missing

if TYPE_CHECKING:
    from rlr.config import Config

GIB = 1024**3
LOW_DISK = 5 * GIB
LEAST_DISK = GIB
PYTHON = (3, 11)


def check_package() -> Finding:
    """Say which code is running."""
    from rlr.foundation.build import current_build

    build = current_build()
    changed = {True: ", changed since", False: "", None: ""}[build.dirty]
    image = f", image {build.image}" if build.image else ""
    return "ok", f"rlr {build.version}, commit {build.commit[:12]}{changed}{image}."


def check_python() -> Finding:
    """Check the interpreter."""
    sentence = f"Python {platform.python_version()} on {platform.platform()}."
    if sys.version_info[:2] != PYTHON:
        return "fail", f"{sentence} Python 3.11 is needed: `make install` makes an environment."
    return "ok", sentence


def check_roles() -> Iterator[Check]:
    """Check the dependencies of the package itself, and of each role that it can be given."""
    from packaging.requirements import Requirement

    requirements = [Requirement(line) for line in metadata.requires("rlr") or ()]
    extras = metadata.metadata("rlr").get_all("Provides-Extra", ())
    for role in ("", *(extra for extra in extras if extra != "dev")):
        wanted = [one for one in requirements if _belongs(one.marker, role)]
        yield _check_role(role, wanted)


def _belongs(marker: object, role: str) -> bool:
    """Tell whether a requirement is asked for by a role, and not by the package itself."""
    from packaging.markers import Marker

    if not isinstance(marker, Marker):
        return role == ""
    return marker.evaluate({"extra": role}) and (role == "" or not marker.evaluate({"extra": ""}))


def _check_role(role: str, wanted: list) -> Check:
    label = f"role {role}" if role else "dependencies"
    absent, wrong, present = [], [], []
    for requirement in wanted:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            absent.append(requirement.name)
            continue
        present.append(f"{requirement.name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} {version} (needs {requirement.specifier})")
    if wrong:
        return Check(label, "fail", f"Wrong versions: {', '.join(wrong)}; install the lock file.")
    if absent:
        names = ", ".join(absent)
        return Check(label, "warn", f"Not installed here: {names}; the extra `{role}` brings it.")
    return Check(label, "ok", f"{', '.join(present)}.")


def check_device(wanted: str) -> Finding:
    """Check processors and memory, and the accelerator where torch is installed."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
    machine = f"{cores} processor cores, {memory:.0f} GiB of memory"
    if missing("torch"):
        return "ok", f"{machine}; torch is not installed, so nothing is trained here."
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return "ok", f"{machine}; CUDA: {', '.join(names)}."
    if wanted == "cuda":
        return "fail", f"{machine}; torch sees no CUDA device, but training.device asks for it."
    return "ok", f"{machine}; no CUDA device: training runs on the processor."


def check_features(config: "Config") -> Finding:
    """Say where the feature cache lies, and how full it is."""
    from rlr.cache import feature_cache_folder, find_shards

    folder, limit = feature_cache_folder(config), config.features.disk.max_gib
    files = [file for shard in find_shards(folder) for file in shard.iterdir()]
    size = sum(file.stat().st_size for file in files) / GIB
    return "ok", f"{size:.1f} of at most {limit:g} GiB of features in {folder}."


def check_disk() -> Finding:
    """Check the free space where `.rlr` and the outputs are written."""
    free = shutil.disk_usage(Path.cwd()).free
    sentence = f"{free / GIB:.1f} GiB free in the working directory"
    if free < LEAST_DISK:
        return "fail", f"{sentence}; free some space before anything is trained."
    if free < LOW_DISK:
        return "warn", f"{sentence}; checkpoints and artifacts may fill it."
    return "ok", f"{sentence}."
