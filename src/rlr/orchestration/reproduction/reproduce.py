"""The whole of a reproduction: what is stored, the training once more, and the comparison."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlr.config import Config
from rlr.detection.identity import DESCRIPTION
from rlr.foundation.documents import RESULT_FILE, SCHEMA_VERSION, read_json, write_json
from rlr.foundation.errors import UserError
from rlr.orchestration.reproduction.again import find_inputs, train_again
from rlr.orchestration.reproduction.code import find_code
from rlr.orchestration.reproduction.compare import (
    as_words,
    compare_bytes,
    compare_scores,
    differences,
)
from rlr.orchestration.reproduction.original import Original, fetch_original
from rlr.registry.server import connect

REPRODUCTION_FILE = "reproduction.json"

logger = logging.getLogger("rlr")


def reproduce(
    settings: Config,
    reference: str,
    keep: Path | None = None,
    threads: int | None = None,
    any_code: bool = False,
) -> dict[str, Any]:
    """Train a registered version again and compare the result with what is registered.

    Weights are compared byte for byte where code, packages, torch's build, threads, processor
    and device are those of the training; else the scores of the same images, within
    `reproduction.score_tolerance`.

    Args:
        settings: Where the registry and the images are, and the tolerance. What is trained comes
            from the version's run alone.
        reference: `models:/NAME/VERSION` or `models:/NAME@ALIAS`.
        keep: Folder for everything that is made; None: it is removed. A killed reproduction with
            such a folder goes on from its last checkpoint.
        threads: Threads of torch; None: as many as the training had.
        any_code: Whether the running code is taken where that of the training cannot be had.

    Returns:
        A JSON document: `version`, `reproduced`, `compared` ("weights" or "scores"), `sentence`,
        `code`, `differences` (why not by weights), `weights`, `scores`.

    Raises:
        UserError: Too little is stored, or code or images of the training cannot be had.
        MachineError: A server or the training failed, or what is registered was changed.
    """
    client = connect(settings.registry)
    with _workplace(keep) as folder:
        original = fetch_original(client, settings.registry, reference, folder / "original")
        code = find_code(original, folder / "code", any_code)
        logger.info("%s: trained again by %s", original.name, code.words)
        inputs = find_inputs(original, settings, threads)
        training = folder / "train"
        (training / RESULT_FILE).unlink(missing_ok=True)  # of an earlier reproduction
        conditions = differences(original, code, inputs.config)
        again = train_again(original, code, inputs, training)
        _require_same_images(original, again)
        weights = compare_bytes(original.detector, again)
        scores = None
        if conditions:
            measured = inputs.config.model_copy(update={"reproduction": settings.reproduction})
            scores = compare_scores(original.detector, again, inputs.manifest, measured)
        document = {
            "version": original.name,
            "reproduced": scores["equal"] if scores else weights["equal"],
            "compared": "scores" if scores else "weights",
            "sentence": _sentence(original, weights, scores),
            "code": code.words,
            "threads": inputs.config.training.threads,
            "differences": [{**one, "sentence": as_words(one)} for one in conditions],
            "weights": weights,
            "scores": scores,
        }
        if keep:
            write_json(keep / REPRODUCTION_FILE, {"schema_version": SCHEMA_VERSION, **document})
    return document


@contextmanager
def _workplace(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="rlr-reproduce.") as scratch:
            yield Path(scratch)
        return
    if keep.exists() and not keep.is_dir():
        raise UserError(f"{keep} is a file, not a folder; choose another name.")
    (keep / REPRODUCTION_FILE).unlink(missing_ok=True)  # nothing must look finished
    yield keep


def _require_same_images(original: Original, again: Path) -> None:
    """Code of another time may list images otherwise; then it was another training."""
    then = original.description["origin"]["manifest_sha256"]
    now = read_json(again / DESCRIPTION)["origin"]["manifest_sha256"]
    if then != now:
        raise UserError(
            f"{original.name} cannot be reproduced: the training listed its images otherwise "
            f"(manifest {now[:12]}, then {then[:12]})."
        )


def _sentence(original: Original, weights: dict[str, Any], scores: dict[str, Any] | None) -> str:
    if scores:
        verdict = "is reproduced" if scores["equal"] else "is not reproduced"
        return (
            f"{original.name} {verdict}: of {scores['images']} images no score differs by more "
            f"than {scores['largest_relative_difference']:.2e} of its value, where "
            f"{scores['tolerance']:.2e} is allowed"
            + ("; the weights are the same, byte for byte." if weights["equal"] else ".")
        )
    count = sum(file["tensors"] for file in weights["files"].values())
    if weights["equal"]:
        return f"{original.name} is reproduced: {count} tensors are the same, byte for byte."
    differing = sum(len(file["differing"]) for file in weights["files"].values())
    if differing:
        return f"{original.name} is not reproduced: {differing} of {count} tensors differ."
    what = "the files of the weights" if weights["thresholds_equal"] else "the thresholds"
    return f"{original.name} is not reproduced: {what} differ."
