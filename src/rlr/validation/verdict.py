"""What the expectations came to, in words."""

from dataclasses import dataclass
from typing import Any, Literal

NAMED = 3  # offenders that a sentence names


@dataclass(frozen=True)
class Offender:
    """One thing that breaks an expectation.

    Attributes:
        name: Path of an image, name of a class, or position of a column.
        found: What was found there.
    """

    name: str
    found: str

    def __str__(self) -> str:
        return f"{self.name} ({self.found})"


@dataclass(frozen=True)
class Outcome:
    """One expectation, judged.

    Attributes:
        name: Its key under `validation.severity`.
        severity: Whether its failure stops the pipeline.
        expected: What was expected.
        advice: What to do where it fails.
        success: Whether it holds; None where it could not be judged.
        observed: What was found on the whole.
        subject: What the offenders are.
        offenders: All of them.
    """

    name: str
    severity: Literal["critical", "warning"]
    expected: str
    advice: str
    success: bool | None
    observed: str
    subject: Literal["column", "image", "class"]
    offenders: tuple[Offender, ...]

    def sentence(self) -> str:
        """Return the expectation, its first offenders and what to do."""
        named = ", ".join(str(offender) for offender in self.offenders[:NAMED])
        more = len(self.offenders) - NAMED
        rest = f" and {more} more" if more > 0 else ""
        return f"{self.name}: {self.expected}, but {self.observed}: {named}{rest}; {self.advice}."

    def as_dict(self, max_listed: int) -> dict[str, Any]:
        """Return plain values, with at most `max_listed` offenders beside their number."""
        listed = [vars(offender) for offender in self.offenders[:max_listed]]
        return {
            "name": self.name,
            "severity": self.severity,
            "success": self.success,
            "expected": self.expected,
            "observed": self.observed,
            "advice": self.advice,
            "subject": self.subject,
            "offending": len(self.offenders),
            "offenders": listed,
        }


@dataclass(frozen=True)
class Verdict:
    """All expectations that are not off, in the order of the configuration."""

    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether every critical expectation was judged and holds."""
        return all(o.success is True for o in self.outcomes if o.severity == "critical")

    @property
    def failures(self) -> list[Outcome]:
        """Critical expectations that do not hold."""
        return [o for o in self.outcomes if o.success is False and o.severity == "critical"]

    @property
    def warnings(self) -> list[Outcome]:
        """Expectations that do not hold, and do not stop the pipeline."""
        return [o for o in self.outcomes if o.success is False and o.severity == "warning"]

    def sentence(self) -> str:
        """Return the verdict in one sentence, with the first offending files and what to do."""
        if self.failures:
            first, *others = self.failures
            also = "; also failed: " + ", ".join(o.name for o in others) if others else ""
            return f"Validation failed at {first.sentence().removesuffix('.')}{also}."
        if self.warnings:
            names = ", ".join(f"{o.name} ({_count(o)})" for o in self.warnings)
            return f"Validation passed with warnings: {names}."
        return f"Validation passed: all {len(self.outcomes)} expectations hold."


def _count(outcome: Outcome) -> str:
    return counted(len(outcome.offenders), outcome.subject)


def counted(number: int, subject: str) -> str:
    """Return a number and its noun.

    Example:
        >>> counted(2, "class"), counted(1, "image")
        ('2 classes', '1 image')
    """
    plural = "es" if subject.endswith("s") else "s"
    return f"{number} {subject}{'' if number == 1 else plural}"
