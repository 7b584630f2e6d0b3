"""Where the images are, and how they become a manifest."""

from typing import Annotated, Literal

from pydantic import Field

from rlr.config.intake import IntakeConfig
from rlr.config.section import Positive, Section, Share


class DataConfig(Section):
    """Images, their version, and the manifest that is made of them."""

    root: str = Field("data", description="Folder with the images.")
    version: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{32}\.dir$",
        description="Data version (DVC's .dir md5) to use; null: what lies in `root` today.",
    )
    remote: str | None = Field(
        None,
        description="DVC remote as a URL or folder; null: RLR_DATA_REMOTE, else the default of the "
        "checkout.",
    )
    cache: str | None = Field(
        None,
        description="Folder of pulled data versions; null: RLR_DATA_CACHE, else .rlr/versions.",
    )
    layout: Literal["auto", "mvtec", "visa", "btad", "realiad", "folder"] = Field(
        "auto", description="Folder layout; auto: recognised from the tree."
    )
    classes: list[str] | None = Field(None, description="Product classes to use; null: all.")
    validation_fraction: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.15, description="Share of normal training groups set aside, by the hash of the group."
    )
    group_pattern: str | None = Field(
        None,
        description="Regular expression on the relative path; its first group names the physical "
        "part or burst. Null: every image is a group of its own.",
    )
    group_csv: str | None = Field(
        None,
        description="CSV with the columns path, group; looked for in the data folder first, so "
        "that it can travel with the data version. Null: group.csv in the data folder, if any.",
    )
    capture_csv: str | None = Field(
        None,
        description="CSV with the columns path and any of captured_at, source, licence; looked "
        "for in the data folder first. Null: capture.csv there, if any.",
    )
    labels_csv: str | None = Field(
        None,
        description="CSV with the columns path, label and where wanted split (train, test): what "
        "images in `unlabelled` are; looked for in the data folder first.",
    )
    source: str | None = Field(None, description="Where the images come from, for the manifest.")
    licence: str | None = Field(None, description="Licence of the images, for the manifest.")
    previous_manifest: str | None = Field(
        None, description="Manifest whose test images must never be trained on."
    )
    assume_normal: bool = Field(
        False, description="Whether unjudged images are trained on, less the share for review."
    )
    review_share: Share = Field(
        0.05,
        description="Share of a class's unjudged images, those that score highest under the "
        "champion, held back for review; 0: all are trained on, unseen, and no champion is asked.",
    )
    champion: str | None = Field(
        None,
        description="Model that scores unjudged images: models:/NAME@ALIAS, models:/NAME/VERSION "
        "or a folder; null: models:/<registry.model_name>@champion.",
    )
    workers: Positive | None = Field(None, description="Reading threads; null: one a processor.")
    intake: IntakeConfig = IntakeConfig()


class SyntheticConfig(Section):
    """The generator of an industrial inspection set."""

    seed: int = Field(2024, ge=0, description="Seed of every picture.")
    size: Annotated[int, Field(ge=64, le=1024)] = Field(256, description="Side in pixels.")
    train_good: Positive = Field(70, description="Normal training images a class.")
    test_good: Positive = Field(20, description="Normal test images a class.")
    test_defective: Positive = Field(30, description="Defective test images a class.")
    workers: Positive | None = Field(
        None, description="Drawing processes; null: one a processor. They change no byte."
    )
