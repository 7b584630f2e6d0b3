"""What a run on a cluster is made of: a pipeline compiled now, or a version uploaded before."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlr.orchestration.cluster import on_this_machine
from rlr.orchestration.compile import compile_pinned, parameter_names
from rlr.orchestration.parameters import CONFIGURED_SEED, Parameters, refuse_unknown
from rlr.orchestration.project import Project

if TYPE_CHECKING:
    from rlr.orchestration.kubeflow.connection import Kubeflow
    from rlr.orchestration.kubeflow.versions import Version


@dataclass(frozen=True)
class Compiled:
    """A pipeline that travels with its run.

    Attributes:
        text: Its YAML, images by digest.
        parameters: Its parameters.
    """

    text: str
    parameters: Parameters

    @classmethod
    def make(
        cls,
        project: Project,
        name: str,
        parameters: Parameters,
        image_pipeline: str | None,
        image_train: str | None,
        allow_tag: bool,
    ) -> "Compiled":
        """Compile a pipeline; the arguments are those of `compile_pinned`."""
        text = compile_pinned(project, name, parameters, image_pipeline, image_train, allow_tag)
        refuse_unknown(parameters.as_arguments(), parameter_names(text), name)
        return cls(text, parameters)

    def on(self, _kubeflow: "Kubeflow") -> str:
        """Return the pipeline itself."""
        return self.text

    def arguments(self) -> dict[str, Any]:
        """Return all parameters."""
        return self.parameters.as_arguments()


@dataclass(frozen=True)
class Uploaded:
    """A version of a pipeline, with defaults of its own for what the user has not given.

    Attributes:
        title: What the pipeline calls itself.
        version: Name or id of the version.
        parameters: Its parameters.
        keeps_config: Whether the configuration is that of the version.
    """

    title: str
    version: str
    parameters: Parameters
    keeps_config: bool

    @classmethod
    def read(
        cls, project: Project, name: str, version: str, parameters: Parameters, keeps_config: bool
    ) -> "Uploaded":
        """Look up what a pipeline calls itself.

        Raises:
            UserError: There is no such pipeline, or a parameter is refused.
        """
        parameters.resolve()  # a wrong key is told now, not by the first step
        with project.load(name) as module:
            pipeline = module.build(on_this_machine, parameters)
        known = pipeline.component_spec.inputs or ()
        refuse_unknown(parameters.as_arguments(), known, name)
        title = pipeline.pipeline_spec.pipeline_info.name
        return cls(str(title), version, parameters, keeps_config)

    def on(self, kubeflow: "Kubeflow") -> "Version":
        """Find the version on a cluster."""
        from rlr.orchestration.kubeflow.versions import find_version

        return find_version(kubeflow, self.title, self.version)

    def arguments(self) -> dict[str, Any]:
        """Return the parameters that were given."""
        given = self.parameters.as_arguments()
        unset = {"overrides": [], "data_version": "", "seed": CONFIGURED_SEED, "force": False}
        if self.keeps_config:
            unset["config"] = given["config"]
        return {key: value for key, value in given.items() if unset.get(key) != value}
