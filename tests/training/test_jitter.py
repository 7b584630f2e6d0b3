"""Feature jitter: its strength, and what it may depend on."""

import torch

from rlr.config.training import JitterConfig
from rlr.training.jitter import jitter

TOKENS = torch.randn(6, 50, 40, generator=torch.Generator().manual_seed(0)) + 3.0
HASHES = [f"hash-{index}" for index in range(6)]


def test_noise_of_an_image_is_independent_of_its_batch() -> None:
    config = JitterConfig(share=0.7, zero_share=0.1)
    whole = jitter(TOKENS, HASHES, 2, 1, 0, config)
    reverse = jitter(TOKENS.flip(0), HASHES[::-1], 2, 1, 0, config).flip(0)
    parts = torch.cat(
        [jitter(TOKENS[i : i + 1], HASHES[i : i + 1], 2, 1, 0, config) for i in range(6)]
    )
    assert torch.equal(whole, reverse)
    assert torch.equal(whole, parts)


def test_noise_changes_with_image_level_epoch_and_seed() -> None:
    config = JitterConfig()
    same = TOKENS[:1].expand(2, -1, -1)
    pair = jitter(same, HASHES[:2], 2, 1, 0, config)
    assert not torch.equal(pair[0], pair[1])
    draws = [
        jitter(TOKENS, HASHES, *address, config)
        for address in ((2, 1, 0), (3, 1, 0), (2, 2, 0), (2, 1, 1))
    ]
    for index, one in enumerate(draws):
        for other in draws[index + 1 :]:
            assert not torch.equal(one, other)


def test_strength_is_that_of_the_recipe() -> None:
    """The noise of a token has the deviation s * ||x|| / C in every channel."""
    tokens = torch.full((1, 4000, 16), 0.5)
    noise = jitter(tokens, ["a"], 2, 1, 0, JitterConfig(strength=4.0)) - tokens
    expected = 4.0 * (0.5 * 16**0.5) / 16
    assert abs(float(noise.std()) / expected - 1) < 0.02
    assert abs(float(noise.mean())) < 0.02


def test_shares_of_tokens() -> None:
    tokens = torch.ones(1, 5000, 8)
    noisy = jitter(tokens, ["a"], 2, 1, 0, JitterConfig(share=0.3, zero_share=0.2))
    zero = (noisy == 0).all(dim=-1).float().mean()
    touched = ((noisy != tokens) & (noisy != 0)).any(dim=-1).float().mean()
    assert abs(float(zero) - 0.2) < 0.03
    assert abs(float(touched) - 0.3 * 0.8) < 0.03


def test_no_noise_is_the_very_same_tensor() -> None:
    assert jitter(TOKENS, HASHES, 2, 1, 0, JitterConfig(strength=0.0)) is TOKENS


def test_noise_in_proportion_to_each_channel() -> None:
    deviations = torch.tensor([0.0, 0.5, 3.0])
    draws = torch.Generator().manual_seed(0)
    tokens = torch.randn(1, 4000, 3, generator=draws) * deviations + 7.0
    noise = jitter(tokens, ["a"], 2, 1, 0, JitterConfig(strength=0.3, scale="channel")) - tokens
    torch.testing.assert_close(noise.std(dim=1)[0], 0.3 * deviations, rtol=0.05, atol=0.0)
    unit = jitter(tokens, ["a"], 2, 1, 0, JitterConfig(strength=0.3, scale="unit")) - tokens
    torch.testing.assert_close(unit.std(dim=1)[0], torch.full((3,), 0.3), rtol=0.05, atol=0.0)


def test_a_strength_drawn_for_each_image() -> None:
    tokens = torch.zeros(200, 300, 4)
    config = JitterConfig(strength=2.0, scale="unit", draw="uniform")
    strengths = jitter(tokens, [str(i) for i in range(200)], 2, 1, 0, config).std(dim=(1, 2))
    assert 0.0 < float(strengths.min()) < 0.1
    assert 1.9 < float(strengths.max()) < 2.1
    assert abs(float(strengths.mean()) - 1.0) < 0.15


def test_dropout_keeps_the_mean() -> None:
    tokens = torch.full((1, 5000, 8), 3.0)
    noisy = jitter(tokens, ["a"], 2, 1, 0, JitterConfig(strength=0.0, dropout=0.25))
    assert set(noisy.unique().tolist()) == {0.0, 4.0}
    assert abs(float(noisy.mean()) - 3.0) < 0.05


def test_every_form_is_independent_of_the_batch() -> None:
    config = JitterConfig(scale="channel", draw="uniform", share=0.5, zero_share=0.1, dropout=0.1)
    whole = jitter(TOKENS, HASHES, 2, 1, 0, config)
    assert torch.equal(whole[3:4], jitter(TOKENS[3:4], HASHES[3:4], 2, 1, 0, config))
