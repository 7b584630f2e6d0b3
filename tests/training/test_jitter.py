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
