"""Hard limits: what the candidate must hold whatever the champion does."""

from collections.abc import Iterator

from rlr.config.gate import GateConfig
from rlr.config.registry import FloorsConfig
from rlr.gate.evidence import Evidence
from rlr.gate.floors import PROTOCOL, judge
from rlr.gate.result import Finding, Outcome

MEBIBYTE = 2**20

Values = dict[str, float | int | str | None]


def limit_findings(
    evidence: Evidence, settings: GateConfig, floors: FloorsConfig
) -> Iterator[Finding]:
    """Yield what the floors, the budgets and the export say; a limit that is not set says nothing.

    The rate of false alarms is judged in `alarms`.
    """
    yield from _floors(evidence, floors)
    budget = settings.seconds_per_image
    if budget is not None:
        yield _budget("latency", evidence.seconds_per_image, budget, "s an image")
    size = None if evidence.artifact_bytes is None else evidence.artifact_bytes / MEBIBYTE
    if settings.artifact_mebibytes is not None:
        yield _budget("size", size, settings.artifact_mebibytes, "MiB")
    if evidence.export_parity is not None:
        yield _export(evidence.export_parity)


def _floors(evidence: Evidence, floors: FloorsConfig) -> Iterator[Finding]:
    asked = {name: value for name, value in floors.model_dump().items() if value is not None}
    if not asked:
        return
    ours = evidence.ours
    verdict = judge({PROTOCOL: {"mean": ours.mean, "per_class": ours.per_class}}, floors)
    if verdict.hold:
        told = ", ".join(f"{name} {value:g}" for name, value in asked.items())
        yield _finding("floor", "promote", f"The floors hold ({told}).", asked)
    for reason in verdict.reasons:
        yield _finding("floor", "reject", f"A floor does not hold: {reason}.", asked)


def _budget(rule: str, measured: float | None, limit: float, unit: str) -> Finding:
    values: Values = {"measured": measured, "limit": limit}
    if measured is None:
        sentence = f"The {rule} was not measured, and its limit is {limit:g} {unit}."
        return _finding(rule, "inconclusive", sentence, values)
    held = measured <= limit
    sentence = f"{measured:.3g} {unit}, {'within' if held else 'above'} the limit of {limit:g}."
    return _finding(rule, "promote" if held else "reject", sentence, values)


def _export(parity: bool) -> Finding:
    if parity:
        return _finding("export", "promote", "The export scores as the model does.", {})
    return _finding("export", "reject", "The export scores differently from the model.", {})


def _finding(rule: str, outcome: Outcome, sentence: str, values: Values) -> Finding:
    return Finding(rule=rule, subject="", outcome=outcome, sentence=sentence, values=values)
