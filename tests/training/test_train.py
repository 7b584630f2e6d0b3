"""Training: what it writes, that it repeats and resumes bit for bit, alone and in a team."""

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rlr.config import load_config
from rlr.data.manifest import UNREADABLE, Manifest, write_manifest
from rlr.detection.detector import Detector
from rlr.foundation.errors import UserError
from rlr.training.train import train

SCRIPT = Path(__file__).with_name("run_training.py")


@pytest.fixture(scope="module")
def manifest_file(small_manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("manifest") / "manifest.parquet"
    write_manifest(small_manifest, file)
    return file


def command(manifest: Manifest, file: Path, output: Path, *overrides: str) -> list[str]:
    return [str(word) for word in (SCRIPT, file, manifest.root, output, *overrides)]


def run(manifest: Manifest, file: Path, output: Path, *overrides: str) -> None:
    words = [sys.executable, *command(manifest, file, output, *overrides)]
    subprocess.run(words, check=True, capture_output=True, timeout=240)


def weights(output: Path) -> str:
    return hashlib.sha256((output / "model" / "network.safetensors").read_bytes()).hexdigest()


def losses(output: Path) -> list[float]:
    return [record["loss"] for record in json.loads((output / "history.json").read_text())]


def scores(output: Path, manifest: Manifest) -> np.ndarray:
    detector = Detector.load(output / "model", device="cpu")
    rows = manifest.select("test")
    return np.array([p.image_score for _, p in detector.predict_rows(manifest, rows)])


@pytest.fixture(scope="module")
def once(
    small_manifest: Manifest, manifest_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Two epochs in a fresh process, batches of 7: uneven at the end."""
    output = tmp_path_factory.mktemp("once") / "out"
    run(small_manifest, manifest_file, output, "training.batch_size=7")
    return output


def test_output_folder(trained: Path, small_manifest: Manifest) -> None:
    names = {path.name for path in trained.iterdir()}
    assert names == {"model", "history.json", "config.yaml", "result.json"}
    result = json.loads((trained / "result.json").read_text())
    assert result["kind"] == "train"
    assert result["data_version"] == small_manifest.version
    assert result["images"]["validation"] == len(small_manifest.select("validation"))
    assert load_config(str(trained / "config.yaml")) == load_config("tiny")
    assert len(losses(trained)) == 2
    assert losses(trained)[1] < losses(trained)[0]


def test_two_fresh_processes_write_the_same_bytes(
    once: Path, small_manifest: Manifest, manifest_file: Path, tmp_path: Path
) -> None:
    run(small_manifest, manifest_file, tmp_path / "again", "training.batch_size=7")
    assert weights(tmp_path / "again") == weights(once)
    one, other = ((p / "model" / "detector.json").read_bytes() for p in (once, tmp_path / "again"))
    # The batch size is the only difference that these two configurations could have.
    assert one == other


@pytest.mark.parametrize(
    "override", ["seed=1", "training.jitter.strength=0.0", "training.batch_size=8"]
)
def test_what_matters_changes_the_weights(
    once: Path, small_manifest: Manifest, tmp_path: Path, override: str
) -> None:
    config = load_config("tiny", ["training.threads=1", "training.batch_size=7", override])
    train(config, small_manifest, tmp_path / "out")
    assert weights(tmp_path / "out") != weights(once)


def test_killed_at_a_random_step_it_goes_on_bit_for_bit(
    small_manifest: Manifest, manifest_file: Path, tmp_path: Path
) -> None:
    overrides = ("training.epochs=6", "training.batch_size=2")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(small_manifest, manifest_file, whole, *overrides)
    words = [sys.executable, *command(small_manifest, manifest_file, killed, *overrides)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    stop_after = random.SystemRandom().randint(1, 4)
    for line in process.stdout:
        if line.split() == ["epoch", str(stop_after)]:
            time.sleep(random.SystemRandom().uniform(0.0, 0.2))
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "result.json").exists()
    assert list((killed / "checkpoint" / "main").glob("epoch-*")), "nothing to go on from"
    run(small_manifest, manifest_file, killed, *overrides)
    assert weights(killed) == weights(whole), f"killed after epoch {stop_after}"
    assert losses(killed) == losses(whole)
    assert not (killed / "checkpoint").exists()


def test_checkpoint_of_another_training_is_refused(
    small_manifest: Manifest, tmp_path: Path
) -> None:
    class StoppedError(Exception):
        pass

    def interrupt(record: object) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        train(load_config("tiny"), small_manifest, tmp_path, interrupt)
    with pytest.raises(UserError, match="another configuration"):
        train(load_config("tiny", ["seed=3"]), small_manifest, tmp_path)


@pytest.mark.parametrize("torn", [None, b"half of a file"])
def test_torn_checkpoint_is_named(
    small_manifest: Manifest, tmp_path: Path, torn: bytes | None
) -> None:
    config = load_config("tiny", ["training.epochs=2", "training.checkpoint_epochs=1"])

    def stop(record: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, small_manifest, tmp_path, on_epoch=stop)
    (file,) = tmp_path.glob("checkpoint/main/epoch-*/network.safetensors")
    file.unlink() if torn is None else file.write_bytes(torn)
    with pytest.raises(UserError, match=rf"{file.name} cannot be read .* remove .*{file.parent}"):
        train(config, small_manifest, tmp_path)


def test_exchanged_weights_are_another_training(small_manifest: Manifest, tmp_path: Path) -> None:
    """The path of a file does not say what is in it, and what is in it does not depend on where."""
    import timm
    import torch
    from safetensors.torch import save_file

    class StoppedError(Exception):
        pass

    def interrupt(record: object) -> None:
        raise StoppedError

    def weights_of(seed: int, file: Path) -> Path:
        torch.manual_seed(seed)
        save_file(timm.create_model("test_resnet").state_dict(), file)
        return file

    def start(file: Path, on_epoch: object = None) -> None:
        config = load_config("tiny", [f"features.backbone={{name: test_resnet, weights: {file}}}"])
        train(config, small_manifest, tmp_path / "out", on_epoch)

    file = weights_of(1, tmp_path / "weights.safetensors")
    with pytest.raises(StoppedError):
        start(file, interrupt)
    weights_of(2, file)
    with pytest.raises(UserError, match="another configuration"):
        start(file)
    start(weights_of(1, tmp_path / "moved.safetensors"))
    spec = json.loads((tmp_path / "out" / "model" / "detector.json").read_text())
    used = hashlib.sha256((tmp_path / "moved.safetensors").read_bytes()).hexdigest()
    assert spec["backbone"]["weights_sha256"] == used
    assert spec["backbone"]["weights_origin"] == "file"


def test_two_processes_equal_one(
    once: Path, small_manifest: Manifest, manifest_file: Path, tmp_path: Path
) -> None:
    """Gloo, jitter on, an uneven last batch: the same global batches, the same result."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    words = command(small_manifest, manifest_file, tmp_path / "two", "training.batch_size=7")
    subprocess.run([*launch, *words], check=True, capture_output=True, timeout=240)
    two = tmp_path / "two"
    np.testing.assert_allclose(losses(two), losses(once), rtol=1e-4)
    one_scores, two_scores = scores(once, small_manifest), scores(two, small_manifest)
    assert np.abs(one_scores - two_scores).max() < 1e-3 * np.ptp(one_scores)


def test_features_may_be_computed_at_every_use(
    once: Path, small_manifest: Manifest, tmp_path: Path
) -> None:
    overrides = ["training.threads=1", "training.batch_size=7", "features.cache=off"]
    train(load_config("tiny", overrides), small_manifest, tmp_path / "out")
    np.testing.assert_allclose(losses(tmp_path / "out"), losses(once), rtol=1e-5)


def test_cross_fit_scores_training_images_by_networks_that_have_not_seen_them(
    small_manifest: Manifest, tmp_path: Path
) -> None:
    overrides = [
        "threshold.method=cross_fit",
        "threshold.folds=2",
        "threshold.false_positive_rate=0.1",
    ]
    result = train(load_config("tiny", overrides), small_manifest, tmp_path)
    by_class = small_manifest.select("train").groupby("class").size()
    for name, threshold in result["thresholds"]["per_class"].items():
        assert threshold["method"] == "cross_fit"
        assert threshold["n"] == by_class[name]


def test_stopping_ends_early_on_the_validation_loss(
    small_manifest: Manifest, tmp_path: Path
) -> None:
    overrides = [
        "training.epochs=50",
        "training.stopping={enabled: true, patience: 2, min_improvement: 0.5}",
    ]
    result = train(load_config("tiny", overrides), small_manifest, tmp_path)
    assert 2 < result["epochs"] < 10


def test_loss_that_is_not_finite_stops(small_manifest: Manifest, tmp_path: Path) -> None:
    overrides = ["training.optimizer.learning_rate=1.0e+30", "training.epochs=5"]
    with pytest.raises(UserError, match=r"loss of level 1 is .* in epoch 1; lower .*learning_rate"):
        train(load_config("tiny", overrides), small_manifest, tmp_path)
    assert not (tmp_path / "result.json").exists()


def test_window_that_does_not_fit_is_refused(small_manifest: Manifest, tmp_path: Path) -> None:
    overrides = ["features.preprocessing.height=8", "features.preprocessing.width=8"]
    with pytest.raises(UserError, match=r"model.levels: window 3x3 covers the whole 2x2 grid"):
        train(load_config("tiny", overrides), small_manifest, tmp_path)


def test_non_square_input(small_manifest: Manifest, tmp_path: Path) -> None:
    overrides = ["features.preprocessing.width=96", "training.epochs=1"]
    train(load_config("tiny", overrides), small_manifest, tmp_path)
    detector = Detector.load(tmp_path / "model", device="cpu")
    assert [level.grid for level in detector.spec.network.levels] == [(16, 24), (8, 12)]
    assert [level.window for level in detector.spec.network.levels] == [(5, 7), (5, 5)]


def test_test_images_choose_nothing(small_manifest: Manifest, tmp_path: Path) -> None:
    """Without its test images the same data train the same detector."""
    frame = small_manifest.frame[small_manifest.frame["split"] != "test"]
    without = Manifest(frame.reset_index(drop=True), small_manifest.root, small_manifest.version)
    outputs = []
    for name, manifest in (("with", small_manifest), ("without", without)):
        result = train(load_config("tiny"), manifest, tmp_path / name)
        outputs.append((result["network_sha256"], result["thresholds"]))
    assert outputs[0] == outputs[1]


def test_nothing_to_train_on(small_manifest: Manifest, tmp_path: Path) -> None:
    frame = small_manifest.frame
    empty = Manifest(frame[frame["split"] == "test"], small_manifest.root, small_manifest.version)
    with pytest.raises(UserError, match="no normal training image"):
        train(load_config("tiny"), empty, tmp_path)
    no_validation = Manifest(
        frame[frame["split"] != "validation"], small_manifest.root, small_manifest.version
    )
    with pytest.raises(UserError, match=r"No validation images.*validation_fraction"):
        train(load_config("tiny"), no_validation, tmp_path)


def test_unreadable_image_stops_unless_it_may_be_left_out(
    small_manifest: Manifest, tmp_path: Path
) -> None:
    frame = small_manifest.frame.copy()
    row = frame.index[frame["split"] == "train"][0]
    frame.loc[row, ["mode", "width", "height"]] = [UNREADABLE, 0, 0]
    broken = Manifest(frame, small_manifest.root, small_manifest.version)
    with pytest.raises(UserError, match=r"\.png is not a readable image \(1 in all\)"):
        train(load_config("tiny"), broken, tmp_path)
    lenient = load_config("tiny", ["validation.severity.readable=warning"])
    result = train(lenient, broken, tmp_path)
    assert result["images"]["train"] == len(small_manifest.select("train")) - 1


def test_full_disk_leaves_nothing_that_looks_finished(
    small_manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from rlr.detection import artifact
    from rlr.foundation.errors import MachineError

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(artifact, "save", full)
    with pytest.raises(MachineError, match="disk is full"):
        train(load_config("tiny"), small_manifest, tmp_path)
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "result.json").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".model")]


def test_stale_result_is_gone_while_training_runs(
    trained: Path, small_manifest: Manifest, tmp_path: Path
) -> None:
    output = Path(shutil.copytree(trained, tmp_path / "out"))
    seen = []
    train(
        load_config("tiny"),
        small_manifest,
        output,
        lambda record: seen.append((output / "result.json").exists()),
    )
    assert seen == [False, False]


def test_bf16_learns_as_fp32_does(trained: Path, small_manifest: Manifest, tmp_path: Path) -> None:
    config = load_config("tiny", ["training.precision=bf16"])
    train(config, small_manifest, tmp_path)
    np.testing.assert_allclose(losses(tmp_path), losses(trained), rtol=0.05)


def test_features_larger_than_memory_are_refused(
    small_manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlr.training import store

    monkeypatch.setattr(store, "free_memory", lambda _device: 1000)
    with pytest.raises(
        UserError, match=r"more than the 0.0 GiB of free memory; set features.cache"
    ):
        train(load_config("tiny"), small_manifest, tmp_path)


def test_a_paused_training_leaves_a_detector_and_goes_on_bit_for_bit(
    trained: Path, small_manifest: Manifest, tmp_path: Path
) -> None:
    paused = train(load_config("tiny"), small_manifest, tmp_path, until=1)
    assert (paused["epochs"], len(losses(tmp_path))) == (1, 1)
    assert (tmp_path / "checkpoint" / "main" / "epoch-0001").is_dir()
    assert weights(tmp_path) != weights(trained)
    assert scores(tmp_path, small_manifest).shape == (len(small_manifest.select("test")),)
    done = train(load_config("tiny"), small_manifest, tmp_path)
    assert losses(tmp_path) == losses(trained)
    assert weights(tmp_path) == weights(trained)
    assert not (tmp_path / "checkpoint").exists()
    assert done["cpu_seconds"]["training"] > paused["cpu_seconds"]["training"] > 0
    assert done["cpu_seconds"]["features"] > 0
