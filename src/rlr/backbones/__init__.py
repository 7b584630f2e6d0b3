"""Weights of backbones on this machine, without torch: those of the package and those brought.

What needs torch to be understood (whether weights fit an architecture) is in `rlr.features`.
"""

from rlr.backbones.packaged import packaged_names, packaged_weights
from rlr.backbones.record import Source, WeightsRecord
from rlr.backbones.store import STORE_VARIABLE, Entry, WeightsStore, open_weights_store

__all__ = [
    "STORE_VARIABLE",
    "Entry",
    "Source",
    "WeightsRecord",
    "WeightsStore",
    "open_weights_store",
    "packaged_names",
    "packaged_weights",
]
