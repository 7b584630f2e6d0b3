"""What the steps answer, beside the folders that they write."""

from dataclasses import dataclass
from pathlib import Path

from rlr.gate.floors import FloorVerdict


@dataclass(frozen=True)
class Validated:
    """Outcome of `validate_data`.

    Attributes:
        passed: Whether no critical expectation failed.
        reason: One sentence that names the offending files, or "".
        data_version: The data version that was looked at.
        report: Page to look at.
    """

    passed: bool
    reason: str
    data_version: str
    report: Path


@dataclass(frozen=True)
class Trained:
    """Outcome of `train`.

    Attributes:
        run_id: Run on the tracking server; "" in the processes of a team that do not log.
        model: Folder of the detector.
        metrics: Finite numbers of the last epoch, by dotted name.
    """

    run_id: str
    model: Path
    metrics: dict[str, float]


@dataclass(frozen=True)
class Evaluated:
    """Outcome of `evaluate`.

    Attributes:
        run_id: Run on the tracking server.
        floors: Whether the metrics hold the floors.
        metrics: Finite metrics, by dotted name.
        undefined: Names of the metrics that have no value.
        roc: ROC curve over the images of all classes, as Kubeflow takes it; empty where there
            is none.
        report: Page to look at.
    """

    run_id: str
    floors: FloorVerdict
    metrics: dict[str, float]
    undefined: list[str]
    roc: list[dict[str, float]]
    report: Path


@dataclass(frozen=True)
class Gated:
    """Outcome of `gate`.

    Attributes:
        outcome: "promote", "inconclusive" or "reject".
        reason: The sentences of the rules that decided.
        promote: Whether the alias is to be moved: the outcome says so, and `gate.promote` too.
        champion: `models:/NAME/VERSION` or a folder; "none": there was no champion.
        metrics: Finite values of both models and of their differences, by dotted name.
        report: Page to look at.
    """

    outcome: str
    reason: str
    promote: bool
    champion: str
    metrics: dict[str, float]
    report: Path


@dataclass(frozen=True)
class Monitored:
    """Outcome of `monitor`.

    Attributes:
        drifted: Whether the normal has shifted in so many of the last windows that it counts.
        kind: "normal_shifted", "more_defects", "quiet" or "too_few_images".
        reason: One sentence that names what shifted, or says why it does not count.
        images: Number of images compared.
        report: Page to look at; beside it lies drift.json.
        run_id: Run on the tracking server.
    """

    drifted: bool
    kind: str
    reason: str
    images: int
    report: Path
    run_id: str


@dataclass(frozen=True)
class Promoted:
    """Outcome of `promote`.

    Attributes:
        version: Version that is champion now.
        previous: Version that a rollback would go to; "": there is none.
        changed: False: it was champion already.
        entry: Number of the entry in the audit trail; 0: none was written.
    """

    version: str
    previous: str
    changed: bool
    entry: int
