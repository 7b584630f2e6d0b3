"""`rlr monitor`: from a folder or a manifest to drift.json, a page and a run."""

import html
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from monitoring.conftest import Bench

from rlr.config import load_config
from rlr.config.monitor import MonitorConfig
from rlr.data.index import index_images
from rlr.foundation.errors import UserError
from rlr.monitoring.folder import list_folder
from rlr.monitoring.observe import Image
from rlr.monitoring.reference import read_reference
from rlr.monitoring.result import DriftResult, NoReferenceError, WindowResult
from rlr.monitoring.run import cut, in_order, monitor, require_reference, rows_to_images
from rlr.monitoring.words import conclude

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Answer

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
RULES = [
    "--set=monitor.window=20",
    "--set=monitor.windows=3",
    "--set=monitor.agree=2",
    "--set=monitor.permutations=199",
    "--set=monitor.false_alarm_rate=0.05",
]


def window(kind: str, reason: str = "") -> WindowResult:
    return WindowResult(
        number=1,
        first="a",
        last="b",
        begins=None,
        ends=None,
        images=20,
        above=0,
        defect_share=0.0,
        expected_share=0.01,
        new_classes={},
        strange=0,
        kind=kind,  # type: ignore[arg-type]
        reasons=[reason] if reason else [],
        tests=[],
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a tracking store for this file's runs: to make one takes longer than to monitor."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


SHIFTED, MORE = window("normal_shifted", "brightness"), window("more_defects", "5 %")


@pytest.mark.parametrize(
    ("windows", "kind", "sentence"),
    [
        ([], "too_few_images", "Fewer than 8 images"),
        ([window("quiet")] * 3, "quiet", "No shift in any of the last 3 windows."),
        ([window("quiet")], "quiet", "No shift in the one window there is."),
        ([SHIFTED, window("quiet"), SHIFTED], "normal_shifted", "in 2 of the last 3 windows: bri"),
        ([SHIFTED, *[window("quiet")] * 3], "quiet", "No shift in any of the last 3"),
        ([SHIFTED], "quiet", "in 1 of the one window there is, but 2 must agree"),
        ([MORE, MORE], "more_defects", "(5 %), normal unchanged"),
        ([MORE, window("quiet")], "quiet", "More defects in 1 of the last 2 windows, but 2"),
        ([MORE, SHIFTED, SHIFTED], "normal_shifted", "Normal shifted in 2"),
    ],
)
def test_windows_vote(windows: list[WindowResult], kind: str, sentence: str) -> None:
    found, reason = conclude(windows, MonitorConfig(windows=3, agree=2))
    assert found == kind
    assert sentence in reason


def test_more_may_not_agree_than_are_asked() -> None:
    with pytest.raises(UserError, match=r"agree: more windows must agree than are looked at"):
        load_config("tiny", ["monitor.windows=2", "monitor.agree=3"])


def test_images_are_cut_in_order_of_time_then_path() -> None:
    def image(path: str, time: str | None) -> Image:
        return Image(path, Path(path), captured_at=time)

    times = {
        "d": "2026-01-01T10:00:00+00:00",
        "c": "2026-01-01T10:30:00+02:00",  # earlier, whatever the digits say
        "b": None,
        "a": None,
    }
    ordered = in_order([image(path, time) for path, time in times.items()])
    assert [image.path for image in ordered] == ["a", "b", "c", "d"]
    assert [len(part) for part in cut(59, 20, 8)] == [20, 39]


def test_a_shifted_folder_drifts_and_everything_is_written(
    bench: Bench,
    tmp_path: Path,
    rlr: "Callable[..., Answer]",
    store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    folder = bench.images / "light"
    answer = rlr(
        "monitor", folder, "--model", bench.folder, "--config", "tiny", *RULES,
        "-o", tmp_path / "out", "--json",
    )  # fmt: skip
    assert answer.status == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["drifted"] is True
    assert "brightness" in document["reason"]
    assert len(document["windows"]) == 4
    result = DriftResult.model_validate_json((tmp_path / "out" / "drift.json").read_text())
    assert (result.kind, result.images) == ("normal_shifted", 80)
    page = (tmp_path / "out" / "drift.html").read_text()
    assert page.count("<svg") >= 6
    assert page.count("data:image/jpeg") == 8
    assert html.escape(result.reason) in page
    from mlflow import MlflowClient

    run = MlflowClient().get_run(document["run_id"])
    assert run.data.tags["kind"] == "monitor"
    assert run.data.tags["drift"] == "normal_shifted"
    assert run.data.metrics["monitor.drifted"] == 1.0


def test_of_a_manifest_only_what_the_model_has_not_seen_is_compared(
    bench: Bench, tmp_path: Path
) -> None:
    from shutil import copytree

    from rlr.config.data import DataConfig
    from rlr.data.manifest import Manifest

    seen = bench.images.parent / "set"
    manifest = index_images(DataConfig(validation_fraction=0.4), seen)
    assert bench.reference.knows(list(manifest.frame["sha256"])).all()
    copytree(seen, tmp_path / "set")
    for name in ("dots", "waves"):
        copytree(bench.images / "normal" / name, tmp_path / "set" / name / "unlabelled")
    grown: Manifest = index_images(DataConfig(validation_fraction=0.4), tmp_path / "set")
    new = grown.frame[~bench.reference.knows(list(grown.frame["sha256"]))]
    assert set(new["split"]) == {"unlabelled"}
    images = rows_to_images(grown, new)
    assert len(images) == 200
    found = monitor(
        bench.detector,
        bench.reference,
        images,
        MonitorConfig(permutations=199, window=100, false_alarm_rate=0.001),
        model="folder",
        model_sha256="0" * 64,
        known=120,
    )
    assert (found.result.images, found.result.known) == (200, 120)
    assert not found.result.drifted


def test_subfolders_are_classes_where_one_is_known(bench: Bench, tmp_path: Path) -> None:
    known = bench.reference.classes
    normal = list_folder(bench.images / "normal", known)
    assert {image.class_name for image in normal} == {"dots", "waves"}
    strangers = list_folder(bench.images / "checks", known)
    assert {image.class_name for image in strangers} == {None}
    named = list_folder(bench.images / "checks", known, "dots")
    assert {image.class_name for image in named} == {"dots"}


def test_a_damaged_image_is_left_out_and_named(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "broken.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\nno more")
    images = [Image("broken.png", file), *list_folder(bench.images / "normal", ["dots"])[:12]]
    found = monitor(
        bench.detector,
        bench.reference,
        images,
        MonitorConfig(permutations=99, false_alarm_rate=0.05),
        model="folder",
        model_sha256="0" * 64,
    )
    assert found.result.unreadable == ["broken.png"]
    assert found.result.images == 12


@pytest.mark.parametrize("version", [1, 2])
def test_a_model_of_an_older_format_is_refused_in_one_sentence(
    version: int,
    bench: Bench,
    tmp_path: Path,
    rlr: "Callable[..., Answer]",
    store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    folder = ARTIFACTS / f"format-{version}" / "model"
    with pytest.raises(NoReferenceError, match=r"carries no reference statistics"):
        require_reference(folder, str(folder))
    if version == 1:
        words = ("monitor", bench.images / "light", "--model", folder, "--config", "tiny")
        answer = rlr(*words, "-o", tmp_path / "out")
        assert answer.status == 2
        assert "train a model with this version of rlr" in answer.stderr
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("folder", "class_name", "sentence"),
    [
        ("nowhere", None, "is no folder"),
        (".", None, "holds no image"),
        (".", "screws", "does not know the class 'screws'"),
    ],
)
def test_a_folder_of_no_use_is_refused(
    tmp_path: Path, folder: str, class_name: str | None, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        list_folder(tmp_path / folder, ["dots"], class_name)


def test_the_frozen_reference_is_read_as_it_was_written() -> None:
    folder = ARTIFACTS / "format-3" / "model"
    reference = read_reference(folder)
    assert reference is not None
    assert reference.classes == ["rings", "stripes"]
    assert reference.to_bytes() == (folder / "reference.safetensors").read_bytes()
    held = reference.coordinates[reference.held_out]
    assert held.shape[0] < len(reference.class_of)
