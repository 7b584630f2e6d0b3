"""What is wrong with a manifest."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One fault of one object.

    Attributes:
        place: The object: `Deployment/mlflow`, or `step train` of a compiled pipeline.
        rule: Name of the rule that it breaks.
        fault: What is wrong, and what is wanted.
    """

    place: str
    rule: str
    fault: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}: {self.fault}"
