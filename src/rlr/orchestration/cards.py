"""The card that a registration leaves with the run of its version."""

import logging
from typing import TYPE_CHECKING

from rlr.config import Config
from rlr.foundation.errors import RlrError

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger("rlr")


def leave_card(client: "MlflowClient", settings: Config, version: str) -> None:
    """Write the card of a version that was just registered; the version stands without it, too.

    Args:
        client: Client of the registry.
        settings: The configuration of the registration.
        version: `models:/NAME/VERSION`.
    """
    from rlr.registry.card import log_card

    try:
        place = log_card(client, settings, version)
    except RlrError as error:
        logger.warning(
            "%s has no card yet (%s); write it with `rlr card %s --log`.", version, error, version
        )
    else:
        logger.info("%s: its card is in the artifacts of its run (%s)", version, place)
