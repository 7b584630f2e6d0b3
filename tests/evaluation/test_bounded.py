"""However few scores are held at once, whoever saw which map: the figures are those of all."""

from collections.abc import Callable
from functools import reduce

import numpy as np
import pytest

from rlr.evaluation.metrics import (
    Positives,
    Survey,
    Sweep,
    Tally,
    aupro,
    rank_pixels,
    rank_survey,
    survey_pixels,
)
from rlr.evaluation.metrics import counting as counting_module
from rlr.evaluation.metrics.counting import count_reaching, order_keys
from rlr.evaluation.metrics.pixels import count_pixels, gather_band

LIMITS = (0.05, 0.3, 1.0)
EVERYTHING = 1 << 20
KINDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "continuous": lambda scores: scores,
    "ties": np.round,
    "heavy tail": lambda scores: np.exp(4 * scores),
    "negative": lambda scores: scores - 100.0,
    "both zeros": lambda s: np.where(np.abs(s) > 1.5, 1.0, np.where(s > 0, 0.0, -0.0)),
    "constant": lambda scores: np.full_like(scores, 0.25),
    "hardly different": lambda scores: 1.0 + np.round(scores) * 2.0**-23,
    "far apart": lambda scores: np.sign(scores) * 10.0 ** np.clip(np.round(12 * scores), -37, 37),
}

Case = tuple[list[np.ndarray], list[np.ndarray]]


def draw_case(kind: str, seed: int, dtype: str = "float32") -> Case:
    rng = np.random.default_rng(seed)
    masks, maps = [], []
    for place in range(6):
        shape = tuple(rng.integers(4, 24, size=2))
        mask = rng.random(shape) < (0.0, 0.02, 0.3)[place % 3]  # none, single pixels, patches
        maps.append(KINDS[kind](rng.standard_normal(shape) + mask).astype(dtype))
        masks.append(mask)
    masks[2][0, 0], masks[2][-1, -1] = True, False
    return masks, maps


def measure(masks: list[np.ndarray], maps: list[np.ndarray], most: int) -> dict[str, float | None]:
    return Sweep.over(rank_pixels(masks, maps, most), LIMITS).values("pixel")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("most", "seed"), [(1, 0), (7, 1), (60, 2), (300, 3), (1500, 4)])
def test_bands_of_any_size_measure_what_a_full_sort_does(kind: str, most: int, seed: int) -> None:
    masks, maps = draw_case(kind, seed)
    assert measure(masks, maps, most) == pytest.approx(measure(masks, maps, EVERYTHING), abs=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int16"])
def test_other_types_are_ranked_as_they_are(dtype: str) -> None:
    masks, maps = draw_case("ties", 1, dtype)
    same = [one.astype(np.float64) for one in maps]
    for most in (1, 50, EVERYTHING):
        assert measure(masks, maps, most) == pytest.approx(measure(masks, same, EVERYTHING))
    tiny = [one.astype(np.float64) * 1e-300 for one in maps]  # all in one bin of float32
    assert measure(masks, tiny, 5) == pytest.approx(measure(masks, same, EVERYTHING))


@pytest.mark.parametrize("kind", KINDS)
def test_parts_follow_one_another_in_bounded_memory(kind: str) -> None:
    masks, maps = draw_case(kind, 4)
    [whole] = rank_pixels(masks, maps)
    parts = list(rank_pixels(masks, maps, 20))
    for field in ("thresholds", "true_positives", "false_positives", "false_positives_above"):
        joined = np.concatenate([getattr(part, field) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, field), field)
    for part in parts:
        bins = np.unique(order_keys(part.thresholds) >> 16)
        assert len(part.thresholds) <= 20 or len(bins) == 1
    assert [part.last for part in parts] == [*[False] * (len(parts) - 1), True]


def workers(case: Case, order: np.ndarray) -> list[Case]:
    """Give three workers two maps each."""
    masks, maps = case
    return [([masks[i] for i in two], [maps[i] for i in two]) for two in order.reshape(3, 2)]


@pytest.mark.parametrize("most", [1, 30, 400, EVERYTHING])
@pytest.mark.parametrize("kind", ["continuous", "ties", "constant"])
def test_merged_states_do_not_depend_on_order_or_grouping(kind: str, most: int) -> None:
    case = draw_case(kind, 2)
    expected = measure(*case, EVERYTHING)
    rng = np.random.default_rng(0)
    for turn in range(2):
        shares = workers(case, rng.permutation(6))
        states = [survey_pixels(*share, most) for share in shares]
        if turn % 2:
            states[1].merge(states[2])  # a + (b + c)
            states.pop()
        survey = reduce(merged, states)
        assert survey.totals == survey_pixels(*case, most).totals
        assert list(survey.bands()) == list(survey_pixels(*case, most).bands())
        assert measure_merged(survey, shares) == pytest.approx(expected, abs=1e-12)
        found = Sweep.over(rank_survey(survey, *case), LIMITS).values("pixel")
        assert found == pytest.approx(expected, abs=1e-12)


def merged(one: Survey, other: Survey) -> Survey:
    one.merge(other)
    return one


def measure_merged(survey: Survey, shares: list[Case]) -> dict[str, float | None]:
    """Rank as several workers would: each looks at its own maps alone, and states are merged."""
    sweep, start = Sweep(LIMITS), None
    if survey.positives is not None:
        tables = [survey.positives]
    else:
        found = [[gather_band(band, *share) for share in shares] for band in survey.bands()]
        tables = [Positives.union(one) for one in found]
    for table in tables:
        whole = Tally(table)
        for share in shares:
            tally = Tally(table)
            count_pixels(tally, share[1], most=50)
            whole.merge(tally)
        part = whole.ranking(survey.totals, start)
        start = part.end
        sweep.add(part)
    return sweep.values("pixel")


def test_a_merged_state_leaves_the_other_as_it_was() -> None:
    case = draw_case("continuous", 3)
    for most in (10, EVERYTHING):
        state, other = survey_pixels(*case, most), survey_pixels(*case, most)
        before = Sweep.over(rank_survey(other, *case)).values("pixel")
        state.merge(other)
        assert state.totals.negatives == 2 * other.totals.negatives
        assert Sweep.over(rank_survey(other, *case)).values("pixel") == before


@pytest.mark.parametrize(("most", "asked"), [(EVERYTHING, 1), (600, 2)])
def test_how_often_an_item_is_asked_for(most: int, asked: int) -> None:
    class Counting(list):
        asked = 0

        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            self.asked += 1
            return super().__getitem__(index)

    masks, maps = draw_case("continuous", 0)
    assert sum(mask.sum() for mask in masks) < 600 < sum(mask.size for mask in masks)
    counted = Counting(maps)
    list(rank_pixels(masks, counted, most))
    assert counted.asked == asked * len(maps)


def test_bands_beyond_the_limit_of_aupro_are_not_looked_at() -> None:
    masks, maps = draw_case("continuous", 0)
    seen: list[int] = []

    class Watching(list):
        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            seen.append(index)
            return super().__getitem__(index)

    walks = []
    for limit in (0.01, 1.0):
        seen.clear()
        value = aupro(masks, Watching(maps), limit, most=20)
        assert value == pytest.approx(aupro(masks, maps, limit), abs=1e-12)
        walks.append(len(seen))
    assert walks[0] < walks[1] / 4


def test_curves_of_bands_keep_their_ends_and_their_area() -> None:
    masks, maps = draw_case("continuous", 5)
    whole = Sweep.over(rank_pixels(masks, maps), [0.3], points=50)
    banded = Sweep.over(rank_pixels(masks, maps, 9), [0.3], points=50)
    for name, limit in (("roc", 1.0), ("precision_recall", 1.0), ("pro", 0.3)):
        one, other = whole.curve(name), banded.curve(name)
        assert one is not None
        assert other is not None
        assert len(other.x) <= 50
        for axis in ("x", "y", "threshold"):
            ends = getattr(other, axis)[[0, -1]]
            np.testing.assert_allclose(ends, getattr(one, axis)[[0, -1]], atol=1e-12)
        assert other.area(limit) == pytest.approx(one.area(limit), abs=0.02)


def test_a_state_of_nothing_has_no_metric() -> None:
    empty = Survey(10)
    empty.add(np.zeros((0, 4)), np.zeros((0, 4), np.float32), "map 0")
    empty.merge(Survey(10))
    assert set(Sweep.over(rank_survey(empty, [], []), LIMITS).values("pixel").values()) == {None}
    for most in (1, 10):
        assert set(measure([np.zeros((3, 3))], [np.eye(3)], most).values()) == {None}
        assert set(measure([np.ones((3, 3))], [np.eye(3)], most).values()) == {None}


def test_what_cannot_be_held_is_refused() -> None:
    with pytest.raises(ValueError, match="0 scores held at once; at least one is needed"):
        Survey(0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bins", [4, 1 << 12, 1 << 21])
def test_counts_are_those_of_plain_comparison(
    kind: str, bins: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting_module, "BINS", bins)
    rng = np.random.default_rng(6)
    scores = KINDS[kind](rng.standard_normal(3000)).astype(np.float32)
    thresholds = np.unique(np.append(scores[::40], np.float32(0.3)))
    reaching, exceeding = counting_module._Table(thresholds).count(scores.copy())
    np.testing.assert_array_equal(reaching, (scores[:, None] >= thresholds).sum(axis=0))
    np.testing.assert_array_equal(exceeding, (scores[:, None] > thresholds).sum(axis=0))


def test_many_scores_are_counted_as_few_are() -> None:
    rng = np.random.default_rng(7)
    scores = np.round(rng.standard_normal(200_000), 3).astype(np.float32)
    thresholds = np.unique(scores[:100])
    found = count_reaching(scores.copy(), thresholds)
    plain = count_reaching(scores.astype(np.float64), thresholds.astype(np.float64))
    np.testing.assert_array_equal(found, plain)


def test_keys_keep_the_order_of_scores() -> None:
    rng = np.random.default_rng(8)
    bits = rng.integers(-(2**31), 2**31, 5000, dtype=np.int64).astype(np.int32)
    scores = bits.view(np.float32)
    scores = np.append(scores[np.isfinite(scores)], np.float32([-0.0, 0.0, 1e-45, -1e-45]))
    rising = scores[np.argsort(order_keys(scores))]
    assert (np.diff(rising.astype(np.float64)) >= 0).all()
