"""Changes to a set of images: each makes a new data version that names the one it comes from."""

from rlr.data.changes.change import Change, Edited
from rlr.data.changes.editing import edit
from rlr.data.changes.label import plan_labels
from rlr.data.changes.remove import plan_removal

__all__ = [
    "Change",
    "Edited",
    "edit",
    "plan_labels",
    "plan_removal",
]
