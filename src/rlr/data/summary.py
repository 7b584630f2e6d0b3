"""A manifest in a few numbers a class."""

from typing import Any

import pandas as pd

from rlr.data.manifest import GOOD, SPLITS, UNREADABLE, Manifest


def summarise(manifest: Manifest) -> list[dict[str, Any]]:
    """Return one record a class, plain values only.

    Each has the number of images by split (test parted into good and defective ones), masks,
    groups, bytes and unreadable files, the number of images by defect type, by colour mode and
    by size ("WIDTHxHEIGHT"), the commonest first.
    """
    return [{"class": name, **_record(rows)} for name, rows in manifest.frame.groupby("class")]


def _record(rows: pd.DataFrame) -> dict[str, Any]:
    readable = rows[rows["mode"] != UNREADABLE]
    tested = rows.loc[rows["split"] == "test", "label"]
    sizes = readable["width"].astype(str) + "x" + readable["height"].astype(str)
    labels = rows["label"].dropna()
    return {
        "images": len(rows),
        **{split: int((rows["split"] == split).sum()) for split in SPLITS},
        "test_good": int((tested == GOOD).sum()),
        "test_defective": int((tested != GOOD).sum()),
        "masks": int(rows["mask"].notna().sum()),
        "groups": int(rows["group"].nunique()),
        "unreadable": len(rows) - len(readable),
        "bytes": int(rows["bytes"].sum()),
        "defects": _counts(labels[labels != GOOD]),
        "modes": _counts(readable["mode"]),
        "sizes": _counts(sizes),
    }


def _counts(values: pd.Series) -> dict[str, int]:
    counts = values.value_counts().items()
    ordered = sorted(counts, key=lambda item: (-item[1], item[0]))
    return {str(value): int(count) for value, count in ordered}
