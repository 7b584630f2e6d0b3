"""The two steps before a training: import and look ahead; decide."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.config import Config
from rlr.data.manifest import Manifest
from rlr.foundation.documents import read_result, write_result
from rlr.orchestration.dataset import write_dataset
from rlr.orchestration.retraining.deciding import (
    DECISION_TAG,
    REASON_TAG,
    Question,
    look_ahead,
    settle,
)
from rlr.orchestration.retraining.decision import Action, Decision, Drift
from rlr.orchestration.retraining.importing import (
    Arrived,
    contents_of,
    import_new,
    require_source,
)
from rlr.orchestration.retraining.line import find_base
from rlr.orchestration.retraining.news import News, count_news
from rlr.registry.references import DATA_TAG
from rlr.registry.retraining import Retrainings
from rlr.registry.server import connect

KIND_IMPORT = "import_data"
KIND_DECISION = "decide"
NONE = "none"

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class ImportedData:
    """Outcome of `import_data`.

    Attributes:
        data_version: The data version with the new images; that before, where nothing is new.
        base: What it was made from; "": there were no images.
        new: Number of images that came in now.
        outlook: "stop", "train", or "watch": it depends on the drift of the new images.
        reason: One sentence.
        run_id: Run of the retraining.
    """

    data_version: str
    base: str
    new: int
    outlook: Action
    reason: str
    run_id: str


@dataclass(frozen=True)
class Decided:
    """Outcome of `decide`.

    Attributes:
        retrain: Whether to train.
        trigger: "forced", "first", "new images", "drift" or "".
        reason: One sentence, with the figures.
    """

    retrain: bool
    trigger: str
    reason: str


def import_and_look(
    settings: Config, output: Path, wanted: str, forced: bool, pipeline_run: str
) -> ImportedData:
    """Import what is new, count it, and see whether there is anything to decide.

    Args:
        settings: The configuration.
        output: Folder to write: the manifest of the images that no training has seen, result.json.
        wanted: Data version to add to; "": the newest of the line.
        forced: Whether somebody wants a training.
        pipeline_run: Run of the pipeline.
    """
    source = require_source(settings.retraining)
    past = Retrainings(connect(settings.registry), settings.registry)
    tags = {"config_name": settings.name, "source": source, "forced": str(forced).lower()}
    run_id = past.begin(pipeline_run, tags)
    try:
        base = find_base(settings.data, wanted, past)
        arrived = import_new(settings.data, source, base)
        past.tell(run_id, {DATA_TAG: arrived.version, "base": base or NONE})
        news = _news(settings, arrived, past)
    except BaseException:
        past.end(run_id, "FAILED")
        raise
    decision = _with_remark(look_ahead(Question(settings, news, forced), past), arrived.remark)
    if decision.action == "stop":
        past.tell(run_id, {DECISION_TAG: "stop", REASON_TAG: decision.reason})
    _write_news(output, arrived, news, decision, run_id)
    logger.info("%s", _sentence(arrived))
    logger.info("%s", decision.reason)
    return ImportedData(
        arrived.version, base or "", arrived.new, decision.action, decision.reason, run_id
    )


def decide_and_claim(
    settings: Config, news: Path, output: Path, forced: bool, drift: Drift | None
) -> Decided:
    """Decide whether to train, and claim the training.

    Args:
        settings: The configuration.
        news: Output of `import_data`.
        output: Folder to write: result.json.
        forced: Whether somebody wants a training.
        drift: What the monitor has said; None: it was not asked.
    """
    result = read_result(news, KIND_IMPORT)
    found = News(result["judged"], result["unjudged"], result["known"])
    past = Retrainings(connect(settings.registry), settings.registry)
    decision = settle(Question(settings, found, forced, drift), past, result["run_id"])
    document = {
        "retrain": decision.action == "train",
        "trigger": decision.trigger,
        "reason": decision.reason,
        "run_id": result["run_id"],
        "data_version": result["data_version"],
        "drift": {"found": drift.found, "reason": drift.reason} if drift else None,
        "settings": settings.retraining.model_dump(mode="json"),
    }
    output.mkdir(parents=True, exist_ok=True)
    write_result(output, KIND_DECISION, **document)
    past.log(result["run_id"], "decision.json", document)
    words = "Training" if document["retrain"] else "No training"
    logger.info("%s: %s", words, decision.reason)
    return Decided(decision.action == "train", decision.trigger, decision.reason)


def _news(settings: Config, arrived: Arrived, past: Retrainings) -> News:
    trained = past.last_trained()
    objects = contents_of(settings.data, arrived.version)
    before = contents_of(settings.data, trained.data_version) if trained else None
    return count_news(arrived.manifest, objects, before)


def _write_news(
    output: Path, arrived: Arrived, news: News, decision: Decision, run_id: str
) -> dict[str, Any]:
    output.mkdir(parents=True, exist_ok=True)
    frame = arrived.manifest.frame
    unseen = frame[frame["path"].isin(news.paths)].reset_index(drop=True)
    write_dataset(Manifest(unseen, arrived.manifest.root, arrived.version), output)
    return write_result(
        output,
        KIND_IMPORT,
        data_version=arrived.version,
        base=arrived.base,
        new=arrived.new,
        judged=news.judged,
        unjudged=news.unjudged,
        known=news.known,
        outlook=decision.action,
        reason=decision.reason,
        run_id=run_id,
    )


def _with_remark(decision: Decision, remark: str) -> Decision:
    if not remark:
        return decision
    return Decision(decision.action, decision.trigger, f"{decision.reason} ({remark}.)")


def _sentence(arrived: Arrived) -> str:
    if not arrived.new:
        return f"Nothing new has arrived; the data version stays {arrived.version}."
    made_of = f", made from {arrived.base}" if arrived.base else ""
    return f"{arrived.new} new images make the data version {arrived.version}{made_of}."
