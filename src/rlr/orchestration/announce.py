"""A change of the champion, told to those who serve it: a line in the log, and a webhook.

A webhook is told once, after the fact, and may miss it; who must not miss it asks the registry
(`rlr registry watch`).
"""

import logging
from collections.abc import Mapping
from typing import Any

from rlr.orchestration.notify import post
from rlr.registry.promotion import Moved

WEBHOOK_VARIABLE = "RLR_PROMOTION_WEBHOOK_URL"
EVENT = "champion_changed"

logger = logging.getLogger("rlr")


def announce(moved: Moved) -> bool:
    """Tell that the champion has changed; this never fails.

    The webhook's address is a secret: it comes from RLR_PROMOTION_WEBHOOK_URL alone, and is never
    logged.

    Args:
        moved: What was done. Where nothing was, nothing is told; what others had begun and this
            command has completed is told as well.

    Returns:
        Whether a webhook took the message.
    """
    if moved.dry_run or not (moved.changed or moved.completed):
        return False
    body = message(moved)
    logger.info("%s", body["text"])
    return post(WEBHOOK_VARIABLE, body)


def message(moved: Moved) -> Mapping[str, Any]:
    """Return what a webhook is told.

    Args:
        moved: What was done.
    """
    address = f"models:/{moved.model}/{moved.version}" if moved.version else None
    words = f"{moved.model}: {address or 'no version'} is champion"
    if moved.changed:
        words += f" ({moved.action}, before: {moved.former or 'none'})"
    return {
        "event": EVENT,
        "text": words,
        "model": moved.model,
        "champion": moved.version,
        "uri": address,
        "former": moved.former,
        "previous": moved.previous,
        "action": moved.action if moved.changed else moved.completed[-1].action,
        "entry": moved.entry if moved.entry is not None else moved.completed[-1].number,
        "audit_sha256": moved.sha256,
    }
