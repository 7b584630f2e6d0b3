"""Data versions: DVC's md5 of a folder, and the remote where its files can be had again.

DVC's own library does all of it (hashing, object store, transfer), so that what is published
here can be pulled with `dvc pull` and the other way round. No git and no DVC repository is
needed: a pod has neither.
"""

from rlr.data.versions.default_remote import set_default_remote
from rlr.data.versions.materialise import cached_folder, materialise, pulled_folder
from rlr.data.versions.parentage import read_parent, record_parent
from rlr.data.versions.pin import find_pin, pin, pinned_version
from rlr.data.versions.publish import publish
from rlr.data.versions.pull import pull
from rlr.data.versions.snapshot import data_version
from rlr.data.versions.verify import verify

__all__ = [
    "cached_folder",
    "data_version",
    "find_pin",
    "materialise",
    "pin",
    "pinned_version",
    "publish",
    "pull",
    "pulled_folder",
    "read_parent",
    "record_parent",
    "set_default_remote",
    "verify",
]
