"""What a gate decided, and from what: the document gate.json."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

GATE_FILE = "gate.json"
GATE_FORMAT: Literal[1] = 1

Outcome = Literal["promote", "inconclusive", "reject"]


class Record(BaseModel):
    """Frozen, complete, and strict about types and unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())


class Party(Record):
    """One of the two models.

    Attributes:
        name: `models:/NAME/VERSION`, or the folder of a detector that is not registered yet.
        sha256: Digest of its `detector.json`, which holds the digests of all the rest.
    """

    name: str
    sha256: str


class Interval(Record):
    """An estimate with the ends of its interval, or of nothing where it is undefined."""

    estimate: float
    lower: float
    upper: float


class Compared(Record):
    """One metric of both models on the same images; None where it is undefined.

    Attributes:
        candidate: Value of the candidate.
        champion: Value of the champion; None also where there is no champion.
        difference: Candidate minus champion, with the interval of the paired bootstrap.
        flag: What has to be known of the interval, such as that it has no width; "" if nothing.
    """

    candidate: float | None
    champion: float | None
    difference: Interval | None
    flag: str


class Finding(Record):
    """What one rule says.

    Attributes:
        rule: "floor", "false_positive_rate", "latency", "size", "export", "class" or "primary".
        subject: What it is about: a metric, a class, or "".
        outcome: What this rule alone would decide.
        sentence: The same for people, with the figures.
        values: The figures.
    """

    rule: str
    subject: str
    outcome: Outcome
    sentence: str
    values: dict[str, float | int | str | None]


class GateResult(Record):
    """The decision about a candidate.

    Attributes:
        outcome: The worst that any finding says: reject, then inconclusive, then promote.
        reasons: The sentences of the findings that decided.
        candidate: The candidate.
        champion: The champion of the registry when the gate ran; None: there was none.
        data_version: Data version of the images.
        manifest_sha256: Digest of their manifest.
        findings: What each rule says.
        per_class: Metrics by class and name.
        mean: Mean over the compared classes, by metric; over all where there is no champion.
        primary: The mean of the primary metrics' means; None where nothing is compared.
        new_classes: Classes that the champion does not know.
        left_out: Classes that are not compared, and why not; new ones are among them.
        disagreements: Images on which the two disagree most.
        settings: The section `gate` and the floors, as they were.
        facts: Draws, seed, images, code, and whatever else the report tells.
    """

    format_version: Literal[1]
    outcome: Outcome
    reasons: list[str]
    candidate: Party
    champion: Party | None
    data_version: str
    manifest_sha256: str
    findings: list[Finding]
    per_class: dict[str, dict[str, Compared]]
    mean: dict[str, Compared]
    primary: Compared | None = None
    new_classes: list[str]
    left_out: dict[str, str] = {}
    disagreements: list[dict[str, Any]]
    settings: dict[str, Any]
    facts: dict[str, Any]
