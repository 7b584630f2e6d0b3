"""The step that holds a candidate against the champion."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.foundation.documents import RESULT_FILE, file_sha256
from rlr.foundation.errors import UserError
from rlr.gate.result import GATE_FILE, Compared, GateResult
from rlr.orchestration.champion import locate_champion
from rlr.orchestration.outcomes import Gated
from rlr.orchestration.parameters import resolve
from rlr.orchestration.reporting import step
from rlr.orchestration.runs import known_run, send_what_is_left
from rlr.orchestration.seeds import further_models
from rlr.registry.gate_results import GATE_REPORT, attach_gate_result, gate_place
from rlr.registry.names import GATE_CHAMPION_TAG, GATE_OUTCOME_TAG, NO_CHAMPION
from rlr.registry.scalars import flatten_metrics
from rlr.registry.server import connect
from rlr.registry.tracking import Run
from rlr.registry.versions import Located, locate_model, run_of_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

REASON_TAG = "gate_reason"
UNDEFINED_TAG = "gate_undefined_metrics"
REGISTERED = "models:/"

logger = logging.getLogger("rlr")


@step
def gate(
    config: str,
    overrides: Sequence[str],
    model: str | Path,
    output: Path,
    dataset: Path | None = None,
    data_version: str = "",
    seed: int | None = None,
    run_id: str = "",
    champion: str | None = None,
) -> Gated:
    """Hold a candidate against the champion: both are run here, on the same test images.

    A decision against the candidate is no failure of this step. Where the candidate is a version
    of the registry, the version carries the result from then on.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        model: Output of `train`, folder of a detector, or models:/NAME/VERSION.
        output: Folder to write: gate.json, gate.html, result.json.
        dataset: Output of `validate_data`; None: the images are listed here.
        data_version: Data version; "": what lies in `data.root` now.
        seed: Seed; None: that of the configuration.
        run_id: Run that trained the model; "": the one in the result.json of the training.
        champion: Model to be held against; "none": none; None: what the alias `champion` names.

    Raises:
        UserError: A model, images or configuration are not as they should be.
        MachineError: The tracking server does not answer; nothing is decided.
    """
    from rlr.gate.contest import Entrant
    from rlr.gate.run import run_gate
    from rlr.orchestration.dataset import read_dataset

    settings = resolve(config, overrides, data_version, seed)
    client = connect(settings.registry)
    send_what_is_left(client, settings.registry, [Path(model)])
    candidate = locate_model(str(model), settings.registry)
    run = _run_of(client, candidate, Path(model), run_id)
    further = further_models(Path(model), settings.gate.seeds)
    reigning = _opponent(champion, settings.registry)
    logger.info("%s against %s", candidate.name, reigning.name if reigning else "no champion")
    manifest = read_dataset(settings.data, dataset)
    result = run_gate(
        settings,
        manifest,
        output,
        Entrant(candidate.name, candidate.folder),
        Entrant(reigning.name, reigning.folder) if reigning else None,
        [Entrant(str(folder), folder) for folder in further],
    )
    run = run or Run.start(client, settings, manifest.version, manifest.digest)
    _log(run, settings.registry, candidate, output, result)
    told = " ".join(result.reasons)
    logger.info("The gate says %s: %s", result.outcome, told)
    finite, _ = flatten_metrics(_metrics(result))
    return Gated(
        outcome=result.outcome,
        reason=told,
        promote=result.outcome == "promote" and settings.gate.promote,
        champion=result.champion.name if result.champion else NO_CHAMPION,
        metrics=finite,
        report=output / GATE_REPORT,
    )


def require_same_model(folder: Path, detector_sha256: str, detector: Path) -> None:
    """Refuse a gate result that is about another model.

    Args:
        folder: Output of `gate`.
        detector_sha256: Digest of the detector that is to carry it.
        detector: Where that lies, for the sentence.

    Raises:
        UserError: It is about another, or there is none.
    """
    from rlr.registry.gate_results import parse_gate

    file = folder / GATE_FILE
    if not file.is_file():
        raise UserError(f"{folder} holds no gate result; name a folder that `rlr gate` wrote.")
    judged = parse_gate(file.read_bytes(), str(file)).candidate
    if judged.sha256 != detector_sha256:
        raise UserError(
            f"{folder} is the gate result of another model ({judged.name}) than {detector}; run "
            "`rlr gate` on this one."
        )


def _opponent(reference: str | None, settings: RegistryConfig) -> Located | None:
    if reference is None:
        return locate_champion(settings)
    if reference == NO_CHAMPION:
        return None
    return locate_model(reference, settings)


def _run_of(client: "MlflowClient", candidate: Located, model: Path, run_id: str) -> Run | None:
    """Return the run that trained the candidate, asked for before anything is run."""
    if candidate.name.startswith(REGISTERED):
        return Run.resume(client, run_of_version(client, candidate.name))
    return known_run(client, model, run_id)


def _log(
    run: Run, settings: RegistryConfig, candidate: Located, output: Path, result: GateResult
) -> None:
    """Tell the candidate's run, and its version where it has one."""
    registered = candidate.name.startswith(REGISTERED)
    champion = result.champion.name if result.champion else NO_CHAMPION
    with run.active(output, settings) as recorder:
        recorder.log_metrics({"gate": _metrics(result)}, UNDEFINED_TAG)
        recorder.set_tags(
            {
                GATE_OUTCOME_TAG: result.outcome,
                GATE_CHAMPION_TAG: champion,
                REASON_TAG: " ".join(result.reasons),
            }
        )
        if not registered:
            place = gate_place(result, file_sha256(output / GATE_FILE))
            names = (GATE_FILE, GATE_REPORT, RESULT_FILE)
            recorder.log_files([output / name for name in names], place)
    if registered:
        name, _, version = candidate.name.removeprefix(REGISTERED).partition("/")
        attach_gate_result(run.client, name, version, output, settings)


def _metrics(result: GateResult) -> dict[str, Any]:
    return {
        "mean": {metric: _values(compared) for metric, compared in result.mean.items()},
        "per_class": {
            name: {metric: _values(compared) for metric, compared in metrics.items()}
            for name, metrics in result.per_class.items()
        },
    }


def _values(compared: Compared) -> dict[str, float | None]:
    values = {"candidate": compared.candidate, "champion": compared.champion}
    interval = compared.difference
    if interval is not None:
        values |= {
            "difference": interval.estimate,
            "lower": interval.lower,
            "upper": interval.upper,
        }
    return values
