"""The backbone that travels with the package: `rlrnet`, trained on procedural images alone."""

from rlr.features.packaged.network import MEAN, STD, RlrNet, rlrnet

__all__ = ["MEAN", "STD", "RlrNet", "rlrnet"]
