"""Configuration: strict, frozen, complete, and the same for the command line and the cluster."""

from rlr.config.load import load_config
from rlr.config.schema import Config

__all__ = ["Config", "load_config"]
