"""Candidates of further seeds: trained, found again, and heard by the gate."""

import json
from pathlib import Path
from typing import Any

import pytest

from rlr.data.manifest import Manifest
from rlr.detection.artifact import read_spec
from rlr.foundation.errors import UserError
from rlr.orchestration import steps
from rlr.orchestration.seeds import seed_folder
from rlr.training import train as training

SEEDS = 3


@pytest.fixture
def overrides(small_manifest: Manifest, store: str) -> list[str]:
    return [
        f"data.root={small_manifest.root}",
        "data.validation_fraction=0.3",
        f"registry.tracking_uri={store}",
        "registry.floors.image_auroc=0.0",
        "gate.false_positive_rate=1.0",
        "gate.draws=200",
        "gate.timed_batches=1",
        "training.epochs=1",
        f"gate.seeds={SEEDS}",
    ]


def test_a_killed_step_goes_on_and_the_gate_hears_all_candidates(
    overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "train"
    really = training.train
    trained: list[int] = []

    def counted(config: Any, *words: Any, **more: Any) -> Any:
        trained.append(config.seed)
        if trained == [6, 7]:
            raise KeyboardInterrupt
        return really(config, *words, **more)

    monkeypatch.setattr(training, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        steps.train("tiny", overrides, output, seed=5)
    assert not (output / "result.json").exists()
    done = steps.train("tiny", overrides, output, seed=5)
    assert trained == [6, 7, 7, 5]  # what was complete is not trained again

    result = json.loads((output / "result.json").read_text())
    assert (result["seed"], result["further_seeds"]) == (5, [6, 7])
    assert done.model == output / "model"
    folders = [output, *(seed_folder(output, number) for number in (2, 3))]
    specs = [read_spec(folder / "model") for folder in folders]
    assert [spec.origin.seed for spec in specs] == [5, 6, 7]
    assert len({spec.weights.network for spec in specs}) == SEEDS

    judged = steps.gate("tiny", overrides, output, tmp_path / "gate", seed=5)
    assert judged.outcome == "promote"
    facts = json.loads((tmp_path / "gate" / "gate.json").read_text())["facts"]
    assert (facts["further_seeds"], facts["trainings"]) == (2, SEEDS)

    with pytest.raises(UserError, match=r"gate\.seeds is 4, but .* does not hold as many"):
        steps.gate("tiny", [*overrides, "gate.seeds=4"], output, tmp_path / "other", seed=5)


def test_several_processes_train_one_candidate(
    overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"gate\.seeds=3: a training on several processes"):
        steps.train("tiny", overrides, tmp_path / "train")
    assert not (tmp_path / "train").exists()
