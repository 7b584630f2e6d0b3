"""Which images a person is to judge: from the folder, a training's list, and a model."""

import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.config import Config
from rlr.data.index import index_images
from rlr.data.manifest import GOOD, Manifest
from rlr.data.review_list import HELD_BACK_FILE, read_list
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError
from rlr.registry.server import connect, explained
from rlr.registry.versions import locate_model, run_of_version

if TYPE_CHECKING:
    from rlr.evaluation.review import Candidate


@dataclass(frozen=True)
class Review:
    """Images to judge.

    Attributes:
        root: Folder with the images.
        data_version: Its data version.
        model: The model that has scored them now, or None.
        source: The training that has held them back, or None.
        candidates: The images, class by class, the least normal first.
        note: What is to be said of the list, for the end of a sentence; or "".
    """

    root: str
    data_version: str
    model: str | None
    source: str | None
    candidates: "list[Candidate]"
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, without the pictures."""
        images = []
        for candidate in self.candidates:
            values = asdict(candidate)
            del values["heatmap"]
            images.append({"class": values.pop("class_name"), **values})
        return {
            "root": self.root,
            "data_version": self.data_version,
            "model": self.model,
            "from": self.source,
            "images": images,
            "note": self.note,
        }


def review_images(
    settings: Config,
    source: str | None = None,
    model: str | None = None,
    page: Path | None = None,
    limit: int | None = None,
) -> Review:
    """List the images that nobody has judged.

    Args:
        settings: Where images and registry are.
        source: A training that has held images back: its folder, or models:/NAME/VERSION; None:
            all images that nobody has judged.
        model: A detector that scores them now; None: the scores of `source`, if any.
        page: HTML file to write; None: none.
        limit: How many of each class are wanted, the least normal first; None: all.

    Raises:
        UserError: Folder, list or model are not there.
        MachineError: The registry does not answer.
    """
    from rlr.evaluation.review import Candidate, look_at, rank

    manifest = index_images(settings.data)
    rows = manifest.select("unlabelled").to_dict(orient="records")
    found = [Candidate(row["path"], row["class"], row["sha256"]) for row in rows]
    note = ""
    if source:
        listed = _held_back(source, settings)
        found = list(_among(found, listed))
        note = f" of {len(listed)} that {source} held back"
    name = None
    if model:
        from rlr.detection.detector import Detector

        located = locate_model(model, settings.registry)
        name = located.name
        detector = Detector.load(
            located.folder, settings.training.device, settings.features.batch_size
        )
        found = list(look_at(detector, manifest.root, found, draw=page is not None))
    review = Review(settings.data.root, manifest.version, name, source, rank(found, limit), note)
    if page:
        _write_page(page, review, manifest, settings)
    return review


def _held_back(source: str, settings: Config) -> list[dict[str, str]]:
    if not source.startswith("models:/"):
        return read_list(Path(source) / HELD_BACK_FILE)
    client = connect(settings.registry)
    run_id = run_of_version(client, source)
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as scratch, explained(client.tracking_uri):
        place = f"training/{HELD_BACK_FILE}"
        try:
            present = {file.path for file in client.list_artifacts(run_id, "training")}
        except MlflowException:
            present = set()
        if place not in present:
            raise UserError(
                f"The run {run_id} of {source} has held no image back; name another model, or "
                "score the images now with --model."
            )
        return read_list(Path(client.download_artifacts(run_id, place, scratch)))


def _among(found: "list[Candidate]", listed: list[dict[str, str]]) -> "Iterable[Candidate]":
    """Yield the images of a list that are still unjudged, known by their bytes, with scores."""
    from dataclasses import replace

    scores = {row["sha256"]: row["score"] for row in listed}
    for candidate in found:
        if candidate.sha256 in scores:
            score = scores[candidate.sha256]
            yield replace(candidate, score=float(score) if score else None)


def _write_page(page: Path, review: Review, manifest: Manifest, settings: Config) -> None:
    from rlr.evaluation.review import render_review

    frame = manifest.frame
    labels = frame[frame["label"].notna() & (frame["label"] != GOOD)].groupby("class")["label"]
    scored = f", scored by {review.model}" if review.model else ""
    text = render_review(
        manifest.root,
        manifest.version,
        review.candidates,
        {str(name): sorted(set(some)) for name, some in labels},
        f"{len(review.candidates)} images of {review.root} that nobody has judged{scored}; the "
        "least normal come first.",
        settings.features.preprocessing.white_level,
    )
    with atomic_file(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
