"""The expectations: Great Expectations' own rules over the two tables, and their words.

Great Expectations takes seconds to import, hence it is imported inside the functions.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlr.config.validation import ValidationConfig
from rlr.data.manifest import COLUMNS, GOOD, SCHEMA, SPLITS

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation


@dataclass(frozen=True)
class Check:
    """One expectation of ours: it holds where all of its rules hold.

    Attributes:
        name: Its key under `validation.severity`.
        expected: What is expected, in words.
        advice: What to do where it fails.
        rules: Rules of Great Expectations.
        worst_first: Column whose least value is the worst offender; "": the table's order.
    """

    name: str
    expected: str
    advice: str
    rules: "tuple[Expectation, ...]"
    worst_first: str = ""


def column_checks() -> list[Check]:
    """Expectations on the table's form, before anything is read."""
    import great_expectations.expectations as gxe

    return [
        Check(
            "schema_columns",
            f"the manifest has rows, and the {len(COLUMNS)} columns of its schema in order",
            "write it again with `rlr data index`",
            (
                gxe.ExpectTableColumnsToMatchOrderedList(column_list=list(COLUMNS)),
                gxe.ExpectTableRowCountToBeBetween(min_value=1),
            ),
        )
    ]


def value_checks() -> list[Check]:
    """Expectations on the table's cells, before any image is read."""
    import great_expectations.expectations as gxe

    required = [field.name for field in SCHEMA if not field.nullable]
    return [
        Check(
            "schema_values",
            f"required cells are filled, every split is one of {', '.join(SPLITS)}, "
            "and no path stands twice",
            "write the manifest again with `rlr data index`",
            (
                *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in required),
                gxe.ExpectColumnValuesToBeInSet(column="split", value_set=list(SPLITS)),
                gxe.ExpectColumnValuesToBeUnique(column="path"),
            ),
        )
    ]


def image_checks(config: ValidationConfig) -> list[Check]:
    """Expectations on the rows of `tables.image_table`."""
    return [
        *_file_checks(config),
        _label_check(),
        *_leak_checks(config),
        *_mask_checks(),
        *_picture_checks(config),
    ]


def _file_checks(config: ValidationConfig) -> list[Check]:
    import great_expectations.expectations as gxe
    from great_expectations.expectations.row_conditions import Column

    readable = Column("unreadable_because").is_null()  # the others have been reported
    least, most = config.min_side, config.max_side
    return [
        Check(
            "readable",
            "every image can be decoded",
            "replace or remove the files",
            (gxe.ExpectColumnValuesToBeNull(column="unreadable_because"),),
        ),
        Check(
            "size",
            f"every image is {least} to {most} pixels wide and high",
            "remove the images, or change validation.min_side or validation.max_side",
            tuple(
                gxe.ExpectColumnValuesToBeBetween(
                    column=side, min_value=least, max_value=most, row_condition=readable
                )
                for side in ("width", "height")
            ),
        ),
        Check(
            "mode",
            f"the colour mode of every image is one of {', '.join(config.modes)}",
            "convert the images, or add the mode to validation.modes",
            (
                gxe.ExpectColumnValuesToBeInSet(
                    column="mode", value_set=config.modes, row_condition=readable
                ),
            ),
        ),
    ]


def _label_check() -> Check:
    import great_expectations.expectations as gxe
    from great_expectations.expectations.row_conditions import Column

    normal = Column("split").is_in(["train", "validation"])
    judged = Column("split").is_not_in(["unlabelled"])
    unjudged = Column("split").is_in(["unlabelled"])
    return Check(
        "label_of_split",
        "training and validation images are good, test images have a label, unlabelled ones none",
        "move the images to the split where they belong, and index again",
        (
            gxe.ExpectColumnValuesToBeInSet(column="label", value_set=[GOOD], row_condition=normal),
            gxe.ExpectColumnValuesToNotBeNull(column="label", row_condition=judged),
            gxe.ExpectColumnValuesToBeNull(column="label", row_condition=unjudged),
        ),
    )


def _leak_checks(config: ValidationConfig) -> list[Check]:
    import great_expectations.expectations as gxe

    checks = [
        Check(
            "duplicate_across_splits",
            "no image stands in two splits, be it the same bytes or the same decoded pixels",
            "remove it from all splits but one (an image of test is never trained on)",
            (
                gxe.ExpectColumnValuesToBeNull(column="same_bytes_as"),
                gxe.ExpectColumnValuesToBeNull(column="same_pixels_as"),
            ),
        ),
        Check(
            "group_across_splits",
            "no physical part stands in two of train, validation and test",
            "move all images of a part to one split",
            (gxe.ExpectColumnValuesToBeNull(column="same_part_as"),),
        ),
    ]
    if config.severity.near_duplicate_across_splits != "off":
        checks.append(_near_check(config.near_duplicate_quantile))
    return checks


def _near_check(quantile: float) -> Check:
    import great_expectations.expectations as gxe

    return Check(
        "near_duplicate_across_splits",
        "no image is nearer to one of another split than the nearest "
        f"{100 * quantile:g} % of the pairs of training images of its class are to each other",
        "look at the pairs; where they show one part, keep it in one split "
        f"({100 * quantile:g} % of harmless pairs are expected here too)",
        (gxe.ExpectColumnValuesToBeNull(column="nearly_same_as"),),
        worst_first="nearness",
    )


def _mask_checks() -> list[Check]:
    import great_expectations.expectations as gxe
    from great_expectations.expectations.row_conditions import Column

    good = Column("label").is_in([GOOD])
    defective = Column("label").is_not_in([GOOD]) & Column("label").is_not_null()
    expected = Column("masks_expected") > 0
    return [
        Check(
            "mask_readable",
            "every mask can be decoded",
            "replace the masks, or remove them from the manifest",
            (gxe.ExpectColumnValuesToBeNull(column="mask_unreadable_because"),),
        ),
        Check(
            "mask_size",
            "every mask has the width and height of its image",
            "export the masks again at the size of the images",
            tuple(
                gxe.ExpectColumnPairValuesToBeEqual(
                    column_A=f"mask_{side}",
                    column_B=side,
                    ignore_row_if="either_value_is_missing",
                    row_condition=Column("unreadable_because").is_null(),
                )
                for side in ("width", "height")
            ),
        ),
        Check(
            "mask_not_empty",
            "the mask of every defective image marks at least one pixel",
            "draw the defects, or take the empty masks away (masks are optional)",
            (
                gxe.ExpectColumnValuesToBeBetween(
                    column="mask_area", min_value=1, row_condition=defective
                ),
            ),
        ),
        Check(
            "mask_absent_for_good",
            "the mask of a good image, where there is one, marks nothing",
            "correct the label or take the mask away",
            (
                gxe.ExpectColumnValuesToBeBetween(
                    column="mask_area", max_value=0, row_condition=good
                ),
            ),
        ),
        Check(
            "mask_present_for_defects",
            "where a class has masks, each of its defective images has one",
            "add the missing masks; without one an image is left out of pixel metrics",
            (gxe.ExpectColumnValuesToNotBeNull(column="mask", row_condition=expected),),
        ),
    ]


def _picture_checks(config: ValidationConfig) -> list[Check]:
    import great_expectations.expectations as gxe

    dark, bright = config.brightness
    return [
        Check(
            "brightness",
            f"the mean grey value of every image is {dark:g} to {bright:g}",
            "look at exposure and lighting, or change validation.brightness",
            (
                gxe.ExpectColumnValuesToBeBetween(
                    column="brightness", min_value=dark, max_value=bright
                ),
            ),
        ),
        Check(
            "sharpness",
            f"the variance of the Laplacian of every image is at least {config.min_sharpness:g}",
            "look at focus and motion, or change validation.min_sharpness",
            (
                gxe.ExpectColumnValuesToBeBetween(
                    column="sharpness", min_value=config.min_sharpness
                ),
            ),
        ),
    ]


def class_checks(config: ValidationConfig) -> list[Check]:
    """Expectations on the rows of `tables.class_table`."""
    import great_expectations.expectations as gxe

    least = {
        "train_good": config.min_train_good,
        "validation_good": config.min_validation_good,
        "test_good": config.min_test_good,
        "test_defective": config.min_test_defective,
    }
    return [
        Check(
            "minimum_counts",
            "every class has at least {train_good} good training, {validation_good} good "
            "validation, {test_good} good test and {test_defective} defective test images".format(
                **least
            ),
            "add images, leave the class out with data.classes, or change validation.min_*",
            tuple(
                gxe.ExpectColumnValuesToBeBetween(column=kind, min_value=number)
                for kind, number in least.items()
            ),
        ),
        Check(
            "class_balance",
            "no class has more training images than another by a factor above "
            f"{config.max_imbalance:g}",
            "add images to the small classes, or change validation.max_imbalance",
            (
                gxe.ExpectColumnValuesToBeBetween(
                    column="imbalance", max_value=config.max_imbalance
                ),
            ),
        ),
    ]
