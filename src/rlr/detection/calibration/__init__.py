"""What brings scores to one scale: the residuals of normal images, by place or by prototype.

Letters in the shape comments of this room: N images, L tokens of a level (its grid's height *
width), C channels, K prototypes (1 where there are none), F features of a descriptor.
"""

from rlr.detection.calibration.prototypes import Prototypes, describe, find_prototypes
from rlr.detection.calibration.tables import Calibration, LevelTables

__all__ = ["Calibration", "LevelTables", "Prototypes", "describe", "find_prototypes"]
