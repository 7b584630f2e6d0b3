"""Everything that a card is written from, as it is stored with the version and its run."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from rlr.config import Config
from rlr.config.card import CardConfig
from rlr.config.text import parse_yaml
from rlr.gate.result import GateResult
from rlr.registry.gate_results import read_gate_result
from rlr.registry.lineage import trace_version
from rlr.registry.run_files import RunFiles
from rlr.registry.tracking import CONFIG_FILE

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Sources:
    """What is stored of a version; None: it is not.

    Attributes:
        facts: Its lineage, an entry of `versions` in the document of `trace`.
        words: What people declare: the user's words, else those of the run's configuration.
        source: Where the images come from, as declared.
        licence: Their licence, as declared.
        training: result.json of the training.
        evaluation: result.json of the evaluation.
        metrics: metrics.json of the evaluation.
        scores: Scores of the test images: path, class, label, image_score, is_anomalous.
        gate: The newest gate result.
    """

    facts: Mapping[str, Any]
    words: CardConfig
    source: str | None
    licence: str | None
    training: dict[str, Any] | None
    evaluation: dict[str, Any] | None
    metrics: dict[str, Any] | None
    scores: pd.DataFrame | None
    gate: GateResult | None


def read_sources(client: "MlflowClient", settings: Config, reference: str) -> Sources:
    """Read what is stored of a version.

    Args:
        client: Client of the registry.
        settings: Where the registry is, and words that go before those of the run.
        reference: `models:/NAME/VERSION` or `models:/NAME@ALIAS`.

    Raises:
        UserError: There is no such version, or its gate result was changed.
        MachineError: The server failed.
    """
    facts = trace_version(client, reference)
    run_id = facts["run"]["id"] if facts["run"]["state"] else None
    read = RunFiles(client, settings.registry, run_id).read
    config = _mapping(parse_yaml((read(CONFIG_FILE) or b"{}").decode()))
    data = {**_mapping(config.get("data")), **_set(settings.data, ("source", "licence"))}
    scores = read("evaluation/scores.parquet")
    name, _, number = facts["version"].removeprefix("models:/").rpartition("/")
    stored = read_gate_result(client, name, number, settings.registry) if run_id else None
    return Sources(
        facts=facts,
        words=_words(config, settings.card),
        source=data.get("source"),
        licence=data.get("licence"),
        training=_document(read("training/result.json")),
        evaluation=_document(read("evaluation/result.json")),
        metrics=_document(read("evaluation/metrics.json")),
        scores=pd.read_parquet(io.BytesIO(scores)) if scores else None,
        gate=stored.result if stored else None,
    )


def _words(config: Mapping[str, Any], own: CardConfig) -> CardConfig:
    """Return the declared words; those of another release that are unknown today are left out."""
    known = CardConfig.model_fields
    stored = {k: v for k, v in _mapping(config.get("card")).items() if k in known}
    return CardConfig(**{**stored, **_set(own, known)})


def _set(section: Any, names: Any) -> dict[str, Any]:
    """Return the values of a section that somebody has set."""
    return {name: getattr(section, name) for name in names if name in section.model_fields_set}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _document(content: bytes | None) -> dict[str, Any] | None:
    return json.loads(content) if content else None
