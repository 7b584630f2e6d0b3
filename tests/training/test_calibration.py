"""Calibration: classes come to one scale without their names, and tables to one result."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from rlr.config import Config, load_config
from rlr.detection.artifact import Networks
from rlr.detection.calibration import Calibration
from rlr.detection.scoring import Scorer
from rlr.detection.spec import NetworkSpec
from rlr.foundation.errors import UserError
from rlr.training.calibration import Side, fit_calibration
from rlr.training.describe import describe_network, describe_scoring
from rlr.training.normalisation import fit_normalisation
from rlr.training.store import ImageSet
from rlr.training.team import Team

GRIDS, CHANNELS, SIZE = [(8, 8), (4, 4)], [6, 10], (64, 64)
SCALES = {"fine": 0.1, "rough": 10.0}  # of the residuals: squared errors differ by 10,000
ALONE = Team(0, 1)
CPU = torch.device("cpu")


class Centre(nn.Module):
    """Reconstructs each image as the centre of its kind, which its first channel tells."""

    def forward(self, tokens: Tensor) -> Tensor:
        out = torch.zeros_like(tokens)
        out[..., 0] = 30.0 * tokens[..., :1].mean(dim=1).sign()
        out[..., 1] = 10.0
        return out


class Tokens:
    """A store of tokens that were made."""

    def __init__(self, levels: list[Tensor]) -> None:
        self.levels = levels

    def tokens(self, places: object) -> list[Tensor]:
        return [level[list(places)] for level in self.levels]


def draw(
    count: int, seed: int, defective: bool = False, hard: bool = False
) -> tuple[Tokens, list[str]]:
    """Draw images of both kinds; a defect is a patch whose residuals are larger.

    Where it is hard, half of each image and one of the channels have large ones in any case.
    """
    draws = torch.Generator().manual_seed(seed)
    names = [name for name in SCALES for _ in range(count)]
    levels = []
    for grid, channels in zip(GRIDS, CHANNELS, strict=True):
        noise = torch.randn(len(names), *grid, channels, generator=draws)
        if hard:
            noise[:, : grid[0] // 2] *= 2.0
            noise[..., 2] *= 5.0
        if defective:
            noise[:, -grid[0] // 4 :, -grid[1] // 4 :] *= 1.6
        noise = noise.flatten(1, 2) * torch.tensor([SCALES[name] for name in names])[:, None, None]
        signs = torch.tensor([1.0 if name == "fine" else -1.0 for name in names])
        noise[..., 0] += 30.0 * signs[:, None]
        noise[..., 1] += 10.0
        levels.append(noise)
    return Tokens(levels), names


def images(names: list[str]) -> ImageSet:
    hashes = [f"{place * 7919 % 100_003:064d}" for place in range(len(names))]
    return ImageSet([Path(name) for name in hashes], hashes, names, hashes)


def network_of(config: Config) -> NetworkSpec:
    return describe_network(config, list(zip(GRIDS, CHANNELS, strict=True)))


def settings(*overrides: str) -> Config:
    size = f"features.preprocessing={{height: {SIZE[0]}, width: {SIZE[1]}}}"
    levels = "model.levels=[{index: 1, width: 32, heads: 4}, {index: 2, width: 32, heads: 4}]"
    return load_config("tiny", [size, levels, *overrides])


def calibrate(
    config: Config, team: Team = ALONE, count: int = 30, hard: bool = False
) -> tuple[Scorer, Networks, Calibration | None]:
    store, names = draw(count, 0, hard=hard)
    network, scoring = network_of(config), describe_scoring(config)
    networks = nn.ModuleDict({"1": Centre(), "2": Centre()})
    side = Side(networks, images(names), store)
    fitted = fit_calibration(config, scoring, network, side, [side], team, CPU)
    return Scorer(scoring, network.levels, SIZE, fitted), networks, fitted


def areas(config: Config, hard: bool = False) -> tuple[float, float]:
    """Return the mean of the classes' image AUROCs on new images, and the pooled one."""
    scorer, networks, _ = calibrate(config, hard=hard)
    said, labels, classes = [], [], []
    for defective in (False, True):
        store, names = draw(40, 10 + defective, defective, hard)
        maps = scorer.raw_maps(networks, store.levels)
        said.append(scorer.image_scores(scorer.smooth(maps)))
        labels += [int(defective)] * len(names)
        classes += names
    scores, truth, kinds = np.concatenate(said), np.array(labels), np.array(classes)
    own = [roc_auc_score(truth[kinds == name], scores[kinds == name]) for name in SCALES]
    return float(np.mean(own)), float(roc_auc_score(truth, scores))


PROTOTYPE = "detection.calibration={method: prototype, positions: true, maps: deviation%s}"
VARIANTS = {
    "tokens": PROTOTYPE % "",
    "channel": PROTOTYPE % ", whitening: channel",
    "covariance": PROTOTYPE % ", whitening: covariance",
    "soft": PROTOTYPE % ", temperature: 0.5, prototypes: 2",
    "ratio": "detection.calibration={method: prototype, tokens: ratio, maps: ratio}",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_classes_come_to_one_scale_without_their_names(variant: str) -> None:
    before = areas(settings())
    assert before[1] < before[0] - 0.1, "nothing to do: the classes are on one scale already"
    own, pooled = areas(settings(VARIANTS[variant]))
    assert own >= before[0] - 0.04
    assert abs(own - pooled) < 0.02


def test_statistics_by_place_find_what_the_harder_half_hides() -> None:
    score = "detection.score={squared: 1.0, cosine: 0.0}"
    before, _ = areas(settings(score), hard=True)
    by_place, _ = areas(settings(score, VARIANTS["tokens"]), hard=True)
    whitened, _ = areas(settings(score, VARIANTS["channel"]), hard=True)
    assert before < 0.6
    assert by_place > before + 0.04
    assert whitened > by_place + 0.1


def test_whitened_residuals_have_the_identity_for_covariance() -> None:
    config = settings(
        "detection.calibration={method: prototype, whitening: covariance, ridge: 0.0}"
    )
    scorer, networks, fitted = calibrate(config)
    assert fitted is not None
    store, _ = draw(30, 0)
    weights = fitted.weigh(store.levels)
    for place, outputs in enumerate(scorer.reconstruct(networks, store.levels)):
        white = fitted.levels[place].whiten(outputs - store.levels[place], weights)
        for part in (white[:30], white[30:]):  # either class by itself
            found = torch.cov(part.flatten(0, 1).T, correction=0)
            assert (found - torch.eye(len(found))).abs().max() < 1e-3


class Together(Team):
    """A process of several, as a thread."""

    meeting: threading.Barrier
    sums: list[Tensor]

    def total(self, values: Tensor) -> Tensor:
        self.sums.append(values)
        self.meeting.wait()
        total = torch.stack(list(self.sums)).sum(dim=0)
        self.meeting.wait()
        if self.leads:
            self.sums.clear()
        self.meeting.wait()
        return total


def in_a_team(size: int, work: Callable[[Team], object]) -> list[object]:
    """Run the same work in as many threads as the team has processes; return what each has."""
    meeting, sums = threading.Barrier(size, timeout=60), []
    found: list[object] = [None] * size

    def run(rank: int) -> None:
        member = Together(rank, size)
        object.__setattr__(member, "meeting", meeting)
        object.__setattr__(member, "sums", sums)
        found[rank] = work(member)

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("kind", ["covariance", "channel"])
def test_tables_are_the_same_for_any_number_of_processes_and_batch_size(kind: str) -> None:
    _, _, alone = calibrate(settings(VARIANTS[kind]))
    assert alone is not None
    batched = settings(VARIANTS[kind], "features.batch_size=7", "features.cache=off")
    together = in_a_team(3, lambda team: calibrate(batched, team)[2])
    for fitted in together:
        assert isinstance(fitted, Calibration)
        assert fitted.tensors().keys() == alone.tensors().keys()
        for name, table in fitted.tensors().items():
            torch.testing.assert_close(table, alone.tensors()[name], rtol=1e-5, atol=1e-6)
    first, *rest = (fitted.tensors() for fitted in together if isinstance(fitted, Calibration))
    assert all(torch.equal(other[name], first[name]) for other in rest for name in first)


def test_channel_statistics_are_the_same_for_any_number_of_processes() -> None:
    store, names = draw(5, 3)
    fits = [
        in_a_team(
            size,
            lambda team, b=batch: fit_normalisation(store, len(names), CHANNELS, b, team, CPU),
        )
        for size, batch in ((1, 10), (3, 2))
    ]
    for found in fits[1]:
        torch.testing.assert_close(found.means, fits[0][0].means, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(found.scales, fits[0][0].scales, rtol=1e-6, atol=1e-6)


def test_a_class_of_one_image_has_finite_tables() -> None:
    config = settings(VARIANTS["covariance"])
    _, _, fitted = calibrate(config, count=1)
    assert fitted is not None
    for name, table in fitted.tensors().items():
        assert bool(torch.isfinite(table).all()), name
        assert not name.endswith("scale") or bool((table > 0).all()), name


def test_level_weights_must_fit_the_levels() -> None:
    with pytest.raises(UserError, match=r"has 3 weights and model\.levels 2 levels"):
        describe_scoring(settings("detection.level_weights=[1.0, 1.0, 1.0]"))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("detection.level_weights=[0.0, 0.0]", "level_weights are all 0"),
        ("detection.score={squared: 0.0, cosine: 0.0}", "both 0"),
        (
            "detection={fusion: geometric, calibration: {method: position}}",
            "needs positive scores",
        ),
        ("detection.top_share=0.0", "top_share"),
        ("detection.calibration.method=class", "calibration.method"),
    ],
)
def test_settings_that_say_nothing_are_refused(override: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        settings(override)
