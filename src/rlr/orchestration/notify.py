"""The end of a run, told to people: a line in the log, and a webhook where one is set."""

import http.client
import json
import logging
import os
import urllib.request
from collections.abc import Mapping
from typing import Any

WEBHOOK_VARIABLE = "RLR_WEBHOOK_URL"
TIMEOUT = 10.0  # seconds; a run does not wait for a chat room

logger = logging.getLogger("rlr")


def send(pipeline: str, state: str, message: str, facts: Mapping[str, str]) -> bool:
    """Tell how a run ended. A webhook that fails is logged, and never fails the run.

    The webhook's address is a secret: it comes from RLR_WEBHOOK_URL alone, and is never logged.

    Args:
        pipeline: Name of the pipeline's run.
        state: "SUCCEEDED", "FAILED" or "CANCELLED".
        message: What went wrong, or "".
        facts: What else is worth telling, such as the data version.

    Returns:
        Whether a webhook took the message.
    """
    told = [f"Run {pipeline}: {state.lower()}", message, *(f"{k} {v}" for k, v in facts.items())]
    text = ", ".join(part for part in told if part)
    logger.info("%s", text)
    body = {"text": text, "pipeline": pipeline, "state": state, "message": message, **facts}
    return post(WEBHOOK_VARIABLE, body)


def post(variable: str, body: Mapping[str, Any]) -> bool:
    """Send JSON to a webhook; this never fails, and never logs the address.

    Args:
        variable: Name of the environment variable that holds the address; unset: nothing is sent.
        body: What is sent.

    Returns:
        Whether the webhook took it.
    """
    address = os.environ.get(variable)
    if not address:
        return False
    try:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked below
            address,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        if request.type not in ("http", "https"):
            raise ValueError("not an http address")
        with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310
            return True
    except (OSError, ValueError, http.client.HTTPException) as error:
        # An error's text may hold the address; its kind does not.
        logger.warning("The webhook did not take the message (%s).", type(error).__name__)
        return False
