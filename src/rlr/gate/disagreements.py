"""Images on which two models disagree most, on scales of their own.

An image's *placement* is the share of the class's test images of the other kind that it is on the
right side of; ties count half. The mean placement of the defective images, or of the normal ones,
is the image AUROC, so the placements say which images the difference comes from.

Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988).
"""

from typing import Any

import numpy as np
import pandas as pd

from rlr.gate.contributions import Contributions


def disagreements(ours: Contributions, theirs: Contributions, count: int) -> list[dict[str, Any]]:
    """Return the images with the greatest difference in placement, then in what they are called.

    Args:
        ours: The candidate.
        theirs: The champion, on the same images in the same order.
        count: Greatest number of images.

    Returns:
        path, class, label, and of each model score, placement and whether the image is called
        defective; `favours` says whose side the truth is on, "" where placements are equal.
    """
    table = ours.frame[["path", "class", "label"]].copy()
    for name, model in (("candidate", ours), ("champion", theirs)):
        table[f"{name}_score"] = model.frame["image_score"].astype(float)
        table[f"{name}_placement"] = placements(model.frame)
        table[f"{name}_called"] = model.frame["is_anomalous"].astype(bool)
    difference = table["candidate_placement"] - table["champion_placement"]
    table["favours"] = np.select(
        [difference > 0, difference < 0], ["candidate", "champion"], default=""
    )
    flipped = table["candidate_called"] != table["champion_called"]
    order = np.lexsort((table["path"], ~flipped, -difference.abs()))
    differing = (difference != 0) | flipped
    chosen = [place for place in order if differing[place]][:count]
    return [
        {str(key): value for key, value in record.items()}
        for record in table.iloc[chosen].to_dict(orient="records")
    ]


def placements(frame: pd.DataFrame) -> np.ndarray:
    """Return the placement of each image (N,); NaN-free: 0.5 where there is no other kind."""
    placed = np.full(len(frame), 0.5)
    for _, rows in frame.reset_index(drop=True).groupby("class"):
        defective = rows["defective"].to_numpy()
        scores = rows["image_score"].to_numpy()
        if defective.any() and not defective.all():
            places = rows.index.to_numpy()
            placed[places[defective]] = _share_below(scores[defective], scores[~defective])
            placed[places[~defective]] = 1.0 - _share_below(scores[~defective], scores[defective])
    return placed


def _share_below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    rising = np.sort(others)
    below = np.searchsorted(rising, scores, side="left")
    reached = np.searchsorted(rising, scores, side="right")
    share: np.ndarray = (below + reached) / 2.0 / len(rising)
    return share
