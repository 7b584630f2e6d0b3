"""The training, once more: the same images, configuration, seed and number of threads."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.config import Config, load_config
from rlr.config.data import DataConfig
from rlr.config.text import parse_yaml
from rlr.data.index import index_images
from rlr.data.manifest import Manifest
from rlr.data.versions import materialise
from rlr.data.versions.snapshot import holds
from rlr.foundation.errors import MachineError, RlrError, UserError
from rlr.orchestration.reproduction.code import Code
from rlr.orchestration.reproduction.original import Original
from rlr.registry.facts import NO_REMOTE, REMOTE_TAG

SAFE = "-P"  # what lies in the working directory is not to be imported


@dataclass(frozen=True)
class Inputs:
    """What the training is given.

    Attributes:
        config: The stored configuration as this code reads it, with the places of this machine.
        overrides: What was changed in it, `key=value` each.
        manifest: The images.
    """

    config: Config
    overrides: list[str]
    manifest: Manifest


def find_inputs(original: Original, here: Config, threads: int | None) -> Inputs:
    """Find the images, and put the places of this machine into the stored configuration.

    Args:
        original: What is stored of the training.
        here: The user's configuration: where data, remote and caches are.
        threads: Threads of torch; None: as many as the training had.

    Raises:
        UserError: The images are gone, or the configuration or the manifest is another today.
        MachineError: The remote cannot be reached.
    """
    version = original.tags["data_version"]
    data = here.data.model_copy(update={"remote": here.data.remote or _stored_remote(original)})
    root = _folder(original, data, version)
    places: dict[str, Any] = {
        "data.version": version,
        "data.root": str(root),
        "data.remote": data.remote,
        "data.cache": data.cache,
        "training.threads": threads or _stored_threads(original),
    }
    if parse_yaml(original.config)["features"].get("cache") == "disk":
        places["features.disk"] = here.features.disk.model_dump()
    overrides = [f"{key}={json.dumps(value)}" for key, value in places.items() if value is not None]
    try:
        config = load_config(_as_document(original.config), overrides)
        manifest = index_images(config.data, root, version)
    except RlrError as error:
        raise type(error)(f"{original.name} cannot be reproduced: {error}") from error
    wanted = original.tags.get("manifest_sha256")
    if manifest.digest != wanted:
        raise UserError(
            f"{original.name} cannot be reproduced: the same data version has another manifest "
            f"today ({manifest.digest[:12]}, then {str(wanted)[:12]}); a file beside the data, "
            "such as data.group_csv or data.previous_manifest, is another."
        )
    return Inputs(config, overrides, manifest)


def _stored_remote(original: Original) -> str | None:
    """Return where the data version was kept at the training, if that was written down."""
    remote = original.tags.get(REMOTE_TAG, NO_REMOTE)
    return None if remote == NO_REMOTE else remote


def _folder(original: Original, here: DataConfig, version: str) -> Path:
    """Return a folder with the images: that of the training, the user's, or one that is pulled."""
    stored = parse_yaml(original.config)["data"]["root"]
    folders = list(dict.fromkeys((stored, here.root)))
    for candidate in folders:
        if Path(candidate).is_dir() and holds(Path(candidate), version):
            return Path(candidate).absolute()
    wanted = here.model_copy(update={"version": version, "root": os.devnull})
    try:
        root, _ = materialise(wanted)
    except UserError as error:
        raise UserError(
            f"{original.name} cannot be reproduced: its data version {version} does not lie in "
            f"{' or '.join(folders)}, and cannot be pulled: {error}"
        ) from error
    return root.absolute()


def _stored_threads(original: Original) -> int | None:
    words = original.tags.get("torch.threads", "")
    return int(words) if words.isdecimal() else None


def _as_document(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def train_again(original: Original, code: Code, inputs: Inputs, output: Path) -> Path:
    """Train.

    Args:
        original: What is stored of the training.
        code: The code that trains.
        inputs: What it is given.
        output: Folder of the training; one that was killed goes on.

    Returns:
        Folder of the new detector.

    Raises:
        UserError: The training refuses its inputs.
        MachineError: The training failed.
    """
    reference = str(original.detector)  # any detector will do: the decision is made already
    if original.admission:
        _place_admission(original, output, reference)
    if code.checkout is None:
        _train_here(original, inputs, output, reference)
    else:
        _train_there(original, code.checkout, inputs, output, reference)
    return output / "model"


def _place_admission(original: Original, output: Path, reference: str) -> None:
    """Let the training find the decision about unjudged images, as one that is resumed does."""
    output.mkdir(parents=True, exist_ok=True)
    for name, content in original.admission.items():
        changed = _with_reference(content, reference) if name.endswith(".json") else content
        (output / name).write_bytes(changed)


def _with_reference(content: bytes, reference: str) -> bytes:
    document = json.loads(content)
    if document["reference"] is not None:
        document["reference"] = reference
    return json.dumps(document).encode()


def _train_here(original: Original, inputs: Inputs, output: Path, reference: str) -> None:
    from rlr.training.admission import Champion
    from rlr.training.train import train

    unjudged = original.description["origin"].get("unjudged")
    champion = None
    if unjudged and unjudged["champion"] is not None:
        champion = Champion(
            reference, unjudged["champion"], original.detector, unjudged["champion_sha256"]
        )
    train(inputs.config, inputs.manifest, output, champion=champion)


def _train_there(
    original: Original, checkout: Path, inputs: Inputs, output: Path, reference: str
) -> None:
    """Train by the command line of another commit, with a tracking store of its own."""
    file = output.parent / "config.yaml"
    file.write_text(original.config, encoding="utf-8")
    store = output.parent.absolute() / "mlflow.db"
    overrides = [*inputs.overrides, f"registry.tracking_uri=sqlite:///{store}"]
    if original.admission:
        overrides.append(f"data.champion={json.dumps(reference)}")
    words = [sys.executable, SAFE, "-m", "rlr", "train", "--config", str(file)]
    words += [word for override in overrides for word in ("--set", override)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout.absolute() / "src"),
        "RLR_ENV_FILE": os.devnull,
    }
    done = subprocess.run(
        [*words, "--output", str(output)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.startswith("rlr: ")]
        reason = told[-1].removeprefix("rlr: ") if told else done.stderr.strip()[-300:]
        raise MachineError(f"{original.name}: its training failed in {checkout}: {reason}")
