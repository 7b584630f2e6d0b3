"""The whole of the gate: from two models and test images to the decision and its report."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlr.config import Config
from rlr.data.manifest import Manifest
from rlr.evaluation.evaluate import judged_test_rows
from rlr.foundation.atomic import atomic_file
from rlr.foundation.build import current_build
from rlr.foundation.documents import RESULT_FILE, write_json, write_result
from rlr.foundation.page import describe_build
from rlr.gate.contest import Contest, Entrant, Ring, Side, hold_contest
from rlr.gate.decide import decide
from rlr.gate.evidence import Evidence
from rlr.gate.report import render_report
from rlr.gate.result import GATE_FILE, GateResult

REPORT_FILE = "gate.html"


def run_gate(
    config: Config,
    manifest: Manifest,
    output: Path,
    candidate: Entrant,
    champion: Entrant | None,
    further: Sequence[Entrant] = (),
) -> GateResult:
    """Run candidate and champion on the same test images, decide, and write all that was found.

    Both are run here and now; no stored figure is looked at. The maps lie in a folder beside the
    output while they are needed, so memory does not grow with the images.

    Args:
        config: The sections `gate`, `registry.floors`, `evaluation` and `features` are used.
        manifest: The images; of the split `test` all that are judged.
        output: Folder to write: gate.json, gate.html, and last of all result.json.
        candidate: The candidate.
        champion: The champion; None: there is none, and the floors decide.
        further: Candidates of further seeds, for the variance between seeds.

    Raises:
        UserError: A model cannot be read, there is no judged test image, an image or a mask
            cannot be used, or a score is not finite.
        MachineError: The disk is full.
    """
    rows, unjudged = judged_test_rows(manifest)
    output.mkdir(parents=True, exist_ok=True)
    (output / RESULT_FILE).unlink(missing_ok=True)  # nothing must look finished
    with tempfile.TemporaryDirectory(dir=output, prefix=".maps.") as scratch:
        ring = Ring.of(config, manifest, rows, Path(scratch))
        contest = hold_contest(ring, candidate, champion, further, unjudged)
        result = _decide(contest, config)
        page = render_report(result, contest, config)
    write_json(output / GATE_FILE, result.model_dump(mode="json"))
    with atomic_file(output / REPORT_FILE) as temporary:
        temporary.write_text(page, encoding="utf-8")
    write_result(output, "gate", **_summary(result))
    return result


def _decide(contest: Contest, config: Config) -> GateResult:
    ours, theirs = contest.candidate, contest.champion
    evidence = Evidence(
        candidate=ours.party,
        champion=theirs.party if theirs else None,
        ours=ours.contributions,
        theirs=theirs.contributions if theirs else None,
        champion_classes=frozenset(theirs.spec.classes if theirs else ()),
        data_version=contest.manifest.version,
        manifest_sha256=contest.manifest.digest,
        threshold_rate=ours.spec.thresholds.rate,
        seconds_per_image=ours.seconds_per_image,
        artifact_bytes=ours.artifact_bytes,
        further_seeds=contest.further_seeds,
        facts=_facts(contest),
    )
    return decide(evidence, config.gate, config.registry.floors)


def _facts(contest: Contest) -> dict[str, Any]:
    frame = contest.candidate.scored.frame
    defective = int(frame["defective"].sum())
    return {
        "code": describe_build(current_build()),
        "device": contest.device,
        "images": {
            "normal": len(frame) - defective,
            "defective": defective,
            "unjudged": contest.unjudged,
        },
        "candidate": _facts_of(contest.candidate),
        "champion": _facts_of(contest.champion) if contest.champion else None,
        "further_seeds": len(contest.further_seeds),
    }


def _facts_of(side: Side) -> dict[str, Any]:
    origin = side.spec.origin
    return {
        "configuration": origin.config_name,
        "seed": origin.seed,
        "trained_on": origin.data_version,
        "code_version": origin.code_version,
        "code_commit": origin.code_commit,
        "backbone_weights": side.spec.backbone.weights_origin,
        "seconds_per_image": side.seconds_per_image,
        "artifact_bytes": side.artifact_bytes,
        "threshold_rate": side.spec.thresholds.rate,
    }


def _summary(result: GateResult) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "reasons": result.reasons,
        "candidate": result.candidate.model_dump(mode="json"),
        "champion": result.champion.model_dump(mode="json") if result.champion else None,
        "data_version": result.data_version,
        "manifest_sha256": result.manifest_sha256,
        "files": [GATE_FILE, REPORT_FILE],
    }
