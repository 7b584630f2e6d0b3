"""Near-duplicates: images of two splits that are more alike than training images ever are."""

import numpy as np
import pandas as pd

from rlr.data.manifest import GOOD

COMPARED = ("train", "validation", "test")  # production captures look like training images
SAMPLE = 2000  # training images a class that the quantile is taken over
BLOCK = 1024  # rows compared at once, which bounds the memory


def near_twins(frame: pd.DataFrame, thumbnails: np.ndarray, quantile: float) -> pd.DataFrame:
    """Return, for each image, its near-duplicate in another split, and how near that is.

    Aligned parts are alike, so "near" has no fixed measure: a pair is near when its distance is
    below the `quantile` of the distances between the training images of its class. By that rule
    a share `quantile` of harmless pairs is near by chance.

    Args:
        frame: Rows with path, class, split, label and `pixel_sha256` (null: not compared).
        thumbnails: (images, pixels) float32, rows as in `frame`.
        quantile: Share of the distances, 0 to 1.

    Returns:
        Columns nearly_same_as (path of the nearest one where it is near, or null) and nearness
        (its distance over the limit, below 1; null likewise), index of `frame`.
    """
    found = pd.DataFrame({"nearly_same_as": None, "nearness": np.nan}, index=frame.index)
    found["nearly_same_as"] = found["nearly_same_as"].astype("str")
    compared = frame["split"].isin(COMPARED) & frame["pixel_sha256"].notna()
    for _, rows in frame.assign(position=np.arange(len(frame)))[compared].groupby("class"):
        pictures = thumbnails[rows["position"]].astype(np.float64)
        train = pictures[((rows["split"] == "train") & (rows["label"] == GOOD)).to_numpy()]
        if len(train) > 1:
            limit = float(np.quantile(_within(train), quantile, method="lower"))
            nearest, distances = _nearest_across(rows, pictures)
            told = nearest[nearest] == np.arange(len(rows))  # a pair is told once, by its first
            near = (distances < limit) & ~(told & (nearest < np.arange(len(rows))))
            found.loc[rows.index[near], "nearly_same_as"] = rows["path"].to_numpy()[nearest[near]]
            found.loc[rows.index[near], "nearness"] = distances[near] / limit
    return found


def _within(train: np.ndarray) -> np.ndarray:
    """Return the distances between training images, of an even sample where they are many."""
    step = -(-len(train) // SAMPLE)
    sample = train[::step]
    return _distances(sample, sample)[np.triu_indices(len(sample), 1)]


def _nearest_across(rows: pd.DataFrame, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the position of each row's nearest one in another split, and its distance."""
    splits, pixels = rows["split"].to_numpy(), rows["pixel_sha256"].to_numpy()
    blocks = [slice(start, start + BLOCK) for start in range(0, len(rows), BLOCK)]
    found = []
    for block in blocks:
        distances = _distances(pictures[block], pictures)
        distances[splits[block, None] == splits[None]] = np.inf
        distances[pixels[block, None] == pixels[None]] = np.inf  # duplicates, reported as such
        found.append((distances.argmin(axis=1), distances.min(axis=1)))
    return np.concatenate([n for n, _ in found]), np.concatenate([d for _, d in found])


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances (len(a), len(b)) between the rows of two float64 arrays."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2.0 * (a @ b.T)
    distances: np.ndarray = np.sqrt(np.maximum(squares, 0.0))
    return distances
