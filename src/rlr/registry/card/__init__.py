"""The card of a version: what it is for, what it was made from, how good it is, and where it ends.

One description is written twice, as Markdown and as a page, so the two cannot say different things.
"""

from rlr.registry.card.write import log_card, write_card

__all__ = ["log_card", "write_card"]
