"""The work that is timed: the published sizes, with random weights and random images."""

from collections.abc import Sequence

import torch
from baseline import (
    PUBLISHED,
    BaselineBackbone,
    BaselineNetwork,
    Habits,
    anomaly_maps,
    build_optimizer,
    reconstruction_loss,
)
from torch import Tensor, nn

from rlr.config import load_config
from rlr.detection.scoring import anomaly_map, image_scores, smooth
from rlr.features import FeatureExtractor
from rlr.features.backbone import Backbone
from rlr.model import LevelNetwork, LevelSizes, published_window, token_score
from rlr.model import reconstruction_loss as our_loss
from rlr.training.optimizer import build_optimizer as our_optimizer

BACKBONE = "tf_efficientnet_b6"
LEVELS = (2, 3)
SIDE = 256  # pixels
BATCH = 4
SIZES = [
    LevelSizes((32, 32), 72, 256, 4, 8, published_window((32, 32)), local="tiled"),
    LevelSizes((16, 16), 200, 512, 4, 8, published_window((16, 16)), local="tiled"),
]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def our_networks() -> list[LevelNetwork]:
    """Return the networks of both levels, always with the same weights."""
    torch.manual_seed(0)
    return [LevelNetwork(sizes) for sizes in SIZES]


def baseline_networks(
    habits: Habits = PUBLISHED, like: Sequence[LevelNetwork] | None = None
) -> list[BaselineNetwork]:
    """Return the baseline's, with sizes and weights of the given ones; None: of `our_networks`."""
    given = our_networks() if like is None else like
    networks = [BaselineNetwork(ours.sizes, habits) for ours in given]
    for network, ours in zip(networks, given, strict=True):
        network.load_state_dict(ours.state_dict())
    return networks


def random_tokens(batch: int) -> list[Tensor]:
    """Return tokens (N, L, C) of both levels."""
    draws = torch.Generator().manual_seed(1)
    return [torch.randn(batch, s.tokens, s.channels, generator=draws) for s in SIZES]


def random_images(batch: int) -> Tensor:
    """Return images (N, H, W, 3), uint8."""
    draws = torch.Generator().manual_seed(2)
    return torch.randint(0, 256, (batch, SIDE, SIDE, 3), dtype=torch.uint8, generator=draws)


def normalised(images: Tensor) -> Tensor:
    """Return images as the baseline's backbone takes them: (N, 3, H, W)."""
    pixels = images.permute(0, 3, 1, 2).contiguous() / 255.0
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


class BaselineStep:
    """One step of the baseline's training on tokens.

    Args:
        habits: How it is computed.
        half: Under bf16 autocast.
        batch: Images a step.
        like: Networks whose sizes and weights it begins with; None: `our_networks`.
    """

    def __init__(
        self,
        habits: Habits = PUBLISHED,
        half: bool = False,
        batch: int = BATCH,
        like: Sequence[LevelNetwork] | None = None,
    ) -> None:
        self.networks = nn.ModuleList(baseline_networks(habits, like))
        self.optimizer = build_optimizer(self.networks, habits)
        self.tokens, self.half = random_tokens(batch), half

    def __call__(self) -> list[float]:
        """Take it; return the loss of each level."""
        self.optimizer.zero_grad()
        losses = []
        for network, tokens in zip(self.networks, self.tokens, strict=True):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
                output = network(tokens)
            losses.append(reconstruction_loss(output.float(), tokens))
        torch.stack(losses).sum().backward()
        self.optimizer.step()
        return [loss.item() for loss in losses]


class OurStep:
    """One step of this project's training on tokens, as `rlr.training.trainer` takes it.

    Args:
        half: Under bf16 autocast.
        batch: Images a step.
        part: Images that are computed at a time (`training.micro_batch`); None: all.
    """

    def __init__(self, half: bool = False, batch: int = BATCH, part: int | None = None) -> None:
        self.networks = nn.ModuleList(our_networks())
        self.optimizer = our_optimizer(self.networks, load_config("published").training.optimizer)
        self.tokens, self.half, self.part = random_tokens(batch), half, part or batch

    def __call__(self) -> list[float]:
        """Take it; return the loss of each level."""
        self.networks.zero_grad(set_to_none=True)
        losses = [0.0 for _ in self.networks]
        for level, (network, tokens) in enumerate(zip(self.networks, self.tokens, strict=True)):
            for part in tokens.split(self.part):
                with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
                    output = network(part)
                loss = our_loss(output.float(), part) * (len(part) / len(tokens))
                loss.backward()
                losses[level] += loss.item()
        self.optimizer.step()
        return losses


def baseline_backbone(habits: Habits = PUBLISHED) -> BaselineBackbone:
    """Return the baseline's backbone, always with the same weights."""
    torch.manual_seed(3)
    return BaselineBackbone(BACKBONE, LEVELS, habits)


def our_extractor() -> FeatureExtractor:
    """Return this project's extractor, with the weights of the baseline's backbone."""
    backbone = Backbone(BACKBONE, LEVELS, {}, size=(SIDE, SIDE))
    backbone.network.load_state_dict(baseline_backbone().network.state_dict())
    return FeatureExtractor(backbone, MEAN, STD, pooling=3)


class BaselineInference:
    """From one image to its smoothed map and its score, as the baseline does it."""

    def __init__(self) -> None:
        self.backbone = baseline_backbone()
        self.networks = [network.eval() for network in baseline_networks()]
        self.image = random_images(1)

    @torch.no_grad()
    def __call__(self) -> float:
        """Return the image score."""
        targets = self.backbone(normalised(self.image))
        outputs = [net(level) for net, level in zip(self.networks, targets, strict=True)]
        maps = anomaly_maps(outputs, targets, [sizes.grid for sizes in SIZES], SIDE)
        return float(maps.max())


class OurInference:
    """The same, as `rlr.detection.detector` does it.

    Args:
        compiled: Whether backbone and networks go through `torch.compile`.
    """

    def __init__(self, compiled: bool = False) -> None:
        self.extractor = our_extractor()
        self.networks: list[nn.Module] = [
            network.eval().requires_grad_(False) for network in our_networks()
        ]
        if compiled:
            backbone = self.extractor.backbone
            backbone.network = torch.compile(backbone.network)
            self.networks = [torch.compile(network) for network in self.networks]
        self.image = random_images(1).numpy()

    @torch.inference_mode()
    def __call__(self) -> float:
        """Return the image score."""
        tokens = self.extractor(self.image)
        outputs = [net(level) for net, level in zip(self.networks, tokens, strict=True)]
        scores = [token_score(*pair) for pair in zip(outputs, tokens, strict=True)]
        maps = anomaly_map(scores, [sizes.grid for sizes in SIZES], (SIDE, SIDE))
        return float(image_scores(smooth(maps.numpy(), 4.0))[0])
