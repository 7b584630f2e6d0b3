"""Commands against the double of Kubeflow's API, and a checkout with a short pipeline."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubeflow_api import KubeflowApi

from rlr.orchestration.compile import compile_pipeline
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.project import Project

DIGEST = "sha256:" + "ab" * 32
IMAGES = (
    f"--image-pipeline=hub.example/rlr-pipeline@{DIGEST}",
    f"--image-train=hub.example/rlr-train@{DIGEST}",
)

PIPELINE = '''"""A short pipeline for a test."""

from kfp import dsl

from rlr.orchestration.cluster import Needs


def step(function):
    return dsl.component(
        base_image="none:0", packages_to_install=[], install_kfp_package=False
    )(function)


@step
def look(data_version: str, overrides: list[str]) -> bool:
    return True


@step
def work(config: str, seed: int):
    pass


@step
def rest():
    pass


def build(prepare, defaults):
    @dsl.pipeline(name="rlr-short")
    def pipeline(
        data_version: str = defaults.data_version,
        config: str = defaults.config,
        overrides: list[str] = list(defaults.overrides),
        seed: int = defaults.seed,
    ):
        looked = look(data_version=data_version, overrides=overrides)
        prepare(looked, Needs(data=True))
        with dsl.If(looked.output == True, name="fit"):
            prepare(work(config=config, seed=seed), Needs(heavy=True, shared_memory=True))
        with dsl.Else(name="unfit"):
            prepare(rest(), Needs())

    return pipeline
'''


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the pipeline `short`, compiled."""
    folder = tmp_path_factory.mktemp("short")
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "short.py").write_text(PIPELINE)
    images = (f"hub.example/{name}@{DIGEST}" for name in ("rlr-pipeline", "rlr-train"))
    return compile_pipeline(Project(folder), "short", Parameters("tiny"), *images)


@pytest.fixture
def compiled_once(monkeypatch: pytest.MonkeyPatch, compiled: str) -> None:
    """Let commands take `short` as it is compiled already: that takes longer than all the rest."""
    # The first imports from the second, and must do so before that is changed.
    for module in ("rlr.orchestration.submit", "rlr.orchestration.compile"):
        monkeypatch.setattr(f"{module}.compile_pinned", lambda *_: compiled)


@pytest.fixture
def api() -> Iterator[KubeflowApi]:
    """Yield a running double, which knows nothing yet."""
    server = KubeflowApi()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.stop()
    thread.join()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a checkout with the pipeline `short`, which is the working directory, too."""
    folder = tmp_path / "checkout"
    (folder / "pipelines").mkdir(parents=True)
    (folder / "pipelines" / "short.py").write_text(PIPELINE)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return folder


@pytest.fixture
def ask(rlr: Callable[..., object], api: KubeflowApi, checkout: Path) -> Callable[..., object]:
    """Return a function that runs `rlr pipeline VERB ...` against the double."""

    def run(verb: str, *words: str) -> object:
        here = (
            ()
            if any(word.startswith("--port-forward") for word in words)
            else (f"--endpoint={api.address}",)
        )
        images = IMAGES if verb in ("upload", "submit") and not _names_images(words) else ()
        pipeline = ("short",) if verb in ("upload", "submit") else ()
        return rlr("pipeline", verb, *pipeline, *here, *images, *words)

    return run


def _names_images(words: tuple[str, ...]) -> bool:
    return any(
        word.startswith(("--image", "--version", "--allow-tag", "--set=pipe")) for word in words
    )


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, which is all of PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    assert shutil.which("kubectl") is None
    return folder
