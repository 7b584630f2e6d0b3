"""Great Expectations at work: a table and checks in, findings out, and not a word on the way."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from rlr.foundation.errors import MachineError
from rlr.validation.suite import Check
from rlr.validation.verdict import Offender

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

# At INFO it has two hundred lines to say while it is imported.
logging.getLogger("great_expectations").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        judged: Number of rows that it applies to.
        offenders: What breaks it, in the order of the table; empty: it holds.
    """

    judged: int
    offenders: tuple[Offender, ...]


def judge(table: pd.DataFrame, key: str, checks: Sequence[Check]) -> dict[str, Finding]:
    """Hold a table against checks.

    Args:
        table: What is judged.
        key: Column whose value names an offending row.
        checks: What is expected.

    Returns:
        A finding for each check's name.

    Raises:
        MachineError: Great Expectations itself failed on a rule.
    """
    results = _validate(table, key, [rule for check in checks for rule in _tagged(check)])
    findings = {}
    for check in checks:
        mine = [r for r in results if r.expectation_config.meta["check"] == check.name]
        judged = max(_judged(result, len(table)) for result in mine)
        offenders = _merge(offender for result in mine for offender in _offenders(result, key))
        if check.worst_first:
            rank = table.set_index(key)[check.worst_first]
            offenders.sort(key=lambda offender: rank[offender.name])
        findings[check.name] = Finding(judged, tuple(offenders))
    return findings


def _merge(offenders: Iterable[Offender]) -> list[Offender]:
    """Return one offender a name: an image that breaks several rules of a check is one image."""
    words: dict[str, list[str]] = {}
    for offender in offenders:
        words.setdefault(offender.name, []).append(offender.found)
    return [Offender(name, "; ".join(dict.fromkeys(found))) for name, found in words.items()]


def _tagged(check: Check) -> list[Any]:
    """Return the rules with their check's name, for results come back in another order."""
    for number, rule in enumerate(check.rules):
        rule.meta = {"check": check.name, "rule": number}
    return list(check.rules)


def _validate(
    table: pd.DataFrame, key: str, rules: Sequence[Any]
) -> "list[ExpectationValidationResult]":
    import great_expectations as gx
    from great_expectations.data_context.types import base

    context = gx.get_context(
        mode="ephemeral",
        project_config=base.DataContextConfig(
            store_backend_defaults=base.InMemoryStoreBackendDefaults(),
            progress_bars=base.ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )
    asset = context.data_sources.add_pandas("rlr").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table})
    answer = batch.validate(
        gx.ExpectationSuite(name="rlr", expectations=list(rules)),
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [key],
            "return_unexpected_index_query": False,
        },
    )
    for result in answer.results:
        _refuse_exceptions(result)
    return sorted(answer.results, key=lambda result: int(result.expectation_config.meta["rule"]))


def _refuse_exceptions(result: "ExpectationValidationResult") -> None:
    """A rule that could not be computed says "failed"; that must not be read as a bad image."""
    told = result.exception_info
    if told.get("raised_exception") is not False:
        errors = [told] if "exception_message" in told else list(told.values())
        raise MachineError(
            f"Great Expectations could not judge {result.expectation_config.meta['check']} "
            f"({errors[0]['exception_message']}); report it with the manifest."
        )


def _judged(result: "ExpectationValidationResult", rows: int) -> int:
    facts = result.result
    return int(facts.get("element_count", rows)) - int(facts.get("missing_count", 0))


def _offenders(result: "ExpectationValidationResult", key: str) -> list[Offender]:
    if result.success:
        return []
    facts = result.result
    if "unexpected_index_list" in facts:
        return [Offender(str(row[key]), _words(row, key)) for row in facts["unexpected_index_list"]]
    if "details" in facts:
        return [_column(mismatch) for mismatch in facts["details"]["mismatched"]]
    return [Offender("all columns", f"{facts['observed_value']} rows")]


def _words(row: Mapping[str, Any], key: str) -> str:
    """Return "column value" for each cell that the rule looked at."""
    cells = {name: value for name, value in row.items() if name != key}
    return ", ".join(_cell(name, value) for name, value in cells.items()) or "stands twice"


def _cell(name: str, value: Any) -> str:
    noun = name.replace("_", " ")
    if pd.isna(value):
        return f"no {noun}"
    return f"{noun} {value:.4g}" if isinstance(value, float) else f"{noun} {value}"


def _column(mismatch: Mapping[str, Any]) -> Offender:
    position, expected, found = (
        mismatch["Expected Column Position"],
        mismatch["Expected"],
        mismatch["Found"],
    )
    words = f"{found or 'nothing'} instead of {expected or 'nothing'}"
    return Offender(f"column {position + 1}", words)
