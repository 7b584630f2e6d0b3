"""Which unjudged images a training takes: all but those that look least normal to the champion.

Images from a line are normal nearly all, and nobody has the time to look at each. Where the
configuration assumes them to be normal, the champion ranks them class by class, so that the scales
of the classes do not matter; the share that it finds least normal is held back for a person, ties
with it, and the rest is trained on. Of a class that the champion does not know its scores say
nothing, so all of its unjudged images are held back.

What was decided is written beside the model before training begins. A training that is resumed
reads it again: meanwhile another model may have become the champion.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from rlr.config import Config
from rlr.data.manifest import Manifest
from rlr.data.review_list import ADMITTED_FILE, COLUMNS, HELD_BACK_FILE, read_list, write_list
from rlr.data.splits import admissible
from rlr.detection.artifact import read_spec
from rlr.detection.detector import Detector
from rlr.detection.spec import UnjudgedSpec
from rlr.foundation.documents import RESULT_FILE, SCHEMA_VERSION, read_json, write_json
from rlr.foundation.errors import UserError
from rlr.training.ranking import hold_back, score_files
from rlr.training.team import Team

ADMISSION_FILE = "admission.json"
FILES = (ADMISSION_FILE, ADMITTED_FILE, HELD_BACK_FILE)

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Champion:
    """The model that looks at unjudged images.

    Attributes:
        reference: What was asked for, such as models:/rlr@champion.
        name: What that is today: models:/NAME/VERSION, or a folder.
        folder: Folder of the detector.
        sha256: Of its detector.json, which holds the digests of all the rest.
    """

    reference: str
    name: str
    folder: Path
    sha256: str


@dataclass(frozen=True)
class Admission:
    """What was decided about the unjudged images of a manifest.

    Attributes:
        paths: Those that are trained on.
        origin: The numbers, as the detector's description carries them; only the leading process
            has them.
    """

    paths: tuple[str, ...]
    origin: UnjudgedSpec | None


def admit(
    config: Config,
    manifest: Manifest,
    champion: Champion | None,
    output: Path,
    team: Team,
    device: torch.device,
) -> Admission | None:
    """Decide which unjudged images are trained on, and write it down.

    Args:
        config: Whether they are assumed to be normal, and which share is held back.
        manifest: The images.
        champion: The model that scores them; None only where no share is held back.
        output: Folder of the training; gets admission.json, admitted.csv and held_back.csv.
        team: The processes that train together; they share out the scoring.
        device: Where this process computes.

    Returns:
        What was decided; None where no unjudged image may be trained on.

    Raises:
        UserError: There are such images, and no champion to score them.
    """
    rows = admissible(manifest, config.data.validation_fraction)
    if not config.data.assume_normal or rows.empty:
        if team.leads:
            _remove(output)
        return None
    asked = _asked(config, manifest, champion, len(rows))
    decided = _read_decision(output, asked) if team.leads else None
    if not team.total(torch.tensor([float(decided is not None)], device=device)).item():
        scores = _score(config, manifest, champion, rows, team, device)
        if team.leads:
            decided = _decide(manifest, champion, rows, scores, asked)
            _write(output, decided)
    return _share(decided, rows, team, device)


@dataclass(frozen=True)
class _Decision:
    """A decision as its files hold it.

    Attributes:
        document: admission.json.
        admitted: Rows of admitted.csv.
        held_back: Rows of held_back.csv.
    """

    document: dict[str, Any]
    admitted: list[dict[str, str]]
    held_back: list[dict[str, str]]


def _asked(
    config: Config, manifest: Manifest, champion: Champion | None, count: int
) -> dict[str, Any]:
    """Return what a decision depends on, apart from which model is the champion today."""
    share = config.data.review_share
    if champion is None and share:
        raise UserError(
            f"{manifest.root}: {count} unjudged images are to be trained on, and no champion has "
            "looked at them; name one with data.champion, judge them with `rlr data label`, or "
            "set data.review_share=0."
        )
    return {
        "data_version": manifest.version,
        "manifest_sha256": manifest.digest,
        "share": share,
        "reference": champion.reference if champion else None,
    }


def _read_decision(output: Path, asked: Mapping[str, Any]) -> _Decision | None:
    """Return what a training that was killed in this folder has decided, if it asked the same."""
    if (output / RESULT_FILE).is_file() or not (output / ADMISSION_FILE).is_file():
        return None
    document = read_json(output / ADMISSION_FILE)
    if any(document.get(name) != value for name, value in asked.items()):
        return None
    return _Decision(
        document, read_list(output / ADMITTED_FILE), read_list(output / HELD_BACK_FILE)
    )


def _score(
    config: Config,
    manifest: Manifest,
    champion: Champion | None,
    rows: pd.DataFrame,
    team: Team,
    device: torch.device,
) -> np.ndarray:
    """Return the score of each row, (N,) float64; NaN: the image cannot be decoded."""
    if champion is None:
        return np.zeros(len(rows))
    detector = Detector.load(champion.folder, str(device), config.features.batch_size)
    paths = [manifest.root / path for path in rows["path"]]
    scores: np.ndarray = (
        team.total(torch.tensor(score_files(detector, paths, team), device=device)).cpu().numpy()
    )
    return scores


def _decide(
    manifest: Manifest,
    champion: Champion | None,
    rows: pd.DataFrame,
    scores: np.ndarray,
    asked: Mapping[str, Any],
) -> _Decision:
    known = set(read_spec(champion.folder).classes) if champion else set(rows["class"])
    held = hold_back(list(rows["class"]), scores, asked["share"], known)
    used = ~held & ~np.isnan(scores)
    table = rows[["path", "class", "sha256"]].assign(value=scores)
    table["score"] = [repr(float(score)) if champion else "" for score in scores]
    table["reason"] = ["share" if name in known else "unknown class" for name in table["class"]]
    _tell_undecodable(list(rows["path"][np.isnan(scores)]))
    total = len(manifest.select("unlabelled"))
    document = {
        "schema_version": SCHEMA_VERSION,
        **asked,
        "champion": champion.name if champion else None,
        "champion_sha256": champion.sha256 if champion else None,
        "unjudged": total,
        "left_out": total - len(rows),
        "undecodable": int(np.isnan(scores).sum()),
        "admitted": int(used.sum()),
        "held_back": int(held.sum()),
        "classes": {
            name: {
                "known": name in known,
                "admitted": int(used[mine].sum()),
                "held_back": int(held[mine].sum()),
                "threshold_score": float(scores[mine & held].min()) if held[mine].any() else None,
            }
            for name in sorted(set(rows["class"]))
            for mine in [(rows["class"] == name).to_numpy()]
        },
    }
    return _Decision(document, _records(table[used].assign(reason="")), _records(table[held]))


def _tell_undecodable(paths: Sequence[str]) -> None:
    if paths:
        logger.warning(
            "%s cannot be decoded (%d unjudged images in all): left out of the training.",
            paths[0],
            len(paths),
        )


def _records(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return rows of a list: class by class, the least normal first."""
    ordered = table.sort_values(["class", "value", "path"], ascending=[True, False, True])
    return [{name: str(row[name]) for name in COLUMNS} for row in ordered.to_dict(orient="records")]


def _write(output: Path, decided: _Decision) -> None:
    """Write both lists, and the document last."""
    (output / RESULT_FILE).unlink(missing_ok=True)  # nothing must look finished
    (output / ADMISSION_FILE).unlink(missing_ok=True)
    write_list(output / ADMITTED_FILE, decided.admitted)
    write_list(output / HELD_BACK_FILE, decided.held_back)
    write_json(output / ADMISSION_FILE, decided.document)


def _share(
    decided: _Decision | None, rows: pd.DataFrame, team: Team, device: torch.device
) -> Admission:
    """Let all processes know what the leading one has decided."""
    paths = {row["path"] for row in decided.admitted} if decided else set()
    mine = torch.tensor(rows["path"].isin(paths).to_numpy(dtype=np.float64), device=device)
    chosen = team.total(mine).cpu().numpy() > 0
    if decided is None:
        return Admission(tuple(rows["path"][chosen]), None)
    origin = UnjudgedSpec(**{name: decided.document[name] for name in UnjudgedSpec.model_fields})
    logger.info(
        "Of %d unjudged images %d are trained on and %d are held back for review.",
        decided.document["unjudged"],
        origin.admitted,
        origin.held_back,
    )
    return Admission(tuple(rows["path"][chosen]), origin)


def _remove(output: Path) -> None:
    for name in FILES:
        (output / name).unlink(missing_ok=True)
