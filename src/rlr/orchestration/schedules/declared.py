"""What the file declares, held against the checkout: its pipelines, their parameters."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.config.load import preset_names
from rlr.config.schedules import SCHEDULES_FILE, Schedule, Schedules, load_schedules
from rlr.foundation.errors import UserError
from rlr.orchestration.cluster import on_this_machine
from rlr.orchestration.parameters import CONFIGURED_SEED, Parameters, portable, resolve
from rlr.orchestration.project import Project

KINDS: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "BOOLEAN": (bool,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (int, float),
    "LIST": (list,),
    "STRUCT": (dict,),
}


@dataclass(frozen=True)
class Declared:
    """A file of schedules that fits its checkout.

    Attributes:
        project: The checkout.
        path: The file.
        schedules: What stands in it.
        inputs: Of each pipeline the kind of each of its parameters, by name.
    """

    project: Project
    path: Path
    schedules: Schedules
    inputs: dict[str, dict[str, str]]

    def configuration(self, schedule: Schedule) -> str:
        """Return the configuration of a schedule: a preset, or the path of its file."""
        source = schedule.parameters.config
        return source if source in preset_names() else str(self.project.root / source)

    def parameters(self, schedule: Schedule) -> Parameters:
        """Return what each run of a schedule is given, as it travels to another machine."""
        given = schedule.parameters
        seed = CONFIGURED_SEED if given.seed is None else given.seed
        return Parameters(
            portable(self.configuration(schedule)), given.overrides, given.data_version, seed
        )

    def arguments(self, schedule: Schedule) -> dict[str, Any]:
        """Return the parameters of a run, by name: those that its pipeline takes."""
        given = {**self.parameters(schedule).as_arguments(), **schedule.parameters.others()}
        return {key: given[key] for key in self.inputs[schedule.pipeline] if key in given}

    def refuse(self, schedule: Schedule, key: str, reason: str) -> UserError:
        """Return the error that a value of a schedule is."""
        return UserError(f"{self.path}: schedule {schedule.name}: {key}: {reason}")


def read_declared(project: Project, file: Path | None = None) -> Declared:
    """Read the schedules of a checkout.

    Args:
        project: The checkout.
        file: The file; None: schedules.yaml of the checkout.

    Raises:
        UserError: The file, a pipeline, a parameter or an override is wrong; the sentence names
            file, schedule and key.
    """
    path = file or project.root / SCHEDULES_FILE
    declared = Declared(project, path, load_schedules(path), {})
    for schedule in declared.schedules.schedules:
        if schedule.pipeline not in declared.inputs:
            declared.inputs[schedule.pipeline] = _inputs(declared, schedule)
        _check_parameters(declared, schedule)
        _check_configuration(declared, schedule)
    return declared


def _check_configuration(declared: Declared, schedule: Schedule) -> None:
    """Add one kind of value after the other, so that a refusal names its key."""
    given = schedule.parameters
    parts: dict[str, tuple[tuple[str, ...], str]] = {
        "config": ((), ""),
        "overrides": (given.overrides, ""),
        "data_version": (given.overrides, given.data_version),
    }
    for key, (overrides, version) in parts.items():
        try:
            resolve(declared.configuration(schedule), overrides, version, given.seed)
        except UserError as error:
            raise declared.refuse(schedule, f"parameters.{key}", str(error)) from error


def _inputs(declared: Declared, schedule: Schedule) -> dict[str, str]:
    """Return the kind of each parameter that a pipeline takes, by name."""
    project, name = declared.project, schedule.pipeline
    known = project.pipeline_names()
    if name not in known:
        raise declared.refuse(
            schedule,
            "pipeline",
            f"{project.root} has no pipeline '{name}'; it has {', '.join(known)}.",
        )
    with project.load(name) as module:
        spec = module.build(on_this_machine, Parameters()).pipeline_spec
    inputs = spec.root.input_definitions.parameters
    return {key: _kind(entry) for key, entry in sorted(inputs.items())}


def _kind(entry: Any) -> str:
    kinds = entry.DESCRIPTOR.fields_by_name["parameter_type"].enum_type
    return str(kinds.values_by_number[entry.parameter_type].name)


def _check_parameters(declared: Declared, schedule: Schedule) -> None:
    takes = declared.inputs[schedule.pipeline]
    others = schedule.parameters.others()
    for key in sorted({*schedule.parameters.model_fields_set, *others}):
        if key not in takes:
            raise declared.refuse(
                schedule,
                f"parameters.{key}",
                f"the pipeline {schedule.pipeline} takes no such parameter; it takes "
                f"{', '.join(takes)}.",
            )
    for key, value in others.items():
        kinds = KINDS[takes[key]]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            words = f"{takes[key]} is expected, but got {value!r}."
            raise declared.refuse(schedule, f"parameters.{key}", words)
