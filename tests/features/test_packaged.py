"""The package's own backbone: its contract with timm, its weights, and that it never changes."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors import safe_open

from rlr.backbones import packaged_weights
from rlr.config.features import BackboneConfig
from rlr.features import FeatureExtractor, build_backbone
from rlr.features.packaged import MEAN, STD

LIMIT = 8 * 1024 * 1024
SHAPES = [(64, 16), (128, 8), (256, 4)]
# Of `_image`, by the architecture with weights that are a function of their place; a change here
# changes the scores of every artifact that was made with the backbone.
FROZEN = [[0.630517, 1.126112], [1.374204, 1.843882], [2.687964, 3.460009]]


@pytest.fixture(scope="module")
def weights() -> Path:
    path = packaged_weights("rlrnet")
    assert path is not None
    return path


def _image(side: int = 64) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side]
    return np.stack([(3 * x + y) % 256, (x * y) % 256, (5 * y) % 256], -1).astype(np.uint8)[None]


def test_timm_builds_it_with_the_strides_of_its_residual_networks() -> None:
    model = timm.create_model("rlrnet", features_only=True, out_indices=(1, 2, 3))
    assert model.feature_info.reduction() == [4, 8, 16]
    maps = model.eval()(torch.zeros(1, 3, 64, 64))
    assert [tuple(level.shape[1:]) for level in maps] == [(c, s, s) for c, s in SHAPES]
    cfg = timm.get_pretrained_cfg("rlrnet")
    assert (cfg.mean, cfg.std) == (MEAN, STD)


def test_the_weights_are_small_half_precise_and_say_what_made_them(weights: Path) -> None:
    assert weights.stat().st_size <= LIMIT
    found = hashlib.sha256()
    with safe_open(weights, "pt") as file:
        facts = file.metadata()
        for name in sorted(file.keys()):
            value = file.get_tensor(name)
            assert value.dtype == torch.float16
            assert bool(torch.isfinite(value).all()), name
            found.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
            found.update(value.numpy().tobytes())
    assert facts["tensors_sha256"] == found.hexdigest()
    assert facts["architecture"] == "rlrnet"
    assert facts["licence"] == "Apache-2.0"
    assert json.loads(facts["recipe"])["seed"] == int(facts["seed"])


def test_a_configuration_finds_them_and_they_tell_surfaces_apart(weights: Path) -> None:
    backbone, source = build_backbone(BackboneConfig(name="rlrnet", weights="packaged"), (2, 3), 0)
    assert (source.origin, source.path) == ("packaged", weights)
    extractor = FeatureExtractor(backbone, MEAN, STD, pooling=1)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    stripes = np.broadcast_to(((np.arange(64) // 4 % 2) * 255)[None, :, None], (64, 64, 3))
    tokens = extractor(np.stack([*noise, stripes.astype(np.uint8)]))
    for level in tokens:
        one, same, other = torch.nn.functional.normalize(level.mean(1), dim=1)
        assert one @ same > one @ other + 0.02


def test_the_architecture_computes_what_it_always_did() -> None:
    backbone, _ = build_backbone(BackboneConfig(name="rlrnet", weights="random"), (1, 2, 3), 0)
    with torch.no_grad():
        for number, (name, value) in enumerate(sorted(backbone.state_dict().items())):
            if value.is_floating_point():
                places = torch.arange(value.numel(), dtype=torch.float64)
                wave = torch.sin(places * (places % 1009) * 0.37 + number).float()
                scale = (4 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.1
                one = value.ndim == 1 and name.endswith(("weight", "running_var"))
                value.copy_(wave.reshape(value.shape) * scale + one)
    maps = FeatureExtractor(backbone, MEAN, STD, pooling=1)(_image())
    found = [[float(level.mean()), float(level.std())] for level in maps]
    assert min(std for _, std in found) > 0.1
    assert np.allclose(found, FROZEN, rtol=1e-4), found
