"""From findings to the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from markupsafe import Markup

from rlr.evaluation.baseline import NAME as BASELINE_NAME
from rlr.evaluation.decisions import EVERY_CLASS, Decisions
from rlr.evaluation.findings import Findings
from rlr.evaluation.measure import Measured
from rlr.evaluation.metrics import metric_title
from rlr.evaluation.protocols import PROTOCOLS
from rlr.evaluation.report.charts import (
    Series,
    class_style,
    histogram,
    line_chart,
    line_style,
)
from rlr.evaluation.report.examples import galleries
from rlr.evaluation.report.pictures import picture_style
from rlr.evaluation.report.scale import render_scale
from rlr.evaluation.report.tables import decisions_table, metrics_table
from rlr.evaluation.report.words import (
    counted,
    decimals,
    interval,
    percent,
    score,
)
from rlr.foundation.build import current_build
from rlr.foundation.page import Notice, describe_build, page_environment, render_page

PACKAGE = "rlr.evaluation.report"
RANDOM = (
    "Backbone weights are random: this detector has never seen natural images, and its figures "
    "say nothing about the method."
)


@dataclass(frozen=True)
class Chart:
    """A chart with its caption and its legend."""

    caption: str
    drawing: Markup
    legend: Sequence[Series]


def render_report(findings: Findings) -> str:
    """Render the report of an evaluation.

    Args:
        findings: Everything that was found out.

    Returns:
        A complete HTML page without any reference to the outside.
    """
    counts = findings.counts
    total = counts["normal"] + counts["defective"]
    classes = len(findings.scored.classes)
    environment = page_environment(PACKAGE)
    body = environment.get_template("report.html").render(
        findings=findings,
        tiles=_tiles(findings),
        origin=_origin(findings),
        facts=_facts(findings),
        protocols=[_protocol(findings, name) for name in findings.measured],
        image_charts=_image_charts(findings),
        decisions=decisions_table(findings.decisions),
        confidence=f"{100 * findings.config.threshold.confidence:g} %",
        histograms=_histograms(findings),
        galleries=galleries(findings),
        class_lines=_class_lines(findings),
        scale=render_scale(),
        baseline_name=BASELINE_NAME,
        yaml=findings.config.as_yaml(),
    )
    stylesheet = resources.files(PACKAGE).joinpath("report.css").read_text(encoding="utf-8")
    return render_page(
        f"Evaluation of {findings.config.name}",
        body,
        eyebrow="RLR anomaly detection",
        lead=f"One detector for {_plural(classes, 'product class', 'product classes')}, measured "
        f"on {_plural(total, 'test image', 'test images')}: {counts['normal']} normal, "
        f"{counts['defective']} defective.",
        notices=_notices(findings),
        style=f"{picture_style()}{stylesheet}\n{line_style()}",
    )


def _plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _notices(findings: Findings) -> list[Notice]:
    notices = [Notice(RANDOM, "critical")] if findings.random_backbone() else []
    protocol, measured = next(iter(findings.measured.items()))
    ours = measured.mean["image_auroc"]
    baseline = findings.baseline.get(protocol)
    theirs = None if baseline is None else baseline.mean["image_auroc"]
    if ours is not None and theirs is not None and theirs >= ours:
        notices.append(
            Notice(
                f"A trivial method does better on these images: the {BASELINE_NAME} has an image "
                f"AUROC of {decimals(theirs)} (mean of classes), this detector {decimals(ours)}."
            )
        )
    return notices


def _tiles(findings: Findings) -> list[tuple[str, str, str]]:
    """Label, figure and detail of what is read first, under the first protocol."""
    protocol, measured = next(iter(findings.measured.items()))
    baseline = findings.baseline.get(protocol)
    tiles = []
    keys = [key for key in measured.mean if key.startswith("aupro")]
    for key in ("image_auroc", "pixel_auroc", keys[0]):
        details = [f"mean of classes, protocol {protocol}"]
        if baseline is not None:
            details.append(f"yardstick {decimals(baseline.mean[key])}")
        tiles.append((metric_title(key), decimals(measured.mean[key]), "; ".join(details)))
    together = next(one for one in findings.decisions if one.name == EVERY_CLASS)
    alarms, found = together.false_alarms, together.found
    target = f"{percent(alarms.rate)} of normal images, target {percent(together.target_rate)}"
    tiles.append(("False alarms", counted(alarms), target))
    tiles.append(("Defects found", counted(found), f"recall {percent(found.rate)}"))
    return tiles


def _origin(findings: Findings) -> str:
    """What these figures were made from, in a line."""
    thresholds = findings.detector.image_threshold(None)
    return (
        f"Configuration {findings.config.name}, data version {findings.manifest.version}, "
        f"seed {findings.detector.spec.origin.seed}, thresholds at {percent(thresholds.rate)} "
        f"false alarms. {describe_build(current_build())}."
    )


def _facts(findings: Findings) -> list[tuple[str, str]]:
    spec, config, manifest = findings.detector.spec, findings.config, findings.manifest
    trained_on = "the same" if spec.origin.data_version == manifest.version else "another"
    overall = spec.thresholds.overall
    options = {
        "packaged": "from the package",
        "store": "from the store of this machine",
        "hub": "from the hub",
        "file": "from a file",
        "random": "random",
    }
    return [
        ("Configuration", f"{config.name} ({config.digest()[:12]})"),
        ("Data version", manifest.version),
        ("Trained on", f"{trained_on} data version, {spec.origin.data_version}"),
        ("Seed", str(spec.origin.seed)),
        ("Evaluated by", describe_build(current_build())),
        ("Trained by", f"rlr {spec.origin.code_version}, commit {spec.origin.code_commit[:12]}"),
        ("Backbone", f"{spec.backbone.name}, weights {options[spec.backbone.weights_origin]}"),
        ("Input", f"{spec.preprocessing.width} x {spec.preprocessing.height} pixels"),
        ("Thresholds", f"conformal, at most {percent(overall.rate)} false alarms"),
        ("Threshold for an unknown class", f"{score(overall.value)}, from {overall.n} images"),
        ("Protocols", ", ".join(findings.measured)),
        ("Test images that nobody has judged", f"{findings.unjudged}, not used"),
    ]


def _protocol(findings: Findings, name: str) -> dict[str, object]:
    measured, baseline = findings.measured[name], findings.baseline.get(name)
    return {
        "name": name,
        "meaning": PROTOCOLS[name].meaning,
        "table": metrics_table(measured, baseline),
        "charts": _pixel_charts(findings, measured),
    }


def _image_charts(findings: Findings) -> list[Chart]:
    """Curves of image scores, which are the same under every protocol."""
    name, measured = next(iter(findings.measured.items()))
    roc = _series(measured, "image_roc", "image_auroc", findings.baseline.get(name))
    precision = _series(measured, "image_precision_recall", "image_ap", None)
    return [
        Chart(
            "ROC of image scores, with AUROC",
            line_chart(
                "ROC of image scores", ("False-positive rate", "Recall"), roc, diagonal=True
            ),
            roc,
        ),
        Chart(
            "Precision and recall of image scores, with AP",
            line_chart("Precision and recall of image scores", ("Recall", "Precision"), precision),
            precision,
        ),
    ]


def _pixel_charts(findings: Findings, measured: Measured) -> list[Chart]:
    limit = max(findings.config.evaluation.aupro_limits)
    aupro = f"aupro_{limit:.2f}"
    if measured.pooled_curves["pro"] is None:
        return []
    roc = _series(measured, "pixel_roc", "pixel_auroc", None)
    precision = _series(measured, "pixel_precision_recall", "pixel_ap", None)
    pro = _series(measured, "pro", aupro, None)
    return [
        Chart(
            "ROC of pixels, with AUROC",
            line_chart("ROC of pixels", ("False-positive rate", "Recall"), roc, diagonal=True),
            roc,
        ),
        Chart(
            "Precision and recall of pixels, with AP",
            line_chart("Precision and recall of pixels", ("Recall", "Precision"), precision),
            precision,
        ),
        Chart(
            f"Per-region overlap, with {metric_title(aupro)}",
            line_chart("Per-region overlap", ("False-positive rate", "Overlap"), pro, limit),
            pro,
        ),
    ]


def _series(measured: Measured, curve: str, metric: str, baseline: Measured | None) -> list[Series]:
    series = [
        Series(name, decimals(measured.per_class[name][metric]), curves[curve], class_style(place))
        for place, (name, curves) in enumerate(measured.class_curves.items())
    ]
    pooled = measured.pooled_curves[curve]
    series.append(Series("pooled", decimals(measured.pooled[metric]), pooled, "pooled"))
    if baseline is not None:
        theirs = baseline.pooled_curves[curve]
        value = decimals(baseline.pooled[metric])
        series.append(Series("yardstick, pooled", value, theirs, "yardstick"))
    return series


def _histograms(findings: Findings) -> list[Chart]:
    frame = findings.scored.frame
    charts = []
    for name, rows in frame.groupby("class"):
        defective = rows["defective"].to_numpy()
        scores, threshold = rows["image_score"].to_numpy(), float(rows["threshold"].iloc[0])
        title = f"Scores of {name}: normal above, defective below, threshold {score(threshold)}"
        drawing = histogram(title, scores[~defective], scores[defective], threshold)
        charts.append(Chart(f"{name}, threshold {score(threshold)}", drawing, []))
    return charts


def _class_lines(findings: Findings) -> dict[str, str]:
    """A sentence a class, above its pictures."""
    return {one.name: _class_line(one) for one in findings.decisions if one.threshold is not None}


def _class_line(one: Decisions) -> str:
    alarms, found = one.false_alarms, one.found
    return f"Defects found: {counted(found)}. False alarms: {counted(alarms)}" + (
        f" ({interval(alarms)})." if alarms.n else "."
    )
