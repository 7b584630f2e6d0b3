"""The two tables that are judged: one row an image, and one row a class."""

from dataclasses import dataclass

import pandas as pd

from rlr.config.validation import ValidationConfig
from rlr.data.manifest import GOOD, Manifest, is_defective
from rlr.validation.measure import Measures
from rlr.validation.near import near_twins
from rlr.validation.twins import twins


@dataclass(frozen=True)
class Tables:
    """What is judged; both are empty where the manifest itself is none.

    Attributes:
        images: As `image_table` makes it.
        classes: As `class_table` makes it.
    """

    images: pd.DataFrame
    classes: pd.DataFrame


def make_tables(manifest: Manifest, measures: Measures, config: ValidationConfig) -> Tables:
    """Return both tables of a manifest."""
    return Tables(image_table(manifest, measures, config), class_table(manifest.frame))


def image_table(manifest: Manifest, measures: Measures, config: ValidationConfig) -> pd.DataFrame:
    """Return the manifest with what was measured, and what only several images tell together.

    Column names read as sentences before their values: "same pixels as cable/test/good/003.png".
    """
    table = pd.concat([manifest.frame, measures.frame], axis=1)
    table["masks_expected"] = _masks_expected(table)
    readable = table["unreadable_because"].isna()  # the others, often empty, have been reported
    table["same_bytes_as"] = twins(table, table["sha256"].where(readable))
    table["same_pixels_as"] = twins(table, table["pixel_sha256"], apart_from=table["sha256"])
    table["same_part_as"] = _same_part_as(table)
    if config.severity.near_duplicate_across_splits != "off":  # the one that costs time
        near = near_twins(table, measures.thumbnails, config.near_duplicate_quantile)
        table = pd.concat([table, near], axis=1)
    return table


def _masks_expected(table: pd.DataFrame) -> pd.Series:
    """Return 1 for a defective test image of a class with masks, else 0; masks are optional."""
    measured = is_defective(table) & (table["split"] == "test")
    masked = table.loc[measured & table["mask"].notna(), "class"].unique()
    return (measured & table["class"].isin(masked)).astype("int64")


def _same_part_as(table: pd.DataFrame) -> pd.Series:
    """Return twins by group among the splits that a model is made and measured with."""
    used = table[table["split"] != "unlabelled"]
    content = used["pixel_sha256"].fillna(used["sha256"])  # duplicates are reported as such
    found = twins(used, used["class"] + "/" + used["group"], apart_from=content)
    return found.reindex(table.index)


def class_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how many images each class has in each split, and how far it is behind the largest.

    Returns:
        Columns class, train_good, validation_good, test_good, test_defective, unlabelled,
        imbalance (training images of the largest class over those of this one; null where none).
    """
    good, defective = frame["label"] == GOOD, is_defective(frame)
    kinds = {
        "train_good": (frame["split"] == "train") & good,
        "validation_good": (frame["split"] == "validation") & good,
        "test_good": (frame["split"] == "test") & good,
        "test_defective": (frame["split"] == "test") & defective,
        "unlabelled": frame["split"] == "unlabelled",
    }
    counts = pd.DataFrame(kinds).groupby(frame["class"]).sum().astype("int64")
    train = counts["train_good"]
    counts["imbalance"] = (train.max() / train.where(train > 0)).astype("float64")
    return counts.reset_index()
