"""Pixels of all maps, ranked part by part in memory that does not grow with the maps.

A first walk over the maps makes a `Survey`. Where it could hold all scores they are ranked at
once. Where it could not, a second walk counts them against the positives; and where there are too
many positives, they are taken band by band, with two walks over the maps for each.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from rlr.evaluation.metrics.ranking import Positives, Ranking, Reached, Tally, floating
from rlr.evaluation.metrics.regions import find_regions
from rlr.evaluation.metrics.survey import (
    Band,
    Gathering,
    Held,
    Survey,
    floating_map,
    positives_of,
)

Arrays = np.ndarray | Sequence[np.ndarray]
HELD = 1 << 24  # scores; `evaluation.scores_held` says what that is in bytes


def rank_pixels(masks: Arrays, maps: Arrays, most: int = HELD) -> Iterator[Ranking]:
    """Rank the pixels of all maps together.

    Args:
        masks: One (H, W) a map, defective where not zero. An array (N, H, W) or a sequence, whose
            items may differ in size, and may be made when they are asked for.
        maps: Anomaly maps of the same sizes, finite; float32 as they are made here. Other types
            are ranked as exactly, float64 in memory that is bounded only where ties are few.
        most: How many scores are held at once. An item is asked for once where these are all
            scores, twice where they are all positives, and twice a band otherwise.

    Yields:
        Parts of one ranking, the greatest scores first; at least one.

    Raises:
        ValueError: Numbers or sizes differ, or a score is not finite.

    Example:
        >>> [part] = rank_pixels([np.array([[0, 1]])], [np.array([[0.5, 0.7]], np.float32)])
        >>> part.true_positives, part.false_positives
        (array([1]), array([0]))
    """
    yield from rank_survey(survey_pixels(masks, maps, most), masks, maps)


def survey_pixels(masks: Arrays, maps: Arrays, most: int = HELD) -> Survey:
    """Look at each map once; arguments and failures as for `rank_pixels`."""
    if len(masks) != len(maps):
        raise ValueError(f"{len(masks)} masks and {len(maps)} maps")
    survey = Survey(most)
    for place in range(len(masks)):
        survey.add(np.asarray(masks[place]), maps[place], f"map {place}")
    return survey


def rank_survey(survey: Survey, masks: Arrays, maps: Arrays) -> Iterator[Ranking]:
    """Rank what was surveyed.

    Args:
        survey: What `survey_pixels` made of the maps, or several of these, merged.
        masks: The masks of all maps, as for `rank_pixels`; not looked at where the survey holds
            all scores.
        maps: The maps, likewise.

    Yields:
        As `rank_pixels`.
    """
    totals, positives = survey.totals, survey.positives
    if positives is not None:
        tally = Tally(positives)
        if survey.scores is None:
            count_pixels(tally, maps, survey.most)
        else:
            tally.add(survey.scores)
        yield tally.ranking(totals)
        return
    start: Reached | None = None
    for band in survey.bands():
        tally = Tally(gather_band(band, masks, maps, survey.most))
        count_pixels(tally, maps, survey.most)
        part = tally.ranking(totals, start)
        start = part.end
        yield part


def gather_band(band: Band, masks: Arrays, maps: Arrays, most: int = HELD) -> Positives:
    """Return the positives of a band; those of several workers are merged by `Positives.union`."""
    gathering = Gathering(most)
    for place in range(len(masks)):
        mask = np.asarray(masks[place])
        regions = find_regions(mask)
        if regions is not None:
            found = positives_of(regions, floating_map(mask, maps[place], f"map {place}"))
            gathering.add(found.where(band.of(found.scores)))
    return gathering.table()


def count_pixels(tally: Tally, maps: Arrays, most: int = HELD) -> None:
    """Count the pixels of all maps; tallies of several workers are merged by `Tally.merge`."""
    held = Held(most)
    for place in range(len(maps)):
        scores = tally.undecided(floating(np.asarray(maps[place])).ravel())
        if not held.put(scores):
            tally.add(held.scores)
            held.clear()
            if not held.put(scores):
                tally.add(scores)
    tally.add(held.scores)
