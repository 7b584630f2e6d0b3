"""The artifacts of a run, read one by one into memory."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.config.registry import RegistryConfig
from rlr.registry.limits import transfers
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient


class RunFiles:
    """The artifacts of a run; a folder is listed once.

    Args:
        client: Client of the tracking server.
        settings: How long requests may take.
        run_id: The run; None: there is none, and so no file.
    """

    def __init__(
        self, client: "MlflowClient", settings: RegistryConfig, run_id: str | None
    ) -> None:
        self._client, self._settings, self._run_id = client, settings, run_id
        self._listed: dict[str, list[str]] = {}

    def read(self, path: str) -> bytes | None:
        """Return the bytes of an artifact; None where there is none of that name.

        Raises:
            MachineError: The server failed.
        """
        if self._run_id is None:
            return None
        with (
            explained(self._client.tracking_uri),
            transfers(self._settings),
            tempfile.TemporaryDirectory() as scratch,
        ):
            if path not in self._list(path.rpartition("/")[0]):
                return None
            fetched = self._client.download_artifacts(self._run_id, path, scratch)
            return Path(fetched).read_bytes()

    def _list(self, folder: str) -> list[str]:
        if folder not in self._listed:
            found = self._client.list_artifacts(self._run_id, folder or None)
            self._listed[folder] = [entry.path for entry in found]
        return self._listed[folder]
