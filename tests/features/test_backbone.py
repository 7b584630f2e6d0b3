"""Backbones by name, and weights from the hub, from a file, or random."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rlr.config.features import BackboneConfig
from rlr.features import FeatureExtractor, build_backbone
from rlr.features.extractor import pool_to_tokens
from rlr.features.stages import Skipped
from rlr.foundation.errors import UserError

TINY = BackboneConfig(name="test_resnet", weights="random", options={"zero_init_last": False})


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state dict of the whole test_resnet, as a hub would give it."""
    import timm

    torch.manual_seed(5)
    model = timm.create_model("test_resnet", pretrained=False)
    file = tmp_path_factory.mktemp("weights") / "test_resnet.safetensors"
    save_file(model.state_dict(), file)
    return file


def parameters(backbone: torch.nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten() for value in backbone.parameters()])


def test_random_weights_follow_the_seed() -> None:
    first, second, other = (build_backbone(TINY, (1, 2), seed)[0] for seed in (0, 0, 1))
    assert torch.equal(parameters(first), parameters(second))
    assert not torch.equal(parameters(first), parameters(other))


def test_random_weights_leave_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    build_backbone(TINY, (1, 2), 0)
    assert torch.equal(torch.rand(4), expected)


def test_random_weights_give_standardised_activations() -> None:
    """As torch makes it, an untrained network's batch norms fit nothing that passes through."""
    backbone, _ = build_backbone(TINY, (1, 2), 0)
    norms = [module for module in backbone.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    outputs: list[torch.Tensor] = []
    for norm in norms:
        norm.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    noise = torch.nn.functional.interpolate(torch.randn(8, 3, 16, 16), (128, 128), mode="bicubic")
    backbone(noise / noise.std())
    assert len(outputs) == len(norms) > 5
    deviations = [float(output.std()) for output in outputs]
    assert 0.3 < min(deviations) <= max(deviations) < 3.0, deviations


def test_backbone_is_frozen_and_stays_in_evaluation_mode() -> None:
    backbone, _ = build_backbone(TINY, (1, 2), 0)
    backbone.train()
    assert not any(module.training for module in backbone.modules())
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_stages_that_nobody_asks_for_are_not_run_but_stored() -> None:
    """timm builds and runs all stages of an EfficientNet; those before are the same to the bit."""
    config = BackboneConfig(name="test_efficientnet", weights="random")
    whole, part = (build_backbone(config, levels, 0)[0] for levels in ((0, 1, 2, 3, 4), (1, 2)))
    part.load_state_dict(whole.state_dict())
    assert not any(isinstance(module, Skipped) for module in whole.modules())
    assert any(isinstance(module, Skipped) for module in part.modules())
    images = torch.randn(1, 3, 64, 64)
    every, used = whole(images), part(images)
    assert torch.equal(used[0], every[1])
    assert torch.equal(used[1], every[2])


@pytest.mark.parametrize("wrapped", [False, True])
def test_weights_from_a_file(weights: Path, tmp_path: Path, wrapped: bool) -> None:
    from safetensors.torch import load_file

    state = load_file(weights)
    file = weights
    if wrapped:
        file = tmp_path / "checkpoint.pth.tar"
        content = {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}
        torch.save(content, file)
    config = BackboneConfig(name="test_resnet", weights=str(file))
    backbone, origin = build_backbone(config, (1, 2), 0)
    assert origin.origin == "file"
    stem = dict(backbone.named_parameters())["network.conv1.0.weight"]
    assert torch.equal(stem, state["conv1.0.weight"])


def test_weights_without_the_classifier_will_do(weights: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    state = {name: value for name, value in load_file(weights).items() if name[:2] != "fc"}
    file = tmp_path / "headless.safetensors"
    save_file(state, file)
    config = BackboneConfig(name="test_resnet", weights=str(file))
    assert build_backbone(config, (1, 2), 0)[1].origin == "file"


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"name": "resnet81"}, r"no model 'resnet81'; did you mean .*resnet18"),
        ({"name": "resnet18", "weights": "FILE"}, r"weights of another model than resnet18: "),
        ({"name": "test_resnet", "weights": "nowhere.pth"}, r"`hub`.*local .*`random`"),
        ({"name": "test_resnet", "weights": "EMPTY"}, r"cannot be read"),
        ({"name": "test_resnet", "weights": "random", "options": {"no": 1}}, r"cannot be built"),
    ],
)
def test_what_cannot_be_had_is_said(
    weights: Path, tmp_path: Path, config: dict[str, str], sentence: str
) -> None:
    empty = tmp_path / "empty.safetensors"
    empty.write_bytes(b"")
    places = {"FILE": str(weights), "EMPTY": str(empty)}
    config = {
        **config,
        "weights": places.get(config.get("weights", ""), config.get("weights", "random")),
    }
    with pytest.raises(UserError, match=sentence):
        build_backbone(BackboneConfig(**config), (1, 2), 0)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (print, ("this must not run",))

    file = tmp_path / "evil.pth"
    torch.save({"state_dict": Evil()}, file)
    with pytest.raises(UserError, match="cannot be read"):
        build_backbone(BackboneConfig(name="test_resnet", weights=str(file)), (1, 2), 0)


def test_hub_that_is_away_names_the_three_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    config = BackboneConfig(name="resnet18", weights="hub")
    with pytest.raises(UserError, match=r"could not be fetched.*`hub`.*local .*`random`"):
        build_backbone(config, (1, 2), 0)


def test_real_weights(shared: Path) -> None:
    """Half-precision files without batch counters, of two architectures."""
    files = {
        "resnet18": ("resnet18_ktb_small_fp16", {}, 128),
        "mobilenetv2_100": ("mobilenetv2_100_tf_ptq_fp16", {"pad_type": "same"}, 32),
    }
    for name, (file, options, channels) in files.items():
        path = shared / "assets" / "weights" / f"{file}.safetensors"
        config = BackboneConfig(name=name, weights=str(path), options=options)
        backbone, _ = build_backbone(config, (2,), 0)
        extractor = FeatureExtractor(backbone, (0.5,) * 3, (0.5,) * 3, 3)
        assert extractor.shapes(64, 96) == [((8, 12), channels)]
        assert parameters(backbone).dtype == torch.float32


def test_pooling_counts_the_zeros_beyond_the_border() -> None:
    tokens = pool_to_tokens(torch.ones(1, 1, 3, 4), 3)
    assert tokens.shape == (1, 12, 1)
    expected = [4, 6, 6, 4, 6, 9, 9, 6, 4, 6, 6, 4]
    assert (tokens.flatten() * 9).round().int().tolist() == expected


def test_extraction_normalises_as_configured() -> None:
    backbone, _ = build_backbone(TINY, (1,), 0)
    image = np.full((1, 32, 32, 3), 128, dtype=np.uint8)
    plain = FeatureExtractor(backbone, (0, 0, 0), (1, 1, 1), 1)(image)[0]
    shifted = FeatureExtractor(backbone, (0.1, 0.2, 0.3), (0.5, 0.5, 0.5), 1)(image)[0]
    pixels = torch.full((1, 3, 32, 32), 128 / 255)
    mean, std = torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1), 0.5
    expected = backbone((pixels - mean) / std)[0].flatten(2).transpose(1, 2)
    torch.testing.assert_close(shifted, expected)
    assert not torch.allclose(plain, shifted)
