"""What an image's features depend on, to the last bit, beside the image."""

from importlib import metadata
from typing import Any

import torch

from rlr.config.features import FeaturesConfig
from rlr.features.backbone import Backbone
from rlr.features.weights import weights_digest
from rlr.foundation.build import current_build
from rlr.foundation.machine import instruction_sets, processor

# To be raised with every change of the code that changes a bit of an image's features.
FEATURES_VERSION = 1


def describe_recipe(
    config: FeaturesConfig, backbone: Backbone, device: torch.device
) -> dict[str, Any]:
    """Return all that determines the pooled features of an image, as JSON.

    The machine and its libraries are part of it: sums come out otherwise on another one, in their
    last bits, and a training must not depend on who filled the cache. So is the number of images
    a pass (see `ImageReader`).

    Args:
        config: Preprocessing, pooling and passes.
        backbone: The backbone with its weights, on its device.
        device: That device.
    """
    cuda = device.type == "cuda"
    return {
        "version": FEATURES_VERSION,
        "package": current_build().version,
        "backbone": config.backbone.model_dump(mode="json", exclude={"weights", "store"}),
        "weights": weights_digest(backbone.state_dict()),
        "levels": [list(level) for level in backbone.levels],
        "preprocessing": config.preprocessing.model_dump(mode="json"),
        "pooling": config.pooling,
        "batch_size": config.batch_size,
        "dtype": "float32",
        "machine": {
            "device": torch.cuda.get_device_name(device) if cuda else "cpu",
            "processor": processor(),
            "instructions": instruction_sets(),
            "threads": torch.get_num_threads(),
            "torch": f"{torch.__version__} {torch.version.git_version}",
            **{name: metadata.version(name) for name in ("timm", "pillow", "numpy")},
        },
    }
