"""Whether new images have drifted from what a model was trained on, as a step and as a question."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.config import Config
from rlr.data.manifest import Manifest
from rlr.foundation.documents import RESULT_FILE, digest, write_json, write_result
from rlr.orchestration.champion import champion_uri
from rlr.orchestration.outcomes import Monitored
from rlr.orchestration.parameters import resolve
from rlr.orchestration.reporting import step
from rlr.registry.server import connect
from rlr.registry.tracking import Run
from rlr.registry.versions import locate_model

if TYPE_CHECKING:
    from rlr.monitoring.observe import Image
    from rlr.monitoring.result import DriftResult
    from rlr.monitoring.run import Monitored as Found

KIND_TAG, KIND = "kind", "monitor"  # tells these runs from trainings in the experiment
NO_VERSION = "none"  # a plain folder of images has no data version

logger = logging.getLogger("rlr")


@step
def monitor(
    config: str,
    overrides: Sequence[str],
    model: str | Path,
    output: Path,
    dataset: Path | None = None,
    data_version: str = "",
    images: Path | None = None,
    class_name: str | None = None,
) -> Monitored:
    """Compare new images with the normal images of a model's training, and log what is found.

    Of a manifest those images are taken that the model's own data version does not hold; of a
    folder all.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        model: models:/NAME@ALIAS, models:/NAME/VERSION, output of `train`, or folder of a
            detector; "": the champion.
        output: Folder to write: drift.json, drift.html, result.json.
        dataset: Output of `validate_data`; None: the images are listed here.
        data_version: Data version; "": what lies in `data.root` now.
        images: A folder of images to compare instead of a manifest's.
        class_name: Product class of all images in that folder; None: the folders in it, or the
            images themselves, say.

    Raises:
        NoReferenceError: The model carries no reference statistics (a UserError).
        UserError: Model, images or configuration are not as they should be.
        MachineError: The tracking server does not answer; nothing has been started.
    """
    from rlr.monitoring.folder import list_folder
    from rlr.monitoring.report import write_report
    from rlr.monitoring.result import DRIFT_FILE, REPORT_FILE

    settings = resolve(config, overrides, data_version)
    client = connect(settings.registry)
    session = _Session(settings, str(model) or champion_uri(settings.registry))
    if images is None:
        from rlr.orchestration.dataset import read_dataset

        manifest = read_dataset(settings.data, dataset)
        chosen, known = session.new_of(manifest)
        version, identity = manifest.version, manifest.digest
    else:
        chosen, known = list_folder(images, session.reference.classes, class_name), 0
        version, identity = NO_VERSION, digest([image.path for image in chosen])
    (output / RESULT_FILE).unlink(missing_ok=True)  # nothing must look finished
    run = Run.start(client, settings, version, identity)
    with run.active(output, settings.registry) as recorder:
        recorder.set_tags({KIND_TAG: KIND, "model": session.name})
        found = session.compare(chosen, known)
        result = found.result
        write_json(output / DRIFT_FILE, result.model_dump(mode="json"))
        white_level = session.detector.spec.preprocessing.white_level
        write_report(output / REPORT_FILE, found, white_level)
        recorder.log_metrics({"monitor": _metrics(result)})
        recorder.set_tags({"drift": result.kind, "drift_reason": result.reason})
        recorder.log_files([output / DRIFT_FILE, output / REPORT_FILE], "monitor")
    write_result(
        output,
        KIND,
        run_id=run.run_id,
        model=session.name,
        model_sha256=session.sha256,
        data_version=version,
        drifted=result.drifted,
        verdict=result.kind,
        reason=result.reason,
    )
    logger.info("Drift: %s", result.reason)
    return Monitored(
        result.drifted, result.kind, result.reason, result.images, output / REPORT_FILE, run.run_id
    )


class _Session:
    """A model with its reference statistics."""

    def __init__(self, settings: Config, model: str) -> None:
        from rlr.detection.detector import Detector
        from rlr.monitoring.run import require_reference

        located = locate_model(model, settings.registry)
        self.name, self.sha256 = located.name, located.sha256
        self.reference = require_reference(located.folder, located.name)
        self.detector = Detector.load(
            located.folder, settings.training.device, settings.features.batch_size
        )
        self._settings = settings.monitor

    def new_of(self, manifest: Manifest) -> "tuple[list[Image], int]":
        """Return what the model's data version does not hold, and how many images it does."""
        from rlr.monitoring.run import rows_to_images

        known = self.reference.knows(list(manifest.frame["sha256"]))
        return rows_to_images(manifest, manifest.frame[~known]), int(known.sum())

    def compare(self, images: "Sequence[Image]", known: int) -> "Found":
        from rlr.monitoring.run import monitor as compare_images

        return compare_images(
            self.detector,
            self.reference,
            images,
            self._settings,
            model=self.name,
            model_sha256=self.sha256,
            known=known,
        )


def _metrics(result: "DriftResult") -> dict[str, Any]:
    """Return what a history of drift is drawn from; of the windows the last one."""
    last = result.windows[-1:]
    return {
        "drifted": float(result.drifted),
        "images": result.images,
        "windows": len(result.windows),
        "windows_shifted": sum(window.kind == "normal_shifted" for window in result.windows),
        "defect_share": last[0].defect_share if last else None,
        "least_p_value": min((test.adjusted for w in last for test in w.tests), default=None),
    }
