"""A version that was really trained, trained again: the same bytes, or the same scores, or not."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rlr.config import Config, load_config
from rlr.data.manifest import Manifest
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration import steps
from rlr.orchestration.reproduction import reproduce
from rlr.orchestration.reproduction.compare import compare_bytes
from rlr.registry.server import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient

VERSION = "models:/rlr/1"


@pytest.fixture(scope="module")
def overrides(
    unjudged_manifest: Manifest, trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """Return a training on judged and unjudged images, on one thread, with a store of its own."""
    store = tmp_path_factory.mktemp("store") / "mlflow.db"
    return [
        f"data.root={unjudged_manifest.root}",
        "data.validation_fraction=0.3",
        "data.assume_normal=true",
        f"data.champion={trained}",
        f"data.remote={store.parent / 'remote'}",
        "data.licence=CC0",
        "training.threads=1",
        "training.epochs=1",
        "evaluation.baseline=false",
        'evaluation.protocols=["default"]',
        f"registry.tracking_uri=sqlite:///{store}",
    ]


@pytest.fixture(scope="module")
def registered(overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a training, evaluation and registration by the very steps."""
    folder = tmp_path_factory.mktemp("made")
    steps.train("tiny", overrides, folder / "train")
    steps.evaluate("tiny", overrides, folder / "train", folder / "evaluation")
    steps.register("tiny", overrides, folder / "train", folder / "evaluation")
    return folder


@pytest.fixture
def here(overrides: list[str], registered: Path, tmp_path: Path) -> Config:
    """Return a configuration that knows where the registry is, and nothing of the training."""
    (store,) = (one for one in overrides if one.startswith("registry.tracking_uri"))
    return load_config("published", [store, f"data.root={tmp_path}", f"data.cache={tmp_path}/c"])


@pytest.fixture
def client(here: Config) -> "MlflowClient":
    return connect(here.registry)


@pytest.fixture
def tags(client: "MlflowClient") -> Iterator[Callable[..., None]]:
    """Return a function that changes tags of run and version, which are put back afterwards."""
    version = client.get_model_version("rlr", "1")
    before = {**client.get_run(version.run_id).data.tags, **version.tags}

    def change(**values: str) -> None:
        for name, value in values.items():
            client.set_model_version_tag("rlr", "1", name.replace("__", "."), value)
            client.set_tag(version.run_id, name.replace("__", "."), value)

    yield change
    for name in ("dirty", "diff_sha256", "commit", "detector_sha256", "torch.build", "seed"):
        if name in before:
            change(**{name.replace(".", "__"): before[name]})


def test_the_same_bytes_come_out(here: Config, registered: Path, tmp_path: Path) -> None:
    kept = tmp_path / "again"
    document = reproduce(here, VERSION, kept)
    assert document["reproduced"] is True
    assert document["compared"] == "weights"
    assert document["differences"] == []
    assert document["threads"] == 1
    for name in ("network.safetensors", "backbone.safetensors"):
        assert file_sha256(kept / "train/model" / name) == file_sha256(
            registered / "train/model" / name
        )
    # The unjudged images are those that a champion had let in, who is not asked again.
    for name in ("admitted.csv", "held_back.csv"):
        assert (kept / "train" / name).read_text() == (registered / "train" / name).read_text()
    first, second = (
        json.loads((folder / "train/model/detector.json").read_text())["origin"]["unjudged"]
        for folder in (registered, kept)
    )
    assert first == second
    assert first["admitted"] > 0
    assert json.loads((kept / "reproduction.json").read_text())["version"] == VERSION


def test_the_registration_left_a_card(registered: Path, client: "MlflowClient") -> None:
    run_id = client.get_model_version("rlr", "1").run_id
    assert {Path(entry.path).name for entry in client.list_artifacts(run_id, "card/1")} == {
        "card.md",
        "card.html",
        "lineage.svg",
    }
    card = Path(client.download_artifacts(run_id, "card/1/card.md")).read_text()
    assert "| Licence | CC0 |" in card
    assert "training images were judged by nobody" in card


def test_other_threads_are_compared_by_scores(here: Config) -> None:
    document = reproduce(here, VERSION, threads=2)
    assert document["compared"] == "scores"
    assert [one["what"] for one in document["differences"]] == ["torch.threads"]
    assert document["scores"]["images"] > 20
    assert document["scores"]["largest_relative_difference"] < 1e-4
    assert document["reproduced"] is True


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, registered: Path) -> None:
    """Take the first training for the second, which gives the same bytes."""
    module = __import__("rlr.orchestration.reproduction.reproduce", fromlist=["reproduce"])
    monkeypatch.setattr(module, "train_again", lambda *_: registered / "train" / "model")


def _tamper(client: "MlflowClient", consistently: bool) -> tuple[Path, Path]:
    """Change one weight in the registry; return the folder, and a copy of what it was."""
    from safetensors.numpy import load_file, save_file

    uri = client.get_model_version_download_uri("rlr", "1").removeprefix("file://")
    (description,) = Path(uri).rglob("detector.json")
    folder = description.parent
    copy = folder.parents[2] / "copy"
    shutil.copytree(folder, copy)
    tensors = load_file(folder / "network.safetensors")
    name = sorted(tensors)[0]
    changed = tensors[name].copy()
    changed.flat[0] += np.float32(1.0)
    save_file({**tensors, name: changed}, folder / "network.safetensors")
    if consistently:
        document = json.loads(description.read_text())
        document["weights"]["network"] = file_sha256(folder / "network.safetensors")
        description.write_text(json.dumps(document))
    return folder, copy


@pytest.fixture
def tampered(client: "MlflowClient") -> Iterator[Callable[[bool], None]]:
    places: list[tuple[Path, Path]] = []
    yield lambda consistently: places.append(_tamper(client, consistently))
    for folder, copy in places:
        shutil.rmtree(folder)
        copy.rename(folder)


def test_a_weight_that_was_changed_is_found_before_anything_is_trained(
    here: Config, tampered: Callable[[bool], None], quick: None
) -> None:
    tampered(False)
    with pytest.raises(MachineError, match=r"is not reproduced: network.safetensors in the reg"):
        reproduce(here, VERSION)


def test_a_description_that_was_changed_with_it_is_found_by_its_digest(
    here: Config, tampered: Callable[[bool], None], quick: None
) -> None:
    tampered(True)
    with pytest.raises(MachineError, match=r"is not reproduced: detector.json in the registry"):
        reproduce(here, VERSION)


def test_where_all_digests_were_changed_the_training_tells(
    here: Config,
    client: "MlflowClient",
    tampered: Callable[[bool], None],
    tags: Callable[..., None],
    quick: None,
    rlr: Callable[..., Any],
) -> None:
    tampered(True)
    tags(detector_sha256="")
    words = ["--set", f"registry.tracking_uri={here.registry.tracking_uri}"]
    answer = rlr("reproduce", "1", "--json", *words)
    assert answer.status == 1
    document = json.loads(answer.stdout)
    assert document["reproduced"] is False
    assert document["sentence"] == f"{VERSION} is not reproduced: 1 of 98 tensors differ."
    (gap,) = document["weights"]["files"]["network"]["differing"].values()
    assert gap == pytest.approx(1.0, rel=1e-3)


def test_scores_beyond_the_tolerance_are_told(
    here: Config,
    client: "MlflowClient",
    tampered: Callable[[bool], None],
    tags: Callable[..., None],
    quick: None,
) -> None:
    tampered(True)
    tags(detector_sha256="", torch__build="1.0.0")
    document = reproduce(here, VERSION)
    assert document["compared"] == "scores"
    assert document["reproduced"] is False
    assert document["differences"][0]["then"] == "1.0.0"
    assert document["scores"]["largest_relative_difference"] > document["scores"]["tolerance"]


def test_changed_thresholds_are_another_model(registered: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(registered / "train/model", tmp_path / "other"))
    document = json.loads((other / "detector.json").read_text())
    document["thresholds"]["overall"]["value"] += 1.0
    (other / "detector.json").write_text(json.dumps(document))
    found = compare_bytes(registered / "train/model", other)
    assert found["thresholds_equal"] is found["equal"] is False


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"commit": "1" * 40, "dirty": "true", "diff_sha256": "2" * 64},
            "by the commit 111111111111 with uncommitted changes that are not stored",
        ),
        ({"commit": "unknown", "dirty": "unknown"}, "its commit is 'unknown'"),
        ({"commit": "1" * 40, "dirty": "false"}, "does not have its commit 111111111111; fetch"),
        (
            {"commit": f"{'1' * 40}, then {'2' * 40}", "dirty": "false"},
            "its commit is '1111111111111111111111111111111111111111, then 2222",
        ),
    ],
)
def test_code_that_cannot_be_had_is_refused(
    here: Config,
    tags: Callable[..., None],
    client: "MlflowClient",
    quick: None,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, str],
    sentence: str,
) -> None:
    from rlr.orchestration.reproduction import original

    # Where the checkout of this test has changes, they are kept with the run; here they were not.
    monkeypatch.setattr(original, "DIFF_FILE", "not-kept.diff")
    tags(**changed)
    with pytest.raises(UserError, match=sentence):
        reproduce(here, VERSION)


def test_any_code_is_compared_by_scores(
    here: Config, tags: Callable[..., None], quick: None
) -> None:
    tags(commit="1" * 40)
    document = reproduce(here, VERSION, any_code=True)
    assert document["compared"] == "scores"
    assert document["reproduced"] is True
    assert document["differences"][-1]["what"] == "code"


def test_what_is_not_there_is_told(
    here: Config, client: "MlflowClient", quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlr.orchestration.reproduction import again, original

    with pytest.raises(UserError, match="models:/rlr/9 is not in the registry"):
        reproduce(here, "models:/rlr/9")
    with monkeypatch.context() as patch:
        patch.setattr(again, "holds", lambda *_: False)  # the folder of the training has changed
        with pytest.raises(UserError, match=r"lies neither in .* cannot be pulled: The data"):
            reproduce(here, VERSION)
    with monkeypatch.context() as patch:
        patch.setattr(original, "CONFIG_FILE", "gone.yaml")
        with pytest.raises(UserError, match=r"holds no gone.yaml"):
            reproduce(here, VERSION)
    with monkeypatch.context() as patch:
        patch.setattr(original, "ADMISSION_FILES", ("gone.csv",))
        with pytest.raises(UserError, match=r"which those were \(training/gone.csv of its run\)"):
            reproduce(here, VERSION)
    run_id = client.get_model_version("rlr", "1").run_id
    with monkeypatch.context() as patch:
        patch.setattr(original, "find_run", lambda *_: None)
        with pytest.raises(UserError, match=f"its run {run_id} is gone"):
            reproduce(here, VERSION)
