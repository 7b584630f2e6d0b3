"""From new images to a verdict: observe, cut into windows, compare, let the windows vote."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rlr.config.monitor import MonitorConfig
from rlr.data.manifest import UNREADABLE, Manifest, is_defective
from rlr.detection.detector import Detector
from rlr.foundation.progress import track
from rlr.monitoring.compare import compare
from rlr.monitoring.observe import Image, Observations, observe
from rlr.monitoring.reference import Reference, read_reference
from rlr.monitoring.result import DRIFT_FORMAT, DriftResult, NoReferenceError
from rlr.monitoring.samples import Baseline
from rlr.monitoring.words import conclude


@dataclass(frozen=True)
class Monitored:
    """A verdict, and what it was made from, for the report.

    Attributes:
        result: The content of drift.json.
        observed: The images, in order.
        baseline: What they were compared with.
    """

    result: DriftResult
    observed: Observations
    baseline: Baseline


def require_reference(folder: Path, name: str) -> Reference:
    """Read the reference statistics of a detector.

    Args:
        folder: Folder of the detector.
        name: What to call it: models:/NAME/VERSION, or the folder.

    Raises:
        NoReferenceError: It carries none.
    """
    reference = read_reference(folder)
    if reference is None:
        raise NoReferenceError(
            f"{name} carries no reference statistics of its normal images (it was trained before "
            "they were kept, or with monitor.reference.images=0), so drift cannot be told; train "
            "a model with this version of rlr and promote it."
        )
    return reference


def rows_to_images(manifest: Manifest, rows: pd.DataFrame) -> list[Image]:
    """Return readable rows of a manifest as images, in the order of capture time, then path.

    Args:
        manifest: Where the images lie.
        rows: Rows of `manifest.frame`.
    """
    fine = rows[rows["mode"] != UNREADABLE]
    pairs = zip(fine.to_dict(orient="records"), is_defective(fine), strict=True)
    return in_order(
        Image(
            row["path"],
            manifest.root / row["path"],
            row["class"],
            row["captured_at"] if isinstance(row["captured_at"], str) else None,
            bool(defective),
        )
        for row, defective in pairs
    )


def in_order(images: Iterable[Image]) -> list[Image]:
    """Sort images by their capture time, those without one first, and then by path."""
    listed = list(images)
    times = pd.to_datetime(
        pd.Series([image.captured_at for image in listed], dtype="str"),
        utc=True,
        errors="coerce",
        format="ISO8601",
    )
    keys = [
        (0.0 if pd.isna(time) else time.timestamp(), image.path)
        for time, image in zip(times, listed, strict=True)
    ]
    return [image for _, image in sorted(zip(keys, listed, strict=True), key=lambda pair: pair[0])]


def monitor(
    detector: Detector,
    reference: Reference,
    images: Sequence[Image],
    settings: MonitorConfig,
    *,
    model: str,
    model_sha256: str,
    known: int = 0,
) -> Monitored:
    """Tell whether new images have drifted from the normal images of a model's training.

    Args:
        detector: The model.
        reference: Its reference statistics, from `require_reference`.
        images: New images, in order.
        settings: The rules.
        model: Name of the model for the result.
        model_sha256: Of its detector.json.
        known: Number of images left out before, for the result.
    """
    observed, unreadable = observe(detector, reference, images)
    baseline = Baseline(reference, detector.spec.thresholds)
    parts = cut(len(observed), settings.window, settings.least_images)
    windows = [
        compare(observed.at(part), baseline, settings, number)
        for number, part in enumerate(track(parts, "comparing windows"), start=1)
    ]
    kind, reason = conclude(windows, settings)
    result = DriftResult(
        format_version=DRIFT_FORMAT,
        model=model,
        model_sha256=model_sha256,
        model_data_version=detector.spec.origin.data_version,
        images=len(observed),
        unreadable=unreadable,
        known=known,
        drifted=kind == "normal_shifted",
        kind=kind,
        reason=reason,
        settings=settings,
        windows=windows,
    )
    return Monitored(result, observed, baseline)


def cut(count: int, window: int, least: int) -> list[range]:
    """Cut images into windows; a rest that is smaller than a window joins the last one.

    Args:
        count: Number of images, in order.
        window: Images a window.
        least: Number of images from which on there is a window at all.

    Example:
        >>> cut(25, 10, 5)
        [range(0, 10), range(10, 25)]
        >>> cut(7, 10, 5), cut(4, 10, 5)
        ([range(0, 7)], [])
    """
    if count < least:
        return []
    starts = [place * window for place in range(max(1, count // window))]
    return [range(a, b) for a, b in zip(starts, [*starts[1:], count], strict=True)]
