"""The training of the package's own backbone: tiny, but the very code."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rlr.foundation.errors import UserError

TINY = {
    "seed": 3, "classes": 21, "canvases": 1, "canvas": 64, "side": 32, "batch": 4, "epochs": 3,
    "steps": 2, "bfloat16": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def lessons(repository: Path) -> Iterator[ModuleType]:
    """Return the training as a module."""
    folder = str(repository / "tools" / "backbone")
    sys.path.insert(0, folder)
    try:
        import lessons as module

        yield module
    finally:
        sys.path.remove(folder)


@pytest.fixture(scope="module")
def tiny(lessons: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a tiny recipe."""
    from recipe import DEFAULT

    path = tmp_path_factory.mktemp("recipe") / "tiny.json"
    path.write_text(json.dumps(json.loads(DEFAULT.read_text()) | TINY))
    return path


def test_interrupted_and_resumed_is_as_never_interrupted(
    lessons: ModuleType, tiny: Path, tmp_path: Path
) -> None:
    from export import export
    from recipe import read_recipe

    recipe = read_recipe(tiny)
    whole = lessons.Lessons(recipe, tmp_path / "whole")
    for number in whole.left:
        whole.epoch(number)
    first = lessons.Lessons(recipe, tmp_path / "parts")
    first.epoch(0)
    torch.manual_seed(99)  # what the process has drawn meanwhile must not matter
    (tmp_path / "parts" / ".epoch-0002.half").mkdir()  # what a kill leaves of a checkpoint
    second = lessons.Lessons(recipe, tmp_path / "parts")
    assert list(second.left) == [1, 2]
    for number in second.left:
        second.epoch(number)
    for name in ("learner", "mean", "optimizer"):
        one, other = (
            load_file(tmp_path / run / "epoch-0003" / f"{name}.safetensors")
            for run in ("whole", "parts")
        )
        assert one.keys() == other.keys()
        assert all(torch.equal(value, other[key]) for key, value in one.items()), name
    export(whole, tmp_path / "one.safetensors")
    export(second, tmp_path / "two.safetensors")
    one, two = load_file(tmp_path / "one.safetensors"), load_file(tmp_path / "two.safetensors")
    assert all(torch.equal(value, two[key]) for key, value in one.items())
    before = lessons.Lessons(recipe, tmp_path / "new").learner.state_dict()[
        "backbone.stem.0.weight"
    ]
    assert not torch.equal(before, second.learner.state_dict()["backbone.stem.0.weight"])


def test_another_recipe_does_not_go_on_from_the_checkpoints(
    lessons: ModuleType, tiny: Path, tmp_path: Path
) -> None:
    from recipe import read_recipe

    recipe = read_recipe(tiny)
    lessons.Lessons(recipe, tmp_path).epoch(0)
    with pytest.raises(UserError, match="another recipe"):
        lessons.Lessons(recipe.model_copy(update={"seed": 4}), tmp_path)


def test_pictures_are_the_same_every_time_and_differ_from_class_to_class(
    lessons: ModuleType,
) -> None:
    from procedural.canvas import FAMILIES, material, paint

    seen = []
    for number in range(len(FAMILIES)):
        pictures = [
            paint(material(5, number), np.random.default_rng(seed), 48) for seed in (1, 1, 2)
        ]
        assert pictures[0].shape == (48, 48, 3)
        assert np.array_equal(pictures[0], pictures[1])
        assert not np.array_equal(pictures[0], pictures[2])
        seen.append(pictures[0].tobytes())
    assert len(set(seen)) == len(FAMILIES)


def test_scenes_know_where_their_materials_and_flaws_are(lessons: ModuleType) -> None:
    from procedural.scenes import compose

    pool = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    pool[1] = 255
    scenes = compose(
        pool, torch.tensor([7, 9]), 64, 32, torch.Generator().manual_seed(0), light=1.0
    )
    assert scenes.images.shape == (64, 3, 32, 32)
    assert 0 <= scenes.images.min() <= scenes.images.max() <= 1
    sound = scenes.flaw < 0.02
    bright = scenes.clean.mean(1)
    assert bright[sound & (scenes.owner == 9)].mean() > 0.9
    assert bright[sound & (scenes.owner == 7)].mean() < 0.1
    assert 0.3 < (scenes.flaw.amax((1, 2)) > 0.5).float().mean() < 0.9


@pytest.fixture
def patches() -> torch.Tensor:
    """Return canvases (8, 3, 64, 64), uint8, of patches that each have a colour."""
    colours = torch.randint(0, 256, (8, 3, 8, 8), generator=torch.Generator().manual_seed(1))
    return colours.repeat_interleave(8, 2).repeat_interleave(8, 3).to(torch.uint8)


def test_twins_are_the_same_scenes_without_their_flaws(
    lessons: ModuleType, patches: torch.Tensor
) -> None:
    from procedural.scenes import compose

    rng = torch.Generator().manual_seed(0)
    scenes = compose(patches, torch.arange(8), 64, 32, rng, light=0.0)
    apart = (scenes.images - scenes.twins).abs().mean(1)
    assert apart[scenes.flaw > 0.5].mean() > 1.5 * apart[scenes.flaw < 0.02].mean()


def test_each_question_tells_right_answers_from_wrong_ones(
    lessons: ModuleType, patches: torch.Tensor
) -> None:
    from learner import Answers
    from procedural.facts import state_facts
    from procedural.scenes import compose
    from questions import QUESTIONS

    scenes = compose(patches, torch.arange(8), 4, 32, torch.Generator().manual_seed(4), light=1.0)
    (facts,) = state_facts(scenes, [8])
    places = torch.eye(4 * 4 * 4).reshape(4, 4, 4, 64).movedim(-1, 1)  # each its own direction
    changed = (facts.flaw > 0.2)[:, None]
    assert changed.any()
    assert not changed.all()
    known = facts.material.clamp(min=0)
    right = Answers(
        material=torch.nn.functional.one_hot(known, 8).movedim(-1, 1) * 20.0,
        flaw=torch.logit(facts.flaw, eps=1e-6),
        local=facts.local,
        picture=facts.picture,
        tone=facts.tone,
        place=places,
        twin=torch.where(changed, -places, places),
        likeness=torch.tensor([10.0, -5.0]),
    )
    wrong = right._replace(
        material=right.material.roll(1, 1),
        flaw=-right.flaw,
        local=facts.local.roll(1, 0),
        picture=facts.picture.roll(1, 0),
        tone=facts.tone.roll(1, 0),
        place=places.roll(1, -1),
    )
    for name, asked in QUESTIONS.items():
        assert asked(right, facts) < 0.5 * asked(wrong, facts), name


def test_a_wrong_recipe_is_refused_in_one_sentence(
    lessons: ModuleType,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from train import main

    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(json.loads(tiny.read_text()) | {"side": 40}))
    words = ["train.py", "--recipe", str(wrong), "--work", str(tmp_path / "work")]
    monkeypatch.setattr(sys, "argv", words)
    assert main() == 2
    assert "side: Input should be a multiple of 16" in caplog.text
    assert not (tmp_path / "work").exists()
