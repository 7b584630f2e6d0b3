"""`rlr data import`: from a bucket to a new data version."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlr.config.data import DataConfig
from rlr.config.intake import IntakeConfig
from rlr.data.annotations import CAPTURE_CSV, GROUP_CSV
from rlr.data.images import SUFFIXES, looks_like_image
from rlr.data.index import index_images
from rlr.data.intake.client import connect
from rlr.data.intake.fetching import fetch_objects
from rlr.data.intake.labelling import Judgement, read_judge
from rlr.data.intake.ledger import Ledger, Record, read_ledger
from rlr.data.intake.listing import BucketObject, list_objects
from rlr.data.intake.location import Location, parse_location
from rlr.data.intake.naming import tree_path
from rlr.data.intake.tree import (
    add_files,
    add_rows,
    copy_tree,
    in_place_of,
    refuse_other_trees,
    restore,
)
from rlr.data.manifest import Manifest
from rlr.data.versions import data_version, record_parent
from rlr.data.workplace import workplace
from rlr.foundation.errors import UserError

FETCHED = "fetched"
LISTED = 5

logger = logging.getLogger("rlr")
