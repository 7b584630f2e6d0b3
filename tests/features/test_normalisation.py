"""Channel normalisation: its statistics, and what they may depend on."""

import torch

from rlr.features.normalisation import LEAST_SPREAD, ChannelMoments, ChannelNormalisation

DRAWS = torch.Generator().manual_seed(0)
SPREADS = torch.tensor([0.01, 1.0, 100.0, 0.0])
LEVEL = torch.randn(10, 30, 4, generator=DRAWS) * SPREADS + torch.tensor([5.0, -3.0, 0.0, 7.0])
OTHER = torch.randn(10, 8, 2, generator=DRAWS)


def fit(order: list[int], batch: int) -> ChannelNormalisation:
    moments = ChannelMoments([4, 2], torch.device("cpu"))
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        moments.add([LEVEL[part], OTHER[part]])
    return moments.normalisation()


def test_channels_get_mean_zero_and_spread_one() -> None:
    level, other = fit(list(range(10)), 10).apply([LEVEL, OTHER])
    assert other.mean(dim=(0, 1)).abs().max() < 1e-6
    assert (other.flatten(0, 1).std(dim=0, correction=0) - 1).abs().max() < 1e-5
    # The widest channel sets the usual spread; those far below it are not blown up.
    spread = level.flatten(0, 1).std(dim=0, correction=0)
    assert abs(float(spread[2]) - 1) < 1e-5
    assert spread[0] < 0.01
    assert spread[3] < 1e-6
    usual = (LEVEL.flatten(0, 1).var(dim=0, correction=0).mean()).sqrt()
    assert torch.isclose(fit(list(range(10)), 10).scales[0][3], LEAST_SPREAD * usual)


def test_batches_and_their_order_are_not_seen() -> None:
    whole = fit(list(range(10)), 10)
    for order, batch in ((list(range(10)), 3), (list(range(9, -1, -1)), 1)):
        parts = fit(order, batch)
        for one, other in zip(
            (*whole.means, *whole.scales), (*parts.means, *parts.scales), strict=True
        ):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_it_can_be_undone() -> None:
    normalisation = fit(list(range(10)), 10)
    back = normalisation.invert(normalisation.apply([LEVEL, OTHER]))
    torch.testing.assert_close(back, [LEVEL, OTHER], rtol=1e-5, atol=1e-4)
