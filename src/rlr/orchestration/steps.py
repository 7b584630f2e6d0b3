"""The steps from images to a registered model, as commands and components call them.

Every step resolves its configuration from the same four parameters, finds the images by their
data version in a cache of its own node, and hands on folders that are complete: a step that has
written its result.json is done. What a step needs it imports itself, for the others do without.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlr.detection.identity import detector_sha256
from rlr.foundation.documents import (
    RESULT_FILE,
    read_json,
    read_result,
    write_result,
)
from rlr.foundation.errors import UserError
from rlr.gate.floors import FloorVerdict, judge
from rlr.orchestration import gating, monitoring, promoting
from rlr.orchestration.cards import leave_card
from rlr.orchestration.champion import find_champion, log_admission
from rlr.orchestration.curves import roc_readings
from rlr.orchestration.notify import send
from rlr.orchestration.outcomes import Evaluated, Trained, Validated
from rlr.orchestration.parameters import resolve
from rlr.orchestration.reporting import run_name, step
from rlr.orchestration.retraining import steps as retraining
from rlr.orchestration.runs import (
    HISTORY_FILE,
    begin_training_run,
    find_evaluation_run,
    log_history,
    send_what_is_left,
)
from rlr.orchestration.seeds import is_team, refuse_team, train_further_seeds
from rlr.registry.gate_results import attach_gate_result
from rlr.registry.scalars import flatten_metrics
from rlr.registry.server import connect
from rlr.registry.spool.recorder import Recorder
from rlr.registry.tracking import Run, is_recorder
from rlr.registry.versions import Registration, detector_folder, resolve_model
from rlr.registry.versions import register as register_version

logger = logging.getLogger("rlr")

gate = gating.gate
import_data = retraining.import_data
watch_drift = retraining.watch_drift
decide = retraining.decide
skip_training = retraining.skip_training
report = retraining.report
monitor = monitoring.monitor
promote = promoting.promote


@step
def validate_data(
    config: str,
    overrides: Sequence[str],
    output: Path,
    data_version: str = "",
    seed: int | None = None,
) -> Validated:
    """Make the manifest of a data version and hold it against the expectations.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        output: Folder to write: manifest.parquet, validation.json, validation.html, result.json.
        data_version: Data version; "": what lies in `data.root` now.
        seed: Seed; None: that of the configuration.

    Raises:
        UserError: The images are not there, or in no known layout.
    """
    from rlr.orchestration.dataset import list_images, write_dataset
    from rlr.validation import count_unjudged, validate

    settings = resolve(config, overrides, data_version, seed)
    manifest = list_images(settings.data)
    write_dataset(manifest, output)
    white_level = settings.features.preprocessing.white_level
    unjudged = count_unjudged(manifest, settings.data)
    verdict = validate(
        manifest, settings.validation, output, white_level=white_level, unjudged=unjudged
    )
    logger.info("%s", verdict.sentence())
    if unjudged:
        logger.info("%s", unjudged.sentence())
    reason = "" if verdict.passed else verdict.sentence()
    return Validated(verdict.passed, reason, manifest.version, output / "validation.html")


@step
def reject_data(reason: str) -> None:
    """End a run whose data are not fit for training.

    Raises:
        UserError: Always, with the reason.
    """
    raise UserError(reason)


@step
def train(
    config: str,
    overrides: Sequence[str],
    output: Path,
    dataset: Path | None = None,
    data_version: str = "",
    seed: int | None = None,
) -> Trained:
    """Train a detector, and open the run that follows it into the registry.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        output: Folder to write; a killed training goes on when it is started again with it.
        dataset: Output of `validate_data`; None: the images are listed here.
        data_version: Data version; "": what lies in `data.root` now.
        seed: Seed; None: that of the configuration.

    Raises:
        UserError: Images, backbone weights or configuration are not as they should be.
        MachineError: The tracking server does not answer; nothing has been started.
    """
    from rlr.orchestration.dataset import read_dataset
    from rlr.training.train import train as train_detector

    settings = resolve(config, overrides, data_version, seed)
    if is_team():
        refuse_team(settings)
    client = connect(settings.registry) if is_recorder() else None
    manifest = read_dataset(settings.data, dataset)
    champion = find_champion(settings, manifest)
    if client is None:
        train_detector(settings, manifest, output, champion=champion)
        return Trained("", output / "model", {})
    run = begin_training_run(client, settings, manifest, output)
    with run.active(output, settings.registry) as recorder:
        seeds = train_further_seeds(settings, manifest, output, champion)
        result = train_detector(settings, manifest, output, recorder.log_epoch, champion)
        result = _extend_result(output, result, run_id=run.run_id, further_seeds=seeds)
        log_admission(recorder, output, result)
        log_history(recorder, output)
        recorder.log_files([output / HISTORY_FILE, output / RESULT_FILE], "training")
        if dataset is not None:
            recorder.log_files(sorted(dataset.glob("validation.*")), "validation")
    final, _ = flatten_metrics({"train": result["final"]})
    return Trained(run.run_id, output / result["model"], final)


@step
def train_distributed(
    config: str,
    overrides: Sequence[str],
    output: Path,
    dataset: Path,
    data_version: str,
    seed: int,
    run: str,
) -> Trained:
    """Train a detector on several nodes of a cluster, by a TrainJob that runs `rlr train`.

    Args:
        config: Preset, or YAML document.
        overrides: `key=value` each.
        output: Folder to write, the same as `train` writes.
        dataset: Output of `validate_data`.
        data_version: Data version of the dataset.
        seed: Seed; negative: that of the configuration.
        run: Kubeflow's id of the run.

    Raises:
        UserError: This is no step on a cluster, or what the training itself refuses.
        MachineError: The cluster, the tracking server or a node failed.
    """
    from rlr.orchestration.team.job import Training, with_facts
    from rlr.orchestration.team.settings import read_team_settings
    from rlr.orchestration.team.train import train_on_team

    settings = read_team_settings()
    everything = with_facts(overrides, data_version, seed)
    resolved = resolve(config, everything)
    refuse_team(resolved)
    training = Training(config, everything, run, Path(settings.work))
    result = train_on_team(training, settings, dataset, output, resolved.training.epochs)
    final, _ = flatten_metrics({"train": result["final"]})
    return Trained(result["run_id"], output / result["model"], final)


@step
def evaluate(
    config: str,
    overrides: Sequence[str],
    model: str | Path,
    output: Path,
    dataset: Path | None = None,
    data_version: str = "",
    seed: int | None = None,
    run_id: str = "",
) -> Evaluated:
    """Measure a detector on the test images, and judge it by the floors.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        model: Output of `train`, folder of a detector, or models:/NAME/VERSION.
        output: Folder to write: metrics.json, curves.json, report.html, result.json ...
        dataset: Output of `validate_data`; None: the images are listed here.
        data_version: Data version; "": what lies in `data.root` now.
        seed: Seed; None: that of the configuration.
        run_id: Run that trained the model; "": the one in the result.json of the training.

    Raises:
        UserError: Model, images or configuration are not as they should be.
        MachineError: The tracking server does not answer; nothing has been started.
    """
    from rlr.detection.detector import Detector
    from rlr.evaluation.evaluate import evaluate as measure
    from rlr.orchestration.dataset import read_dataset

    settings = resolve(config, overrides, data_version, seed)
    client = connect(settings.registry)
    send_what_is_left(client, settings.registry, [Path(model)])
    folder = resolve_model(str(model), settings.registry)
    manifest = read_dataset(settings.data, dataset)
    run = find_evaluation_run(client, settings, manifest, Path(model), run_id)
    with run.active(output, settings.registry) as recorder:
        detector = Detector.load(folder, settings.training.device, settings.features.batch_size)
        result = measure(detector, manifest, settings, output)
        metrics = read_json(output / "metrics.json")
        verdict = judge(metrics, settings.registry.floors)
        _extend_result(
            output,
            result,
            run_id=run.run_id,
            model_sha256=detector_sha256(folder),
            floors={"hold": verdict.hold, "reasons": verdict.reasons},
        )
        _log_evaluation(recorder, {**metrics, "baseline": result["baseline"]["metrics"]}, output)
        recorder.set_tags({"floors": str(verdict)})
    logger.info("Floors: %s", verdict)
    finite, undefined = flatten_metrics(metrics)
    roc = roc_readings(read_json(output / "curves.json"))
    return Evaluated(run.run_id, verdict, finite, undefined, roc, output / "report.html")


@step
def register(
    config: str,
    overrides: Sequence[str],
    model: Path,
    evaluation: Path,
    challenger: bool | None = None,
    gate: Path | None = None,
    pipeline_run: str = "",
) -> Registration:
    """Make an evaluated detector a version of the registered model.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        model: Output of `train`, or folder of a detector.
        evaluation: Output of `evaluate` for this very model.
        challenger: Whether the version gets the alias `challenger`; None: where the floors hold.
        gate: Output of `gate` for this very model, which the version then carries.
        pipeline_run: Run of the pipeline that asks for it; a tag of the version.

    Raises:
        UserError: The evaluation is of another model, or asks what the floors forbid.
        MachineError: The tracking server does not answer; nothing is registered.
    """
    everything = resolve(config, overrides)
    settings = everything.registry
    client = connect(settings)
    send_what_is_left(client, settings, [Path(model), evaluation])
    result = read_result(evaluation, "evaluate")
    folder = detector_folder(Path(model))
    if result["model_sha256"] != detector_sha256(folder):
        raise UserError(
            f"{evaluation} is the evaluation of another model than {folder}; evaluate this one."
        )
    if gate is not None:
        gating.require_same_model(gate, result["model_sha256"], folder)
    verdict = FloorVerdict(**result["floors"])
    run = Run.resume(client, result["run_id"])
    wanted = verdict.hold if challenger is None else challenger
    name = run_name(pipeline_run)
    made = register_version(run, folder, settings, verdict, wanted, name)
    if gate is not None:
        attach_gate_result(client, made.name, made.version, gate, settings)
    leave_card(client, everything, made.uri)
    logger.info("%s is %s", made.uri, made.alias or f"no challenger ({made.floors})")
    return made


@step
def notify(pipeline: str, state: str, message: str, config: str, data_version: str) -> None:
    """Tell people how a run ended; this never fails.

    Args:
        pipeline: Name of the run.
        state: "SUCCEEDED", "FAILED" or "CANCELLED".
        message: What went wrong, or "".
        config: Preset or YAML document that the run was given.
        data_version: Data version that it was given, or "".
    """
    name = "given as a document" if "\n" in config or "{" in config else config
    facts = {"configuration": name, "data version": data_version or "what lay in data.root"}
    send(pipeline, state, message, facts)


def _extend_result(output: Path, result: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Write a room's result.json again, with what only this storey knows."""
    own = {name: value for name, value in result.items() if name != "schema_version"}
    return write_result(output, **{**own, **fields})


def _log_evaluation(recorder: Recorder, metrics: dict[str, Any], output: Path) -> None:
    recorder.log_metrics(metrics)
    names = ("metrics.json", "curves.json", "report.html", "scores.parquet", RESULT_FILE)
    recorder.log_files([output / name for name in names], "evaluation")
