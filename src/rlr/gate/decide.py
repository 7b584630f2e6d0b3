"""The decision: every rule is asked, and the worst answer counts."""

from collections.abc import Iterator
from typing import Any

from rlr.config.gate import GateConfig
from rlr.config.registry import FloorsConfig
from rlr.gate.alarms import alarm_findings
from rlr.gate.classes import class_findings
from rlr.gate.comparison import Comparison, compare, primary_names
from rlr.gate.difference import Difference
from rlr.gate.disagreements import disagreements
from rlr.gate.evidence import Evidence
from rlr.gate.limits import limit_findings
from rlr.gate.primary import flag_of, primary_finding
from rlr.gate.result import GATE_FORMAT, Compared, Finding, GateResult, Outcome

WORST_FIRST: tuple[Outcome, ...] = ("reject", "inconclusive", "promote")


def decide(evidence: Evidence, settings: GateConfig, floors: FloorsConfig) -> GateResult:
    """Decide whether the candidate takes the champion's place.

    Args:
        evidence: Both models on the same images.
        settings: The section `gate`.
        floors: The section `registry.floors`.

    Returns:
        The decision, complete with findings and intervals; write it with
        `write_json(path, result.model_dump(mode="json"))`.

    Raises:
        ValueError: The two models were not run on the same images in the same order.
    """
    comparison = compare(evidence, settings)
    findings = list(_findings(evidence, comparison, settings, floors))
    outcome = next(one for one in WORST_FIRST if any(f.outcome == one for f in findings))
    return GateResult(
        format_version=GATE_FORMAT,
        outcome=outcome,
        reasons=[finding.sentence for finding in findings if finding.outcome == outcome],
        candidate=evidence.candidate,
        champion=evidence.champion,
        data_version=evidence.data_version,
        manifest_sha256=evidence.manifest_sha256,
        findings=findings,
        per_class=_per_class(evidence, comparison),
        mean=_mean(evidence, comparison),
        primary=_primary(evidence, comparison),
        new_classes=_new_classes(evidence),
        left_out={} if comparison is None else comparison.left_out,
        disagreements=_disagreements(evidence, settings),
        settings={
            "gate": settings.model_dump(mode="json"),
            "floors": floors.model_dump(mode="json"),
        },
        facts={**_facts(evidence, comparison, settings), **evidence.facts},
    )


def _findings(
    evidence: Evidence,
    comparison: Comparison | None,
    settings: GateConfig,
    floors: FloorsConfig,
) -> Iterator[Finding]:
    yield from limit_findings(evidence, settings, floors)
    yield from alarm_findings(evidence, settings)
    if comparison is None:
        yield Finding(
            rule="primary",
            subject="",
            outcome="promote",
            sentence="There is no champion yet; floors and limits decide.",
            values={},
        )
        return
    yield from class_findings(comparison, settings)
    yield primary_finding(comparison, settings)


def _per_class(evidence: Evidence, comparison: Comparison | None) -> dict[str, dict[str, Compared]]:
    ours = evidence.ours.per_class
    theirs = {} if evidence.theirs is None else evidence.theirs.per_class
    found = {} if comparison is None else comparison.classes
    return {
        name: {
            metric: _compared(
                value,
                theirs.get(name, {}).get(metric),
                found.get(name, {}).get(metric),
            )
            for metric, value in metrics.items()
        }
        for name, metrics in ours.items()
    }


def _mean(evidence: Evidence, comparison: Comparison | None) -> dict[str, Compared]:
    """Return the means over the compared classes, or over all where there is no champion."""
    if comparison is None or evidence.theirs is None:
        return {
            metric: _compared(value, None, None) for metric, value in evidence.ours.mean.items()
        }
    return {
        metric: _compared(
            _mean_of(evidence.ours.per_class, comparison, metric),
            _mean_of(evidence.theirs.per_class, comparison, metric),
            comparison.mean.get(metric),
        )
        for metric in evidence.ours.mean
    }


def _mean_of(per_class: Any, comparison: Comparison, metric: str) -> float | None:
    values = [
        per_class[name][metric] for name, found in comparison.classes.items() if metric in found
    ]
    return sum(values) / len(values) if values else None


def _primary(evidence: Evidence, comparison: Comparison | None) -> Compared | None:
    if comparison is None or comparison.primary is None or evidence.theirs is None:
        return None
    mean = _mean(evidence, comparison)
    names = comparison.primary_metrics
    ours = [value for name in names if (value := mean[name].candidate) is not None]
    theirs = [value for name in names if (value := mean[name].champion) is not None]
    return _compared(sum(ours) / len(names), sum(theirs) / len(names), comparison.primary)


def _compared(ours: float | None, theirs: float | None, difference: Difference | None) -> Compared:
    if difference is None:
        return Compared(candidate=ours, champion=theirs, difference=None, flag="")
    return Compared(
        candidate=ours,
        champion=theirs,
        difference=difference.interval(),
        flag=flag_of(difference),
    )


def _new_classes(evidence: Evidence) -> list[str]:
    if evidence.theirs is None:
        return []
    return sorted(set(evidence.ours.per_class) - evidence.champion_classes)


def _disagreements(evidence: Evidence, settings: GateConfig) -> list[dict[str, Any]]:
    if evidence.theirs is None:
        return []
    return disagreements(evidence.ours, evidence.theirs, settings.disagreements)


def _facts(
    evidence: Evidence, comparison: Comparison | None, settings: GateConfig
) -> dict[str, Any]:
    frame = evidence.ours.frame
    asked = primary_names(evidence.ours, settings)
    used = [] if comparison is None else comparison.primary_metrics
    return {
        "draws": settings.draws,
        "draws_seeded_by": evidence.data_version,
        "margin": settings.primary_margin,
        "primary_metrics": used,
        "primary_metrics_undefined": [name for name in asked if comparison and name not in used],
        "normal_images": int((~frame["defective"]).sum()),
        "defective_images": int(frame["defective"].sum()),
        "trainings": 1 + len(evidence.further_seeds),
        "seconds_per_image": evidence.seconds_per_image,
        "artifact_bytes": evidence.artifact_bytes,
    }
