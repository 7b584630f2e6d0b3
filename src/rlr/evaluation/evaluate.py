"""The whole of an evaluation: from a detector and test images to metrics and a report."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rlr.config import Config
from rlr.data.manifest import Manifest
from rlr.evaluation.baseline import NAME as BASELINE_NAME
from rlr.evaluation.baseline import MeanImage
from rlr.evaluation.decisions import judge_decisions
from rlr.evaluation.findings import Findings
from rlr.evaluation.ground_truth import GroundTruth
from rlr.evaluation.measure import Measured, measure
from rlr.evaluation.protocols import PROTOCOLS
from rlr.evaluation.report import render_report
from rlr.evaluation.scored import ScoredSet, collect
from rlr.foundation.atomic import atomic_file
from rlr.foundation.documents import RESULT_FILE, write_json, write_result
from rlr.foundation.errors import UserError

if TYPE_CHECKING:
    from rlr.detection.detector import Detector

METRICS_FILE = "metrics.json"
CURVES_FILE = "curves.json"
SCORES_FILE = "scores.parquet"
REPORT_FILE = "report.html"
SCORE_COLUMNS = ["path", "class", "label", "image_score", "threshold", "is_anomalous"]


def evaluate(
    detector: "Detector", manifest: Manifest, config: Config, output: Path
) -> dict[str, Any]:
    """Measure a detector on the judged test images, and write all that was found.

    Args:
        detector: The detector; its thresholds are taken as they are.
        manifest: The images. Of the split `test` all that are judged are measured; of `train` the
            normal ones make the baseline. Nothing here chooses anything.
        config: The sections `evaluation` and `threshold` are used.
        output: Folder to write: metrics.json, curves.json, scores.parquet, report.html, and
            last of all result.json.

    Returns:
        The content of `result.json`.

    Raises:
        UserError: There is no judged test image, an image or a mask cannot be used, or a score
            is not finite.
        MachineError: The disk is full.
    """
    output = Path(output)
    rows, unjudged = judged_test_rows(manifest)
    output.mkdir(parents=True, exist_ok=True)
    (output / RESULT_FILE).unlink(missing_ok=True)  # nothing must look finished
    with tempfile.TemporaryDirectory(dir=output, prefix=".maps.") as scratch:
        findings = _find(detector, manifest, config, (rows, unjudged), Path(scratch))
        _write(findings, output)
    return write_result(output, "evaluate", **_summary(findings))


def judged_test_rows(manifest: Manifest) -> tuple[pd.DataFrame, int]:
    """Return the judged rows of the split test, and the number of the others.

    Raises:
        UserError: There is no judged test image.
    """
    rows = manifest.select("test")
    judged = rows[rows["label"].notna()].reset_index(drop=True)
    if judged.empty:
        raise UserError(
            f"{manifest.root}: no judged image in the split test, so nothing can be measured; "
            "add test images, or see the splits with `rlr data index`."
        )
    return judged, len(rows) - len(judged)


def _find(
    detector: "Detector",
    manifest: Manifest,
    config: Config,
    test: tuple[pd.DataFrame, int],
    scratch: Path,
) -> Findings:
    rows, unjudged = test
    scored = collect(
        detector.predict_rows(manifest, rows),
        len(rows),
        scratch / "detector",
        "Scoring test images",
        ["threshold", "is_anomalous"],
    )
    truth = GroundTruth(manifest, scored.frame)
    return Findings(
        detector=detector,
        manifest=manifest,
        config=config,
        unjudged=unjudged,
        scored=scored,
        truth=truth,
        measured=_measure_all(scored, truth, config),
        baseline=_measure_baseline(detector, manifest, config, rows, scratch),
        decisions=judge_decisions(detector, scored.frame, config.threshold.confidence),
    )


def _measure_all(scored: ScoredSet, truth: GroundTruth, config: Config) -> dict[str, Measured]:
    settings = config.evaluation
    return {name: measure(PROTOCOLS[name], scored, truth, settings) for name in settings.protocols}


def _measure_baseline(
    detector: "Detector", manifest: Manifest, config: Config, rows: pd.DataFrame, scratch: Path
) -> dict[str, Measured]:
    """Measure the per-pixel mean image on the same images, at the detector's size and sigma."""
    if not config.evaluation.baseline:
        return {}
    spec = detector.spec
    baseline = MeanImage.fit(manifest, spec.preprocessing, spec.scoring.smoothing_sigma)
    known = baseline.known(rows)
    if known.empty:
        return {}
    stream = baseline.predict_rows(manifest, known)
    scored = collect(stream, len(known), scratch / "baseline", "Scoring the baseline")
    return _measure_all(scored, GroundTruth(manifest, scored.frame), config)


def _write(findings: Findings, output: Path) -> None:
    measured = findings.measured
    write_json(output / METRICS_FILE, {name: one.metrics() for name, one in measured.items()})
    write_json(output / CURVES_FILE, {name: one.curves() for name, one in measured.items()})
    with atomic_file(output / SCORES_FILE) as temporary:
        findings.scored.frame[SCORE_COLUMNS].to_parquet(temporary, index=False)
    page = render_report(findings)
    with atomic_file(output / REPORT_FILE) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _summary(findings: Findings) -> dict[str, Any]:
    origin = findings.detector.spec.origin
    config = findings.config
    return {
        "config_name": config.name,
        "data_version": findings.manifest.version,
        "manifest_sha256": findings.manifest.digest,
        "trained_on": origin.data_version,
        "seed": origin.seed,
        "backbone_weights": findings.detector.spec.backbone.weights_origin,
        "classes": findings.scored.classes,
        "images": findings.counts,
        "protocols": list(findings.measured),
        "pixel_notes": findings.pixel_notes(),
        "baseline": {
            "name": BASELINE_NAME,
            "metrics": {name: one.metrics() for name, one in findings.baseline.items()},
        },
        "decisions": [decisions.as_dict() for decisions in findings.decisions],
        "confidence": config.threshold.confidence,
        "files": [METRICS_FILE, CURVES_FILE, SCORES_FILE, REPORT_FILE],
    }
