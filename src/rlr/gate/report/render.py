"""From a decision to the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from markupsafe import Markup

from rlr.config import Config
from rlr.config.text import dump_yaml
from rlr.evaluation.report.pictures import picture_style
from rlr.evaluation.report.scale import render_scale
from rlr.evaluation.report.words import decimals, percent
from rlr.foundation.page import Notice, page_environment, render_page
from rlr.gate.contest import Contest
from rlr.gate.report.charts import Entry, flags, forest, signed
from rlr.gate.report.examples import examples
from rlr.gate.report.tables import OUTCOME_STYLE, RULES, metrics_of, title_of, values_table
from rlr.gate.result import Compared, Finding, GateResult

PACKAGE = "rlr.gate.report"
MEBIBYTE = 2**20
HEADLINES = {
    "promote": "Promote",
    "inconclusive": "Inconclusive",
    "reject": "Reject",
}
CONSEQUENCES = {
    "promote": "The candidate may take the champion's place.",
    "inconclusive": "These images do not show enough, so the champion stays.",
    "reject": "The champion stays.",
}
PRIMARY = "primary"
SEVERITY = ("reject", "inconclusive", "promote")


@dataclass(frozen=True)
class Plot:
    """The differences of one metric.

    Attributes:
        title: The metric.
        drawing: The chart.
        flags: What has to be known of its intervals.
        wide: Whether it has a line of its own.
    """

    title: str
    drawing: Markup
    flags: list[str]
    wide: bool


def render_report(result: GateResult, contest: Contest, config: Config) -> str:
    """Render the report of a gate.

    Args:
        result: The decision.
        contest: What it was made from; the maps must still be there.
        config: The configuration of the gate.

    Returns:
        A complete HTML page without any reference to the outside.
    """
    plots = _plots(result, config)
    counted = _counted(result, config)
    body = (
        page_environment(PACKAGE)
        .get_template("report.html")
        .render(
            result=result,
            style=OUTCOME_STYLE,
            consequence=_consequence(result),
            tiles=list(_tiles(result, contest)),
            deciding=_deciding(result),
            findings=sorted(result.findings, key=lambda one: SEVERITY.index(one.outcome)),
            rules=RULES,
            first_plots=[plot for metric, plot in plots.items() if metric in counted],
            more_plots=[plot for metric, plot in plots.items() if metric not in counted],
            values=values_table(result),
            confidence=f"{100 * config.gate.confidence:g} %",
            examples=examples(result, contest),
            shown=config.gate.disagreements,
            scale=render_scale(),
            facts=_facts(result, contest),
            yaml=dump_yaml(result.settings),
        )
    )
    stylesheet = resources.files(PACKAGE).joinpath("report.css").read_text(encoding="utf-8")
    return render_page(
        HEADLINES[result.outcome],
        body,
        eyebrow="Gate",
        lead=_lead(result, contest),
        notices=_notices(contest),
        style=f"{picture_style()}{stylesheet}",
    )


def _consequence(result: GateResult) -> str:
    if result.outcome == "promote" and result.champion is None:
        return "There is no champion yet; the candidate may become the first."
    if result.outcome == "reject" and result.champion is None:
        return "There is still no champion."
    return CONSEQUENCES[result.outcome]


def _lead(result: GateResult, contest: Contest) -> str:
    frame = contest.candidate.scored.frame
    defective = int(frame["defective"].sum())
    against = f"against {result.champion.name}" if result.champion else "without a champion"
    return (
        f"Decided by {_rules(result)}. {_candidate(result)} {against}: {len(frame)} test images, "
        f"{len(frame) - defective} normal and {defective} defective, of "
        f"{_plural(len(result.per_class))}."
    )


def _candidate(result: GateResult) -> str:
    """Name the candidate; a folder says little to whoever reads the page elsewhere."""
    if result.candidate.name.startswith("models:/"):
        return result.candidate.name
    fact = result.facts["candidate"]
    return f"A candidate of the configuration {fact['configuration']}, seed {fact['seed']},"


def _rules(result: GateResult) -> str:
    """Name the rules that decided, each with what it is about."""
    about: dict[str, list[str]] = {}
    for one in _deciding(result):
        about.setdefault(RULES[one.rule].lower(), []).append(one.subject)
    told = [
        f"{rule} ({', '.join(filter(None, s))})" if any(s) else rule for rule, s in about.items()
    ]
    return " and ".join(filter(None, [", ".join(told[:-1]), told[-1]]))


def _plural(classes: int) -> str:
    return "one class" if classes == 1 else f"{classes} classes"


def _notices(contest: Contest) -> list[Notice]:
    random = [
        name
        for name, side in (("candidate", contest.candidate), ("champion", contest.champion))
        if side is not None and side.spec.backbone.weights_origin == "random"
    ]
    if not random:
        return []
    whose = " and ".join(f"the {name}" for name in random)
    return [
        Notice(
            f"The backbone weights of {whose} are random: the figures say nothing about the "
            "method.",
            "critical",
        )
    ]


def _deciding(result: GateResult) -> list[Finding]:
    return [one for one in result.findings if one.outcome == result.outcome]


def _tiles(result: GateResult, contest: Contest) -> "list[tuple[str, str, str]]":
    """Label, figure and detail of what is read first."""
    tiles = [
        _metric_tile(metric, result.mean[metric], result)
        for metric in metrics_of(result)
        if metric in result.mean and _is_first(metric)
    ]
    if result.primary is not None:
        tiles.insert(0, _metric_tile(PRIMARY, result.primary, result))
    ours, theirs = contest.candidate, contest.champion
    beside = f"champion {1000 * theirs.seconds_per_image:.0f} ms" if theirs else contest.device
    tiles.append(("Time for an image", f"{1000 * ours.seconds_per_image:.0f} ms", beside))
    beside = f"champion {theirs.artifact_bytes / MEBIBYTE:.1f} MiB" if theirs else ""
    tiles.append(("Artifact", f"{ours.artifact_bytes / MEBIBYTE:.1f} MiB", beside))
    return tiles


def _is_first(metric: str) -> bool:
    return metric == "image_auroc" or metric.startswith("aupro")


def _metric_tile(metric: str, compared: Compared, result: GateResult) -> tuple[str, str, str]:
    label = f"{title_of(metric)}, mean of classes"
    if result.champion is None:
        return label, decimals(compared.candidate), "no champion"
    interval = compared.difference
    beside = f"champion {decimals(compared.champion)}"
    if interval is not None:
        beside += (
            f"; {signed(interval.estimate)} [{signed(interval.lower)}, {signed(interval.upper)}]"
        )
    return label, decimals(compared.candidate), beside


def _counted(result: GateResult, config: Config) -> set[str]:
    """Return the metrics that the rules look at."""
    wanted = config.gate.primary
    first_aupro = next((name for name in metrics_of(result) if name.startswith("aupro_")), "")
    names = {first_aupro if name == "aupro" else name for name in wanted}
    return {PRIMARY, *names}


def _plots(result: GateResult, config: Config) -> dict[str, Plot]:
    """Return the drawn differences by metric; empty without a champion."""
    if result.champion is None:
        return {}
    counted = _counted(result, config)
    drawn = {}
    if result.primary is not None and result.primary.difference is not None:
        entry = Entry("All classes", result.primary, config.gate.primary_margin, total=True)
        drawn[PRIMARY] = _plot(PRIMARY, [entry])
    for metric in metrics_of(result):
        margin = -config.gate.class_margin if metric in counted else None
        entries = _entries(result, metric, margin)
        if any(entry.compared.difference for entry in entries):
            drawn[metric] = _plot(metric, entries)
    return drawn


def _plot(metric: str, entries: list[Entry]) -> Plot:
    title = title_of(metric)
    drawing = forest(f"Differences of {title} by class", entries)
    return Plot(title, drawing, flags(entries), wide=metric == PRIMARY)


def _entries(result: GateResult, metric: str, margin: float | None) -> list[Entry]:
    entries = [
        Entry(name, compared[metric], margin)
        for name, compared in result.per_class.items()
        if metric in compared
    ]
    if metric in result.mean:
        entries.append(Entry("Mean of classes", result.mean[metric], None, total=True))
    return entries


def _facts(result: GateResult, contest: Contest) -> list[tuple[str, str]]:
    facts: Mapping[str, Any] = result.facts
    rows = [
        ("Candidate", f"{result.candidate.name} ({result.candidate.sha256[:12]})"),
        ("Trained by", _origin(facts["candidate"])),
    ]
    if result.champion is not None:
        rows += [
            ("Champion", f"{result.champion.name} ({result.champion.sha256[:12]})"),
            ("Trained by", _origin(facts["champion"])),
        ]
    images = facts["images"]
    rate = facts["candidate"]["threshold_rate"]
    rows += [
        ("Data version", result.data_version),
        ("Manifest", result.manifest_sha256[:12]),
        ("Test images that nobody has judged", f"{images['unjudged']}, not used"),
        ("Thresholds of the candidate", f"at most {percent(rate)} false alarms"),
        ("Run by", facts["code"]),
        ("On", contest.device),
        *(("Not compared", f"{name}: {why}") for name, why in result.left_out.items()),
        ("Further seeds", str(facts["further_seeds"])),
    ]
    if result.new_classes:
        rows.append(("Classes that the champion does not know", ", ".join(result.new_classes)))
    return rows


def _origin(fact: Mapping[str, Any]) -> str:
    return (
        f"rlr {fact['code_version']}, commit {str(fact['code_commit'])[:12]}, configuration "
        f"{fact['configuration']}, seed {fact['seed']}, data version {fact['trained_on']}"
    )
