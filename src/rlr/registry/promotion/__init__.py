"""The champion changes here and nowhere else: promotion, rollback, and what was done without us.

Every change is an intent in the audit trail, then the aliases, then its completion.
"""

from rlr.registry.promotion.moving import Moved
from rlr.registry.promotion.promote import promote
from rlr.registry.promotion.reconcile import reconcile
from rlr.registry.promotion.rollback import rollback

__all__ = ["Moved", "promote", "reconcile", "rollback"]
