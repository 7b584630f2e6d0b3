"""Writing a card into a folder, and into the run of its version."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.config import Config
from rlr.foundation.atomic import atomic_file
from rlr.registry.card.describe import describe
from rlr.registry.card.markdown import to_markdown
from rlr.registry.card.page import to_page
from rlr.registry.card.sources import read_sources
from rlr.registry.limits import transfers
from rlr.registry.lineage import draw_lineage
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient

MARKDOWN_FILE = "card.md"
PAGE_FILE = "card.html"
PICTURE_FILE = "lineage.svg"
PLACE = "card"  # folder of the run's artifacts; the version's number below it


def write_card(client: "MlflowClient", settings: Config, reference: str, folder: Path) -> str:
    """Write the card of a version: card.md, card.html, lineage.svg.

    Args:
        client: Client of the registry.
        settings: Where the registry is; its words go before those of the version's run.
        reference: `models:/NAME/VERSION` or `models:/NAME@ALIAS`.
        folder: Folder to write.

    Returns:
        `models:/NAME/VERSION`.

    Raises:
        UserError: There is no such version.
        MachineError: The server failed, or the folder cannot be written.
    """
    sources = read_sources(client, settings, reference)
    card = describe(sources, settings)
    picture = draw_lineage([sources.facts])
    for name, text in (
        (PICTURE_FILE, str(picture)),
        (MARKDOWN_FILE, to_markdown(card, PICTURE_FILE)),
        (PAGE_FILE, to_page(card, picture)),
    ):
        with atomic_file(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return str(sources.facts["version"])


def log_card(client: "MlflowClient", settings: Config, reference: str) -> str:
    """Write the card of a version into the artifacts of its run.

    Args:
        client: Client of the registry.
        settings: As for `write_card`.
        reference: `models:/NAME/VERSION`.

    Returns:
        Folder among the artifacts.

    Raises:
        UserError: There is no such version.
        MachineError: The server failed.
    """
    name, _, number = reference.removeprefix("models:/").rpartition("/")
    with tempfile.TemporaryDirectory() as scratch:
        write_card(client, settings, reference, Path(scratch))
        with explained(client.tracking_uri), transfers(settings.registry):
            run_id = client.get_model_version(name, number).run_id
            client.log_artifacts(run_id, scratch, f"{PLACE}/{number}")
    return f"{PLACE}/{number}"
