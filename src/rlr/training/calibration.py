"""What brings scores to one scale, from the residuals of normal images after the training.

The images are gone through batch by batch: for the prototypes, for the residuals' deviations, for
the token scores that these give, and for the image scores that those give. The processes of a
team share the batches out and add their sums up, so all of them have the same tables.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from rlr.config import Config
from rlr.config.detection import CalibrationConfig
from rlr.detection.artifact import Networks
from rlr.detection.calibration import (
    Calibration,
    LevelTables,
    Prototypes,
    describe,
    find_prototypes,
)
from rlr.detection.calibration.moments import (
    Moments,
    Products,
    Shrinkage,
    channel_tables,
    covariance_tables,
    image_tables,
    score_tables,
)
from rlr.detection.canary import choose_spread
from rlr.detection.scoring import Scorer, score_terms
from rlr.detection.spec import NetworkSpec, ScoringSpec
from rlr.foundation.progress import track
from rlr.training.normal_scores import choose_of_sides
from rlr.training.seeding import derive_seed
from rlr.training.store import FeatureStore, ImageSet, fits
from rlr.training.team import Team

LABEL = "calibration"


@dataclass(frozen=True)
class Side:
    """Normal images, and networks that say how they reconstruct them.

    Attributes:
        networks: The networks, by the index of their level.
        images: The images.
        store: Their tokens, as the networks take them.
    """

    networks: Networks
    images: ImageSet
    store: FeatureStore


def fit_calibration(
    config: Config,
    scoring: ScoringSpec,
    network: NetworkSpec,
    training: Side,
    sides: Sequence[Side],
    team: Team,
    device: torch.device,
) -> Calibration | None:
    """Make the tables that the configuration asks for.

    Args:
        config: The configuration.
        scoring: How scores are made.
        network: The networks' description.
        training: The training images, whose descriptors make the prototypes.
        sides: The images whose residuals make all the rest.
        team: The processes that share the images out.
        device: Where to compute.

    Returns:
        The tables; None where none are asked for.
    """
    if scoring.calibration is None:
        return None
    return _Fit(config, scoring, network, team, device).run(training, sides)


class _Fit:
    """What one fit holds together."""

    def __init__(
        self,
        config: Config,
        scoring: ScoringSpec,
        network: NetworkSpec,
        team: Team,
        device: torch.device,
    ) -> None:
        assert scoring.calibration is not None
        self.config: CalibrationConfig = config.detection.calibration
        self.keep = config.features.cache != "off"
        self.batch_size, self.seed = config.features.batch_size, config.seed
        self.size = (config.features.preprocessing.height, config.features.preprocessing.width)
        self.scoring, self.network, self.spec = scoring, network, scoring.calibration
        self.team, self.device = team, device
        self.shrinkage = Shrinkage(self.config.shrinkage, self.config.ridge, self.config.smoothing)

    def run(self, training: Side, sides: Sequence[Side]) -> Calibration:
        fitted = Calibration(
            levels=tuple(LevelTables() for _ in self.network.levels),
            prototypes=self._prototypes(training),
            temperature=self.spec.temperature,
        )
        residuals = _Residuals(self, sides)
        if self.spec.whitening != "none":
            fitted = replace(fitted, levels=self._residual_tables(fitted, residuals))
        if self.spec.tokens != "none":
            fitted = replace(fitted, levels=self._score_tables(fitted, residuals))
        if self.spec.maps != "none":
            location, scale = self._image_tables(fitted, residuals)
            fitted = replace(fitted, image_location=location, image_scale=scale)
        return fitted

    def scorer(self, calibration: Calibration | None) -> Scorer:
        return Scorer(self.scoring, self.network.levels, self.size, calibration)

    def choose(self, images: ImageSet) -> list[int]:
        return choose_spread(images.classes, images.hashes, self.config.images)

    def _prototypes(self, training: Side) -> Prototypes | None:
        if self.spec.method != "prototype":
            return None
        places = self.choose(training.images)
        width = sum(level.channels for level in self.network.levels)
        found = torch.zeros(len(places), width, device=self.device)
        for start in self.team.share(range(0, len(places), self.batch_size)):
            rows = slice(start, start + self.batch_size)
            found[rows] = describe(training.store.tokens(places[rows]))
        return find_prototypes(
            self.team.total(found).cpu().numpy(),
            [training.images.classes[place] for place in places],
            self.config.prototypes,
            derive_seed(self.seed, "prototypes") % 2**32,
        ).to(self.device)

    def _residual_tables(
        self, fitted: Calibration, residuals: "_Residuals"
    ) -> tuple[LevelTables, ...]:
        """Take mean and spread of the residuals."""
        levels, squared = self.network.levels, self.spec.whitening == "covariance"
        by_place = self.spec.positions and not squared
        lengths = [level.grid[0] * level.grid[1] for level in levels]
        moments = [
            self._moments(fitted, (length if by_place else 1, level.channels))
            for length, level in zip(lengths, levels, strict=True)
        ]
        count = len(moments[0].counts)
        products = [Products(count, level.channels, self.device) for level in levels if squared]
        for _, tokens, outputs in residuals:
            weights = fitted.weigh(tokens)
            for place, (output, level) in enumerate(zip(outputs, tokens, strict=True)):
                moments[place].add(weights, output - level, by_place)
                if squared:
                    products[place].add(weights, output - level)
        self._total([*moments, *products])
        if not squared:
            return tuple(
                LevelTables(*channel_tables(sums, self.shrinkage, level.grid))
                for sums, level in zip(moments, levels, strict=True)
            )
        found = [
            covariance_tables(*sums, self.shrinkage)
            for sums in zip(moments, products, lengths, strict=True)
        ]
        return tuple(
            LevelTables(residual_mean=mean, residual_whitening=root) for mean, root in found
        )

    def _score_tables(
        self, fitted: Calibration, residuals: "_Residuals"
    ) -> tuple[LevelTables, ...]:
        """Take location and scale of both terms of the scores, given the residuals' tables."""
        levels, by_place = self.network.levels, self.spec.positions
        moments = [
            [
                self._moments(fitted, (level.grid[0] * level.grid[1] if by_place else 1,))
                for _ in ("squared", "cosine")
            ]
            for level in levels
        ]
        for _, tokens, outputs in residuals:
            weights = fitted.weigh(tokens)
            for place, (output, level) in enumerate(zip(outputs, tokens, strict=True)):
                terms = score_terms(output, level, fitted.levels[place], weights)
                for sums, values in zip(moments[place], terms, strict=True):
                    sums.add(weights, values, by_place)
        self._total([sums for pair in moments for sums in pair])
        ratio = self.spec.tokens == "ratio"
        found = []
        grids = [level.grid for level in levels]
        for tables, pair, grid in zip(fitted.levels, moments, grids, strict=True):
            squared, cosine = (score_tables(sums, self.shrinkage, grid, ratio) for sums in pair)
            found.append(replace(tables, **_named("squared", squared), **_named("cosine", cosine)))
        return tuple(found)

    def _image_tables(self, fitted: Calibration, residuals: "_Residuals") -> tuple[Tensor, Tensor]:
        """Take location and scale of the image scores, given all the rest."""
        scorer = self.scorer(fitted)
        said = torch.zeros(2, residuals.count, dtype=torch.float64, device=self.device)
        for rows, tokens, outputs in residuals:
            maps = scorer.smooth(scorer.maps_of(scorer.score_tokens(outputs, tokens), tokens))
            said[0, rows] = torch.from_numpy(scorer.image_scores(maps)).to(said)
            said[1, rows] = fitted.weigh(tokens).argmax(dim=1).to(said)
        scores, nearest = self.team.total(said).cpu().numpy()
        location, scale = image_tables(
            scores,
            nearest.astype(np.int64),
            len(fitted.prototypes.centres) if fitted.prototypes else 1,
            self.shrinkage,
            self.spec.maps == "ratio",
        )
        return location.to(self.device), scale.to(self.device)

    def _moments(self, fitted: Calibration, shape: tuple[int, ...]) -> Moments:
        count = len(fitted.prototypes.centres) if fitted.prototypes else 1
        return Moments(count, shape, self.device)

    def _total(self, summed: Sequence[Moments | Products]) -> None:
        """Add up over the team what each process has summed."""
        for sums in summed:
            sums.sums = self.team.total(sums.sums)
            if isinstance(sums, Moments):
                sums.counts = self.team.total(sums.counts)


class _Residuals:
    """This process's part of the chosen images, with reconstructions that are kept if they fit."""

    def __init__(self, fit: _Fit, sides: Sequence[Side]) -> None:
        self._fit = fit
        self._scorer = fit.scorer(None)
        chosen = choose_of_sides([side.images for side in sides], fit.config.images)
        self._batches: list[tuple[slice, Side, list[int]]] = []
        self.count = 0
        for side, places in zip(sides, chosen, strict=True):
            for start in range(0, len(places), fit.batch_size):
                part = places[start : start + fit.batch_size]
                rows = slice(self.count, self.count + len(part))
                self._batches.append((rows, side, part))
                self.count += len(part)
        self._kept: dict[int, list[Tensor]] = {}

    def __iter__(self) -> Iterator[tuple[slice, list[Tensor], list[Tensor]]]:
        """Yield the rows of a batch among all, its tokens and their reconstructions, (N, L, C)."""
        for rows, side, places in track(self._fit.team.share(self._batches), LABEL):
            tokens = side.store.tokens(places)
            outputs = self._kept.get(rows.start)
            if outputs is None:
                side.networks.eval()
                outputs = self._scorer.reconstruct(side.networks, tokens)
                if self._fit.keep and fits(outputs, self.count):
                    self._kept[rows.start] = outputs
            yield rows, tokens, outputs


def _named(term: str, tables: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    return {f"{term}_location": tables[0], f"{term}_scale": tables[1]}
