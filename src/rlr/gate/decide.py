"""The decision: every rule is asked, and the worst answer counts."""

from rlr.config.gate import GateConfig
from rlr.config.registry import FloorsConfig
from rlr.gate.evidence import Evidence
from rlr.gate.result import GateResult


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
    raise NotImplementedError
