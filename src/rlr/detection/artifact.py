"""The artifact of a detector: a folder that is complete by itself, without pickles.

    detector.json          the complete description, its format version first
    network.safetensors    weights of all levels' networks
    backbone.safetensors   weights of the frozen backbone, as far as it is used
    statistics.safetensors what normal features and residuals are like (only where scores need it)
    reference.safetensors  statistics of normal images, for `rlr monitor` (may be missing)
    canary.safetensors     a few normal images, and what the detector said of them (may be missing)
    decoder.safetensors    weights that turn features back into pictures (may be missing)

Whoever changes what a file means raises FORMAT_VERSION in `spec.py`, keeps a reader for every
earlier version in `READERS`, and adds a small artifact of the new one to `tests/artifacts`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from rlr.detection.identity import DESCRIPTION
from rlr.detection.spec import (
    FORMAT_VERSION,
    AttachmentsSpec,
    DetectorSpec,
    NetworkSpec,
    WeightsSpec,
)
from rlr.features import Backbone
from rlr.foundation.atomic import atomic_folder
from rlr.foundation.documents import file_sha256, read_json, write_json
from rlr.foundation.errors import UserError
from rlr.model import LevelNetwork

NETWORK_FILE = "network.safetensors"
BACKBONE_FILE = "backbone.safetensors"
STATISTICS_FILE = "statistics.safetensors"
REFERENCE_FILE = "reference.safetensors"
CANARY_FILE = "canary.safetensors"
DECODER_FILE = "decoder.safetensors"

# What a section did not say before format 4, because it could be nothing else.
ADDED_IN_FORMAT_4: dict[str, dict[str, Any]] = {
    "backbone": {"final_norm": False, "weights_sha256": None},
    "network": {},
    "scoring": {
        "squared": 1.0,
        "cosine": 1.0,
        "level_weights": None,
        "fusion": "mean",
        "top_share": 1.0,
        "calibration": None,
    },
    "weights": {"statistics": None},
    "attachments": {"decoder": None},
}

Networks = nn.ModuleDict  # level index, as a string -> LevelNetwork


@dataclass(frozen=True)
class Attachments:
    """Contents of the files beside the weights; None: the artifact has no such file."""

    reference: bytes | None = None
    canary: bytes | None = None
    decoder: bytes | None = None


def save_artifact(
    folder: Path,
    networks: Networks,
    backbone: Backbone,
    describe: Callable[[WeightsSpec], DetectorSpec],
    attach: Callable[[DetectorSpec], Attachments] = lambda _: Attachments(),
) -> DetectorSpec:
    """Write an artifact, atomically.

    Args:
        folder: The folder to create or to replace.
        networks: The trained networks.
        backbone: The frozen backbone.
        describe: Completes the description, given the digests of the weight files.
        attach: Makes what lies beside the weights, given the description without it.

    Returns:
        The description, as written.
    """
    with atomic_folder(folder) as temporary:
        _save_weights(networks, temporary / NETWORK_FILE)
        _save_weights(backbone, temporary / BACKBONE_FILE)
        spec = describe(
            WeightsSpec(
                network=file_sha256(temporary / NETWORK_FILE),
                backbone=file_sha256(temporary / BACKBONE_FILE),
                statistics=None,
            )
        )
        attachments = _save_attachments(attach(spec), temporary)
        spec = spec.model_copy(update={"attachments": attachments})
        write_json(temporary / DESCRIPTION, spec.model_dump(mode="json"))
    return spec


def load_artifact(folder: Path) -> tuple[DetectorSpec, Networks, Backbone]:
    """Read an artifact of any format version ever released, on the CPU.

    Raises:
        UserError: It is no artifact, its format cannot be read, or a file was changed.
    """
    folder = Path(folder)
    spec = read_spec(folder)
    for name, expected in _digests(spec).items():
        _check_digest(folder / name, expected)
    networks = build_networks(spec.network)
    backbone = Backbone(
        spec.backbone.name,
        [level.blocks for level in spec.network.levels],
        spec.backbone.options,
        size=(spec.preprocessing.height, spec.preprocessing.width),
        final_norm=spec.backbone.final_norm,
    )
    _load_weights(networks, folder / NETWORK_FILE)
    _load_weights(backbone, folder / BACKBONE_FILE)
    return spec, networks.eval().requires_grad_(False), backbone


def read_spec(folder: Path) -> DetectorSpec:
    """Read an artifact's description alone.

    Raises:
        UserError: There is none, or its format cannot be read.
    """
    path = Path(folder) / DESCRIPTION
    if not path.is_file():
        raise UserError(
            f"{folder} is not a detector: {DESCRIPTION} is missing; name a model folder."
        )
    document = read_json(path)
    version = document.get("format_version") if isinstance(document, dict) else None
    reader = READERS.get(version) if isinstance(version, int) else None
    if reader is None:
        raise UserError(_unreadable_format(path, version))
    try:
        return reader(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: {key}: {first['msg']}; fetch the artifact again.") from error


def read_attachment(folder: Path, name: str) -> bytes | None:
    """Read one of the files beside the weights.

    Args:
        folder: Folder of the detector.
        name: REFERENCE_FILE, CANARY_FILE or DECODER_FILE.

    Returns:
        Its content; None: the artifact has none; no format before the third had any.

    Raises:
        UserError: The folder is no artifact, or the file is missing or was changed.
    """
    path = Path(folder) / name
    expected = _digests(read_spec(folder)).get(name)
    if expected is None:
        return None
    _check_digest(path, expected)
    return path.read_bytes()


def build_networks(network: NetworkSpec) -> Networks:
    """Build the networks of a description, with untrained weights.

    Raises:
        ValueError: A window leaves some token no key outside of it.
    """
    return Networks(
        {str(level.index): LevelNetwork(network.sizes(level)) for level in network.levels}
    )


def _read_format_1(document: dict[str, Any]) -> DetectorSpec:
    """Read what was written before unjudged images could be trained on."""
    origin = document.get("origin")
    if isinstance(origin, dict):
        document = {**document, "origin": {**origin, "unjudged": None}}
    return _read_format_2({**document, "format_version": 2})


def _read_format_2(document: dict[str, Any]) -> DetectorSpec:
    """Read what was written before anything lay beside the weights."""
    attachments = {"reference": None, "canary": None}
    return _read_format_3({**document, "format_version": 3, "attachments": attachments})


def _read_format_3(document: dict[str, Any]) -> DetectorSpec:
    """Read what was written when the published recipe was the only one."""
    document = {**document, "format_version": 4, "normalisation": "none"}
    for section, added in ADDED_IN_FORMAT_4.items():
        if isinstance(document.get(section), dict):
            document[section] = {**document[section], **added}
    return _read_format_4(_with_blocks(document))


def _with_blocks(document: dict[str, Any]) -> dict[str, Any]:
    """Say of each level that it is made of one output of the backbone, that of its index."""
    network = document.get("network")
    levels = network.get("levels") if isinstance(network, dict) else None
    if not isinstance(network, dict) or not isinstance(levels, list):
        return document
    levels = [
        {**level, "blocks": [level.get("index")]} if isinstance(level, dict) else level
        for level in levels
    ]
    return {**document, "network": {**network, "levels": levels}}


def _read_format_4(document: dict[str, Any]) -> DetectorSpec:
    return DetectorSpec.model_validate_json(json.dumps(document))


READERS: dict[int, Callable[[dict[str, Any]], DetectorSpec]] = {
    1: _read_format_1,
    2: _read_format_2,
    3: _read_format_3,
    4: _read_format_4,
}


def _unreadable_format(path: Path, version: object) -> str:
    oldest = min(READERS)
    if isinstance(version, int) and version > FORMAT_VERSION:
        return (
            f"{path}: format {version} is newer than this version of rlr reads "
            f"({oldest} to {FORMAT_VERSION}); upgrade rlr."
        )
    if isinstance(version, int):
        return (
            f"{path}: format {version} is too old for this version of rlr, which reads "
            f"{oldest} to {FORMAT_VERSION}; train the model again."
        )
    return f"{path}: no format_version; this is not the description of a detector."


def _save_weights(module: nn.Module, path: Path) -> None:
    state = {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}
    # Not save_file: it makes a file that its owner alone may read, and images run as others.
    path.write_bytes(save(state))


def _save_attachments(attachments: Attachments, folder: Path) -> AttachmentsSpec:
    digests: dict[str, str | None] = {}
    for field in fields(Attachments):
        content: bytes | None = getattr(attachments, field.name)
        path = folder / f"{field.name}.safetensors"
        if content is not None:
            path.write_bytes(content)
        digests[field.name] = None if content is None else file_sha256(path)
    return AttachmentsSpec(**digests)


def _digests(spec: DetectorSpec) -> dict[str, str]:
    """Return the digest of each file that the artifact has beside its description."""
    digests = {
        NETWORK_FILE: spec.weights.network,
        BACKBONE_FILE: spec.weights.backbone,
        STATISTICS_FILE: spec.weights.statistics,
        REFERENCE_FILE: spec.attachments.reference,
        CANARY_FILE: spec.attachments.canary,
        DECODER_FILE: spec.attachments.decoder,
    }
    return {name: digest for name, digest in digests.items() if digest is not None}


def _load_weights(module: nn.Module, path: Path) -> None:
    try:
        state: dict[str, Tensor] = load_file(path)
        module.load_state_dict(state, strict=True)
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} does not fit its description ({reason}).") from error


def _check_digest(path: Path, expected: str) -> None:
    if not path.is_file():
        raise UserError(f"{path} is missing: the artifact is incomplete; fetch it again.")
    if file_sha256(path) != expected:
        raise UserError(f"{path} was changed after it was written; fetch the artifact again.")
