"""Vision transformers: tokens to grids, any size of image, averaged blocks."""

import pytest
import timm
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from rlr.config.features import BackboneConfig
from rlr.features import Backbone, FeatureExtractor, build_backbone
from rlr.foundation.errors import UserError

# 4 blocks of 64 channels, patches of 16 pixels, made for 160 x 160. At every pass, or once:
# by itself it interpolates its position codes whenever it sees another size.
ONCE = {"dynamic_img_size": False}
REGISTERS = {"dynamic_img_size": False, "reg_tokens": 4, "no_embed_class": True}
SIZE = (96, 128)


def build(
    levels: tuple[int | tuple[int, ...], ...],
    size: tuple[int, int] | None = SIZE,
    options: dict[str, int] | None = None,
    final_norm: bool = False,
) -> Backbone:
    """Return a tiny transformer, its random weights the same for every size."""
    config = BackboneConfig(
        name="test_vit", weights="random", options=options or ONCE, final_norm=final_norm
    )
    return build_backbone(config, levels, seed=3, size=size)[0]


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1)) - 0.5


@torch.inference_mode()
def by_hand(backbone: Backbone, images: Tensor) -> list[Tensor]:
    """Run a transformer that was left at its own size, block by block."""
    model = backbone.network.model
    patches = model.patch_embed.proj(images)  # (N, C, h, w)
    grid = patches.shape[-2:]
    codes = model.pos_embed  # (1, 100 and those of the class token, C)
    first = codes.shape[1] - 100
    own, codes = codes[:, :first], codes[:, first:]
    codes = codes.transpose(1, 2).reshape(1, -1, 10, 10)
    codes = F.interpolate(codes, size=grid, mode="bicubic", antialias=True)
    tokens = (patches + codes).flatten(2).transpose(1, 2)  # (N, L, C)
    kept = model.cls_token + own if first else model.cls_token
    prefix = [kept, *([] if model.reg_token is None else [model.reg_token])]
    x = torch.cat([part.expand(len(images), -1, -1) for part in prefix] + [tokens], dim=1)
    maps = []
    for block in model.blocks:
        x = block(x)
        level = x[:, -grid[0] * grid[1] :].transpose(1, 2)
        maps.append(level.reshape(len(images), -1, *grid))
    return maps


@pytest.mark.parametrize("options", [ONCE, REGISTERS], ids=["class token", "registers"])
def test_grids_are_those_of_a_computation_by_hand(options: dict[str, int], images: Tensor) -> None:
    expected = by_hand(build((0, 3), None, options), images)
    found = build((0, 3), SIZE, options)(images)
    assert [tuple(level.shape) for level in found] == [(2, 64, 6, 8)] * 2
    torch.testing.assert_close(found, [expected[0], expected[3]], rtol=1e-4, atol=1e-5)


def test_interpolation_once_is_that_of_every_pass(images: Tensor) -> None:
    once = build((2,))(images)
    always = build((2,), SIZE, {"dynamic_img_size": True})
    assert always.network.model.pos_embed.shape[1] == 101, "the option was not left alone"
    torch.testing.assert_close(once, always(images), rtol=1e-5, atol=1e-6)


def test_at_its_own_size_a_transformer_is_left_as_it_is() -> None:
    plain, fitted = build((2,), None).state_dict(), build((2,), (160, 160)).state_dict()
    assert plain.keys() == fitted.keys()
    assert all(torch.equal(plain[key], fitted[key]) for key in plain)


def test_a_grid_of_as_many_tokens_but_another_shape_is_interpolated() -> None:
    square, long = (build((0,), size).network.model.pos_embed for size in ((96, 96), (64, 144)))
    assert square.shape == long.shape
    assert not torch.equal(square, long)


def test_blocks_of_a_level_are_averaged(images: Tensor) -> None:
    first, second, third = build((0, 1, 2))(images)
    low, high = build(((0, 1), (2,)))(images)
    torch.testing.assert_close(low, (first + second) / 2)
    assert torch.equal(high, third)


def test_the_last_norm_can_be_applied_to_every_block(images: Tensor) -> None:
    plain = build((1, 3))
    normed = build((1, 3), final_norm=True)
    with torch.no_grad():
        norm = normed.network.model.norm
        norm.weight.copy_(torch.linspace(0.5, 2, 64))
        norm.bias.copy_(torch.linspace(-1, 1, 64))
        for found, level in zip(normed(images), plain(images), strict=True):
            expected = norm(level.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            torch.testing.assert_close(found, expected)


def test_blocks_behind_the_last_one_used_are_dropped() -> None:
    names = build((0, 1)).state_dict()
    assert {name.split(".")[3] for name in names if ".blocks." in name} == {"0", "1"}
    assert not any(".head" in name or name.endswith("model.norm.weight") for name in names)


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ((100, 128), r"preprocessing\.height: 100 px .* 16 px patch .* are 96 or 112\."),
        ((96, 130), r"preprocessing\.width: 130 px .* are 128 or 144\."),
        ((8, 96), r"preprocessing\.height: 8 px .* are 16\."),
    ],
)
def test_a_size_that_cuts_patches_is_refused(size: tuple[int, int], sentence: str) -> None:
    for options in (ONCE, {"dynamic_img_size": True}):
        with pytest.raises(UserError, match=sentence):
            build((1,), size, options)


def test_what_cannot_be_built_is_said() -> None:
    with pytest.raises(UserError, match=r"levels \[9\]"):
        build((9,))
    cnn = BackboneConfig(name="test_resnet", weights="random")
    with pytest.raises(UserError, match=r"blocks \[1, 2\] of test_resnet differ"):
        build_backbone(cnn, ((1, 2),), 0)
    with pytest.raises(UserError, match="cannot be built"):
        build_backbone(cnn.model_copy(update={"final_norm": True}), (1,), 0)


@pytest.mark.parametrize(
    ("name", "size", "grid", "channels"),
    [
        ("vit_small_patch14_dinov2", (56, 84), (4, 6), 384),
        ("vit_small_patch14_reg4_dinov2.lvd142m", (84, 56), (6, 4), 384),
        ("vit_tiny_patch16_dinov3_qkvb", (48, 80), (3, 5), 192),
    ],
)
def test_foundation_models(
    name: str, size: tuple[int, int], grid: tuple[int, int], channels: int
) -> None:
    assert timm.is_model(name)
    config = BackboneConfig(name=name, weights="random")
    backbone, _ = build_backbone(config, (0, (0, 1)), 0, size)
    extractor = FeatureExtractor(backbone, (0.5,) * 3, (0.5,) * 3, 1)
    assert extractor.shapes(*size) == [(grid, channels)] * 2
    assert len(backbone.network.model.blocks) == 2


def test_half_precision_is_near(images: Tensor) -> None:
    (plain,) = build((3,))(images)
    with torch.autocast("cpu", torch.bfloat16):
        (half,) = build((3,))(images)
    assert (half.float() - plain).abs().max() < 0.05 * plain.abs().max()
