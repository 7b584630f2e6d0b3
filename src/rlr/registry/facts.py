"""What a run was made with: code, lock file, image, machine, packages."""

import os
import platform
from importlib import metadata, util
from pathlib import Path

from rlr.foundation.build import current_build

# What a model's numbers depend on, and what reads it again.
PACKAGES = (
    "rlr",
    "torch",
    "torchvision",
    "timm",
    "safetensors",
    "numpy",
    "pandas",
    "pillow",
    "pydantic",
)
PACKAGE_TAG = "package."


def code_tags() -> dict[str, str]:
    """Return version, commit, lock file and image of the running code, as tags."""
    build = current_build()
    return {
        "code_version": build.version,
        "commit": build.commit,
        "dirty": "unknown" if build.dirty is None else str(build.dirty).lower(),
        "lock_sha256": build.lock_sha256,
        "image": build.image or "none",
    }


def hardware_tags() -> dict[str, str]:
    """Return processor, memory and accelerator of this machine, as tags."""
    return {
        "hardware.processor": _processor(),
        "hardware.cores": str(len(os.sched_getaffinity(0))),
        "hardware.memory_gib": f"{_memory_bytes() / 2**30:.1f}",
        "hardware.accelerator": _accelerator(),
    }


def package_tags() -> dict[str, str]:
    """Return the versions of the packages that scores depend on, as tags."""
    versions = {name: _version(name) for name in PACKAGES}
    tags = {f"{PACKAGE_TAG}{name}": version for name, version in versions.items() if version}
    return {**tags, "python": platform.python_version()}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _accelerator() -> str:
    if util.find_spec("torch") is None:
        return "none"
    import torch

    if not torch.cuda.is_available():
        return "none"
    return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
