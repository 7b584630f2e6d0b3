"""The command `rlr`. Each command imports its room only when it runs."""

from rlr.cli.app import main

__all__ = ["main"]
