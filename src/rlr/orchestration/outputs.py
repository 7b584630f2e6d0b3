"""What the steps of a local run have really left behind.

A runner's word is not proof: its status may say success of a step that never ran.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.foundation.documents import read_json

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import (
        ComponentSpec,
        PipelineSpec,
        PipelineTaskSpec,
    )

Values = dict[str, Any]  # input parameters, by name

CONDITION = re.compile(r"inputs\.parameter_values\['(?P<name>[^']+)'\] == (?P<value>true|false)")
OUTPUT_FILE = "executor_output.json"  # kfp writes it when a step has returned
COMPONENT_PREFIX = "comp-"


@dataclass(frozen=True)
class StepOutput:
    """What a step has left.

    Attributes:
        parameters: Its output parameters.
        artifacts: Path of each output artifact.
    """

    parameters: dict[str, Any]
    artifacts: dict[str, Path]


def read_outputs(root: Path) -> dict[str, StepOutput]:
    """Return what each step has left, by the step's name.

    Args:
        root: Pipeline root of one local run.
    """
    return {file.parent.name: _read(file) for file in sorted(root.glob(f"*/*/{OUTPUT_FILE}"))}


def missing_outputs(spec: "PipelineSpec", root: Path) -> list[str]:
    """Return what a successful run should have left and did not.

    Every step outside of a condition must have run, of each If / Else exactly one side, and what
    stands under an If alone where its condition holds, and only there.

    Args:
        spec: The pipeline that ran.
        root: Pipeline root of one local run.
    """
    return _Audit(spec, read_outputs(root)).missing(spec.root, {})


@dataclass(frozen=True)
class _Audit:
    spec: "PipelineSpec"
    found: dict[str, StepOutput]

    def missing(self, component: "ComponentSpec", known: Values) -> list[str]:
        """Return what a part of the pipeline lacks.

        Args:
            component: The part.
            known: Its input parameters, as far as the steps' outputs tell them.
        """
        # A map of protobuf has no order of its own.
        tasks = [task for _, task in sorted(component.dag.tasks.items())]
        if tasks and all(task.trigger_policy.condition for task in tasks) and len(tasks) > 1:
            return self._missing_of_sides(tasks, known)
        return [
            fault
            for task in tasks
            for fault in (
                self._missing_of_condition(task, known)
                if task.trigger_policy.condition
                else self._missing_of(task, known)
            )
        ]

    def _missing_of_sides(self, sides: "list[PipelineTaskSpec]", known: Values) -> list[str]:
        ran = [side for side in sides if self._has_begun(side.component_ref.name)]
        names = " / ".join(side.task_info.name for side in sides)
        faults = []
        if len(ran) != 1:
            faults.append(f"{len(ran)} sides of '{names}' ran instead of one")
        return faults + [fault for side in ran for fault in self._missing_of(side, known)]

    def _missing_of_condition(self, task: "PipelineTaskSpec", known: Values) -> list[str]:
        ran = self._has_begun(task.component_ref.name)
        wanted = _holds(task.trigger_policy.condition, self._inputs(task, known))
        if wanted is not None and wanted != ran:
            happened = "ran although its condition does not hold" if ran else "did not run"
            return [f"the part '{task.task_info.name}' {happened}"]
        return self._missing_of(task, known) if ran else []

    def _missing_of(self, task: "PipelineTaskSpec", known: Values) -> list[str]:
        name = task.component_ref.name
        component = self.spec.components[name]
        if component.HasField("dag"):
            return self.missing(component, self._inputs(task, known))
        step = name.removeprefix(COMPONENT_PREFIX)
        output = self.found.get(step)
        if output is None:
            return [f"the step {step} did not run to its end"]
        wanted = component.output_definitions.artifacts
        paths = {label: output.artifacts.get(label) for label in wanted}
        return [
            f"the step {step} left no {label}"
            for label, path in paths.items()
            if _is_stored(wanted[label].artifact_type.schema_title) and not _is_there(path)
        ]

    def _inputs(self, task: "PipelineTaskSpec", known: Values) -> Values:
        """Return the input parameters of a part, as far as they are known."""
        values: Values = {}
        for name, source in task.inputs.parameters.items():
            if source.component_input_parameter in known:
                values[name] = known[source.component_input_parameter]
            made_by = self.found.get(source.task_output_parameter.producer_task)
            key = source.task_output_parameter.output_parameter_key
            if made_by and key in made_by.parameters:
                values[name] = made_by.parameters[key]
        return values

    def _has_begun(self, name: str) -> bool:
        component = self.spec.components[name]
        if not component.HasField("dag"):
            return name.removeprefix(COMPONENT_PREFIX) in self.found
        return any(
            self._has_begun(task.component_ref.name) for task in component.dag.tasks.values()
        )


def _holds(condition: str, values: Values) -> bool | None:
    """Return whether a condition on a yes or no holds; None: that cannot be told from here."""
    asked = CONDITION.fullmatch(" ".join(condition.split()))
    if asked is None or asked["name"] not in values:
        return None
    return bool(values[asked["name"]] is (asked["value"] == "true"))


def _read(file: Path) -> StepOutput:
    document = read_json(file)
    artifacts = {
        label: Path(entry["artifacts"][0]["uri"])
        for label, entry in document.get("artifacts", {}).items()
    }
    return StepOutput(document.get("parameterValues", {}), artifacts)


def _is_stored(schema_title: str) -> bool:
    """Metrics live in an artifact's metadata; all else is a file or a folder."""
    return not schema_title.endswith("Metrics")


def _is_there(path: Path | None) -> bool:
    if path is None or not path.exists():
        return False
    return any(path.iterdir()) if path.is_dir() else path.stat().st_size > 0
