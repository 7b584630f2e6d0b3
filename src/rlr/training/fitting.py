"""One training of networks, from fresh weights or its last checkpoint to the last epoch."""

from dataclasses import dataclass
from pathlib import Path

import torch

from rlr.config import Config
from rlr.detection.artifact import Networks, build_networks
from rlr.detection.spec import NetworkSpec
from rlr.foundation.errors import UserError
from rlr.training.checkpoint import Checkpoints, EpochRecord
from rlr.training.describe import fingerprint
from rlr.training.seeding import derive_seed
from rlr.training.store import FeatureStore, ImageSet
from rlr.training.team import Team
from rlr.training.trainer import HeldOut, OnEpoch, Trainer


@dataclass(frozen=True)
class Fitting:
    """What the trainings of a run have in common: the one of all images, and those of the folds.

    Attributes:
        config: The configuration.
        network: What the networks look like.
        backbone_digest: Digest of the backbone's weights.
        checkpoints: Folder of the checkpoints.
        team: The processes that train together.
        device: Where the networks are.
        until: Epoch to pause after; None: the last one.
    """

    config: Config
    network: NetworkSpec
    backbone_digest: str
    checkpoints: Path
    team: Team
    device: torch.device
    until: int | None

    def fit(
        self,
        name: str,
        address: tuple[str | int, ...],
        images: ImageSet,
        store: FeatureStore,
        *,
        held_out: HeldOut | None = None,
        label: str = "training",
        on_epoch: OnEpoch | None = None,
    ) -> tuple[Networks, list[EpochRecord]]:
        """Train.

        Args:
            name: Name of the training's checkpoints.
            address: What the first weights are drawn from, beside the seed.
            images: The training images.
            store: Their features.
            held_out: Number and features of the validation images.
            label: What is shown of this training.
            on_epoch: Called after each epoch by the leading process.

        Returns:
            The networks, and one record an epoch.

        Raises:
            UserError: The levels do not fit the grids, the loss is not finite, or a checkpoint is
                of another training.
        """
        networks = self._fresh(*address)
        digest = fingerprint(self.config, images.hashes, self.backbone_digest)
        history = Trainer(networks, self.config, self.team, self.device).fit(
            images,
            store,
            held_out=held_out,
            checkpoints=Checkpoints(self.checkpoints / name, digest),
            label=label,
            on_epoch=on_epoch,
            until=self.until,
        )
        return networks, history

    def _fresh(self, *address: str | int) -> Networks:
        """Networks with fresh weights, the same in all processes."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.config.seed, *address))
            try:
                networks = build_networks(self.network)
            except ValueError as error:
                raise UserError(f"model.levels: {error}.") from error
        return networks.to(self.device)
