from collections.abc import Callable
from pathlib import Path

import pytest

from rlr.orchestration.project import Project

HEADER = '''"""A pipeline for a test."""

from kfp import dsl


def step(function):
    return dsl.component(
        base_image="none:0", packages_to_install=[], install_kfp_package=False
    )(function)


@step
def decide(overrides: list[str], note: dsl.Output[dsl.Dataset]) -> bool:
    from pathlib import Path

    Path(note.path).write_text("here")
    return "yes" in overrides


@step
def work(note: dsl.Input[dsl.Dataset]) -> str:
    return open(note.path).read()


@step
def refuse(reason: str):
    from rlr.orchestration import steps

    steps.reject_data(reason)


@step
def tell(status: dsl.PipelineTaskFinalStatus) -> str:
    return status.state


def build(prepare, defaults):
    @dsl.pipeline(name="test")
    def pipeline(
        data_version: str = "", config: str = "tiny", overrides: list[str] = [], seed: int = -1
    ):
        with dsl.ExitHandler(tell()):
BODY
    return pipeline
'''


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of one tracking store, for MLflow takes seconds to make one."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


def branches(fit: bool) -> str:
    """Return the body of a pipeline that decides, and then works or refuses."""
    return f"""\
            decided = decide(overrides={["yes"] if fit else []})
            with dsl.If(decided.outputs["Output"] == True, name="fit"):
                work(note=decided.outputs["note"])
            with dsl.Else(name="unfit"):
                refuse(reason="Image bad.png is black; replace it.")
"""


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """Return a function that makes a checkout with one pipeline.

    Its body is given, or decides whether the data are fit.
    """

    def make(fit: bool = True, body: str = "", more: str = "") -> Project:
        folder = tmp_path / "project" / "pipelines"
        folder.mkdir(parents=True)
        text = HEADER.replace("BODY\n", body or branches(fit)).replace(
            "def build", f"{more}\n\ndef build"
        )
        (folder / "short.py").write_text(text)
        return Project(folder.parent)

    return make
