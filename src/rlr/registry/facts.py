"""What a run was made with: code, lock file, image, machine, packages, and how torch computed."""

import hashlib
import os
import platform
from collections.abc import Mapping
from importlib import metadata, util

from rlr.config import Config
from rlr.config.data import DataConfig
from rlr.foundation.build import current_build
from rlr.foundation.changes import Changes
from rlr.foundation.machine import instruction_sets, processor
from rlr.foundation.network import without_password

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
# What the same program may compute otherwise on another machine. A training that was resumed
# where one of these differs says so, and is compared by its scores.
COMPUTE_TAGS = (
    "torch.build",
    "torch.threads",
    "torch.processes",
    "torch.cpu_capability",
    "torch.deterministic",
    "torch.device",
)
INSTRUCTIONS_TAG = "hardware.instructions"
DIFF_TAG = "diff_sha256"
NO_DIFF = "none"
PARENT_TAG = "parent_champion"
REMOTE_TAG = "data_remote"
NO_REMOTE = "none"


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


def diff_tags(changes: Changes | None) -> dict[str, str]:
    """Return the digest of what the checkout holds beside its commit, as a tag.

    Args:
        changes: The changes; None: there are none, or nobody can tell (the tag `dirty` says).
    """
    return {DIFF_TAG: changes.sha256 if changes else NO_DIFF}


def data_tags(settings: DataConfig) -> dict[str, str]:
    """Return where the data version can be had again, without credentials, as a tag."""
    from rlr.data.versions.remote import remote_name

    return {REMOTE_TAG: without_password(remote_name(settings.remote) or NO_REMOTE)}


def compute_tags(config: Config) -> dict[str, str]:
    """Return what decides whether the same training gives the same bytes, as tags.

    Args:
        config: The configuration of the training, for its threads and its device.
    """
    if util.find_spec("torch") is None:
        return {}
    import torch

    cuda = config.training.device != "cpu" and torch.cuda.is_available()
    return {
        "torch.build": torch_build(),
        "torch.threads": str(config.training.threads or torch.get_num_threads()),
        "torch.processes": os.environ.get("WORLD_SIZE", "1"),
        "torch.cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch.deterministic": "true",  # training asks for nothing else
        "torch.device": f"cuda, {torch.cuda.get_device_name()}" if cuda else "cpu",
    }


def torch_build() -> str:
    """Return version, commit and a digest of the settings that torch was built with.

    Example:
        >>> torch_build().startswith("2.")
        True
    """
    import torch

    # One of the lines is about this machine, not about the build.
    lines = torch.__config__.show().splitlines()
    built = "\n".join(line for line in lines if "capability" not in line)
    settings = hashlib.sha256(built.encode()).hexdigest()[:12]
    commit = str(torch.version.git_version)[:12]
    return f"{torch.__version__}, commit {commit}, settings {settings}"


def mixed_tags(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a training that was resumed: both values, where they differ.

    Args:
        before: Tags of the run.
        now: What holds where it went on.

    Example:
        >>> mixed_tags({"torch.threads": "2"}, {"torch.threads": "1", "torch.device": "cpu"})
        {'torch.threads': '2, then 1'}
    """
    return {
        name: f"{before[name]}, then {value}"
        for name, value in now.items()
        if name in before and before[name].rpartition(", then ")[2] != value
    }


def hardware_tags() -> dict[str, str]:
    """Return processor, memory and accelerator of this machine, as tags."""
    return {
        "hardware.processor": processor(),
        INSTRUCTIONS_TAG: instruction_sets(),
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


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _accelerator() -> str:
    if util.find_spec("torch") is None:
        return "none"
    import torch

    if not torch.cuda.is_available():
        return "none"
    return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
