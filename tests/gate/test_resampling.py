import numpy as np
import pytest

from rlr.gate.resampling import Resamples, resample

KINDS = np.array(["normal"] * 6 + ["defective"] * 4)
ALONE = np.arange(10).astype(str)


def rows(resamples: Resamples) -> np.ndarray:
    return np.concatenate(list(resamples.blocks()))


def test_every_draw_keeps_the_size_of_every_stratum() -> None:
    drawn = rows(resample(KINDS, ALONE, 300, ("v", "bolt")))
    assert drawn.shape == (1 + 10 + 300, 10)
    np.testing.assert_allclose(drawn[:, :6].sum(axis=1), 6.0, rtol=1e-6)
    np.testing.assert_allclose(drawn[:, 6:].sum(axis=1), 4.0, rtol=1e-6)


def test_the_variance_of_a_mean_is_not_too_small() -> None:
    """Drawing n of n would give (n - 1) / n of it."""
    values = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0])
    drawn = rows(resample(np.full(6, "normal"), ALONE[:6], 20000, ("v", "bolt")))[7:]
    means = drawn @ values / 6
    assert means.var() == pytest.approx(values.var(ddof=1) / 6, rel=0.03)


def test_influences_are_those_of_the_jackknife() -> None:
    values = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0])
    resamples = resample(np.full(6, "normal"), ALONE[:6], 100, ("v", "bolt"))
    left_out = rows(resamples)[1:7] @ values / 6
    influences = resamples.influences(left_out)
    assert (influences**2).sum() == pytest.approx(values.var(ddof=1) / 6, rel=1e-5)


def test_images_of_a_group_are_drawn_together() -> None:
    groups = np.array(["a", "a", "a", "b", "c", "d", "x", "x", "y", "z"])
    drawn = rows(resample(KINDS, groups, 200, ("v", "bolt")))
    assert np.ptp(drawn[:, :3], axis=1).max() == 0.0
    assert np.ptp(drawn[:, 6:8], axis=1).max() == 0.0
    assert np.ptp(drawn[:, [0, 3]], axis=1).max() > 0.0


def test_a_stratum_of_one_group_stays_as_it_is() -> None:
    kinds = np.array(["normal"] * 9 + ["defective"])
    resamples = resample(kinds, ALONE, 200, ("v", "bolt"))
    assert (rows(resamples)[:, 9] == 1.0).all()
    assert resamples.left_out == 9


def test_draws_hang_on_their_address_alone() -> None:
    one = rows(resample(KINDS, ALONE, 200, ("v", "bolt")))
    again = rows(resample(KINDS, ALONE, 200, ("v", "bolt")))
    assert (one == again).all()
    for other in (("v", "cable"), ("w", "bolt")):
        assert (rows(resample(KINDS, ALONE, 200, other)) != one).any()
    more_defects = np.array([*KINDS, "defective"])
    wider = rows(resample(more_defects, np.arange(11).astype(str), 200, ("v", "bolt")))
    assert (wider[-200:, :6] == one[-200:, :6]).all()  # the normal ones are drawn as before
