"""The package's own backbone: a small residual network, registered with timm as `rlrnet`.

Frozen: artifacts of earlier releases are scored with it. What should differ gets another name.
"""

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn

STEM = 32
STAGES = ((64, 1), (128, 2), (256, 2))  # channels and blocks at strides 4, 8 and 16
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Make a convolution with its batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a short cut (He et al., https://arxiv.org/abs/1512.03385).

    Args:
        inputs: Channels in.
        outputs: Channels out.
        stride: 1, or 2 to halve the grid.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _conv(inputs, outputs, 3, stride)
        self.second = _conv(outputs, outputs, 3)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else _conv(inputs, outputs, 1, stride)
        self.act = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, inputs, h, w) to (N, outputs, h / stride, w / stride)."""
        inner = self.second(self.act(self.first(features)))
        out: Tensor = self.act(inner + self.shortcut(features))
        return out


class RlrNet(nn.Module):
    """Stem at stride 2 and three stages of residual blocks at strides 4, 8 and 16.

    Args:
        num_classes: Outputs of the classifier; 0: none. The packaged weights have none.
        in_chans: Channels of the images.
    """

    def __init__(self, num_classes: int = 0, in_chans: int = 3) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.num_features = STAGES[-1][0]
        self.stem = nn.Sequential(*_conv(in_chans, STEM, 3, 2), nn.ReLU())
        self.feature_info = [{"num_chs": STEM, "reduction": 2, "module": "stem"}]
        width = STEM
        for number, (channels, depth) in enumerate(STAGES, start=1):
            blocks = [Block(width, channels, 2)]
            blocks += [Block(channels, channels, 1) for _ in range(depth - 1)]
            self.add_module(f"stage{number}", nn.Sequential(*blocks))
            info = {"num_chs": channels, "reduction": 2 ** (number + 1), "module": f"stage{number}"}
            self.feature_info.append(info)
            width = channels
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(width, num_classes) if num_classes else nn.Identity()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (N, 3, H, W) to (N, num_classes), or to (N, 256) without one."""
        features: Tensor = self.stem(images)
        for number in range(1, len(STAGES) + 1):
            features = self.get_submodule(f"stage{number}")(features)
        pooled: Tensor = self.head(self.pool(features).flatten(1))
        return pooled


default_cfgs = generate_default_cfgs(
    {
        "rlrnet": {
            "input_size": (3, 256, 256),
            "mean": MEAN,
            "std": STD,
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "first_conv": "stem.0",
            "classifier": "head",
            "num_classes": 0,
            "license": "apache-2.0",
        }
    }
)


@register_model  # type: ignore[untyped-decorator]  # timm has no types
def rlrnet(pretrained: bool = False, **kwargs: Any) -> RlrNet:
    """Build the package's own backbone; `timm.create_model("rlrnet", features_only=True)`."""
    features = {"out_indices": (0, 1, 2, 3), "flatten_sequential": False}
    model: RlrNet = build_model_with_cfg(
        RlrNet, "rlrnet", pretrained, feature_cfg=features, **kwargs
    )
    return model
