"""Rows of numbers on disk, a row an image, for all who compute the same.

    <recipe>/recipe.json            what the rows are
    <recipe>/<shard>/rows.bin       float32, little-endian, row after row
    <recipe>/<shard>/index.json     sha256 of each row's image, and of rows.bin

A shard appears when it is complete and never changes. Knows neither images nor torch.
"""

from rlr.cache.bound import Bound
from rlr.cache.place import feature_cache_folder
from rlr.cache.rows import Place, Rows, open_rows, prepare_rows
from rlr.cache.shard import drop_shard, find_shards, in_use

__all__ = [
    "Bound",
    "Place",
    "Rows",
    "drop_shard",
    "feature_cache_folder",
    "find_shards",
    "in_use",
    "open_rows",
    "prepare_rows",
]
