"""Images that stand in two splits: the same bytes, the same pixels, the same physical part."""

from collections.abc import Iterator

import pandas as pd


def twins(frame: pd.DataFrame, key: pd.Series, apart_from: pd.Series | None = None) -> pd.Series:
    """Return, for each image, the path of one of the same key in another split.

    Args:
        frame: Rows with `path` and `split`.
        key: What makes two rows the same; null is like nothing.
        apart_from: Rows that are the same here too are no twins (they are reported elsewhere).

    Returns:
        Path of a twin, or null; index of `frame`.
    """
    other = pd.Series(None, index=frame.index, dtype="str")
    splits = frame["split"].groupby(key).transform("nunique")
    for _, rows in frame[splits > 1].groupby(key):
        sameness = rows["path"] if apart_from is None else apart_from[rows.index]
        other.update(pd.Series(dict(_pairs(rows, sameness)), dtype="str"))
    return other


def _pairs(rows: pd.DataFrame, sameness: pd.Series) -> Iterator[tuple[object, str]]:
    """Yield (index, path of its first twin) of the rows of one key."""
    members = list(zip(rows.index, rows["path"], rows["split"], sameness, strict=True))
    for index, _, split, same in members:
        twin = next((p for _, p, s, other in members if s != split and other != same), None)
        if twin is not None:
            yield index, twin
