"""From a manifest to a verdict, with its document and its page."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from rlr.config.validation import ValidationConfig
from rlr.data.images import WHITE_16_BIT
from rlr.data.manifest import Manifest
from rlr.foundation.documents import RESULT_FILE, SCHEMA_VERSION, write_json, write_result
from rlr.validation.judge import Finding, judge
from rlr.validation.measure import measure
from rlr.validation.page import write_page
from rlr.validation.suite import Check, class_checks, column_checks, image_checks, value_checks
from rlr.validation.tables import Tables, make_tables
from rlr.validation.unjudged import Unjudged
from rlr.validation.verdict import Outcome, Verdict, counted

JSON_FILE = "validation.json"
PAGE_FILE = "validation.html"
MEASURED = ("brightness", "sharpness")

Subject = Literal["column", "image", "class"]


def validate(
    manifest: Manifest,
    config: ValidationConfig,
    output: Path,
    *,
    white_level: int = WHITE_16_BIT,
    unjudged: Unjudged | None = None,
) -> Verdict:
    """Hold a manifest and its images against the expectations of the configuration.

    A failed expectation raises nothing: the caller reads `Verdict.passed`.

    Args:
        manifest: The table of images, and where they lie.
        config: Limits, and what the failure of each expectation does.
        output: Folder to write validation.json, validation.html and result.json to.
        white_level: Value of white in 16-bit images.
        unjudged: What may become of the images that nobody has judged; None: nothing does.

    Returns:
        The verdict.

    Raises:
        MachineError: The output cannot be written, or Great Expectations itself failed.
    """
    output = Path(output)
    (output / RESULT_FILE).unlink(missing_ok=True)  # nothing must look finished
    verdict, tables = _judge(manifest, config, white_level)
    document = {
        **_document(manifest, config, verdict, tables),
        "unjudged": vars(unjudged) if unjudged else None,
    }
    write_json(output / JSON_FILE, document)
    words = unjudged.sentence() if unjudged else ""
    write_page(output / PAGE_FILE, manifest, config, verdict, tables, white_level, words)
    names = ("passed", "sentence", "data_version", "images")
    write_result(
        output,
        "validate",
        **{name: document[name] for name in names},
        failures=[outcome.name for outcome in verdict.failures],
        warnings=[outcome.name for outcome in verdict.warnings],
    )
    return verdict


def _judge(
    manifest: Manifest, config: ValidationConfig, white_level: int
) -> tuple[Verdict, Tables]:
    """Judge form, cells, and then pictures: each makes sense only where the one before holds."""
    outcomes = _outcomes(manifest.frame, "column", column_checks(), config)
    if outcomes[0].success:
        outcomes += _outcomes(manifest.frame, "image", value_checks(), config)
    if all(outcome.success for outcome in outcomes):
        tables = make_tables(manifest, measure(manifest, white_level), config)
        outcomes += _outcomes(tables.images, "image", image_checks(config), config)
        outcomes += _outcomes(tables.classes, "class", class_checks(config), config)
    else:
        tables = Tables(pd.DataFrame(), pd.DataFrame())
        judged = {outcome.name for outcome in outcomes}
        rest = [*value_checks(), *image_checks(config), *class_checks(config)]
        outcomes += _not_judged([check for check in rest if check.name not in judged], config)
    order = list(type(config.severity).model_fields)
    return Verdict(tuple(sorted(outcomes, key=lambda outcome: order.index(outcome.name)))), tables


def _outcomes(
    table: pd.DataFrame, subject: Subject, checks: Iterable[Check], config: ValidationConfig
) -> list[Outcome]:
    wanted = [check for check in checks if getattr(config.severity, check.name) != "off"]
    key = "class" if subject == "class" else "path"
    findings = judge(table, key, wanted)
    return [_outcome(check, subject, config, findings[check.name]) for check in wanted]


def _outcome(check: Check, subject: Subject, config: ValidationConfig, finding: Finding) -> Outcome:
    failed = len(finding.offenders)
    return Outcome(
        name=check.name,
        severity=getattr(config.severity, check.name),
        expected=check.expected,
        advice=check.advice,
        success=not failed,
        observed=_breaking(failed, finding.judged, subject)
        if failed
        else _holding(finding, subject),
        subject=subject,
        offenders=finding.offenders,
    )


def _holding(finding: Finding, subject: Subject) -> str:
    if subject == "column":
        return "as expected"
    return f"holds for {counted(finding.judged, subject)}" if finding.judged else "applies to none"


def _breaking(failed: int, judged: int, subject: Subject) -> str:
    verb = "breaks it" if failed == 1 else "break it"
    if subject == "column":
        return f"{counted(failed, subject)} {verb}"
    return f"{failed} of {counted(judged, subject)} {verb}"


def _not_judged(checks: Iterable[Check], config: ValidationConfig) -> list[Outcome]:
    return [
        Outcome(
            name=check.name,
            severity=getattr(config.severity, check.name),
            expected=check.expected,
            advice=check.advice,
            success=None,
            observed="not judged, for the table is no manifest",
            subject="image",
            offenders=(),
        )
        for check in checks
        if getattr(config.severity, check.name) != "off"
    ]


def _document(
    manifest: Manifest, config: ValidationConfig, verdict: Verdict, tables: Tables
) -> dict[str, Any]:
    severities = config.severity.model_dump()
    return {
        "schema_version": SCHEMA_VERSION,
        "passed": verdict.passed,
        "sentence": verdict.sentence(),
        "data_version": manifest.version,
        "images": len(manifest.frame),
        "expectations": [outcome.as_dict(config.max_listed) for outcome in verdict.outcomes],
        "off": [name for name, severity in severities.items() if severity == "off"],
        "classes": _records(tables.classes),
        "measures": {name: _spread(tables.images, name) for name in MEASURED},
        "config": config.model_dump(mode="json"),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _spread(images: pd.DataFrame, name: str) -> dict[str, float] | None:
    """Return least, median and greatest value of a measure; None where nothing was measured."""
    values = images.get(name, pd.Series(dtype="float64")).dropna()
    if values.empty:
        return None
    quantiles = values.quantile([0.0, 0.5, 1.0])
    return dict(zip(("least", "median", "greatest"), map(float, quantiles), strict=True))
