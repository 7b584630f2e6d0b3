"""The MLflow tracking server: runs in PostgreSQL, artifacts in S3 and passed through the server."""

import os
import sys

from rlr.foundation.errors import MachineError
from rlr.foundation.network import why_silent
from rlr.foundation.telemetry import OPT_OUTS
from rlr.infrastructure.services.place import ARTIFACT_BUCKET, REGION, Place, Settings
from rlr.infrastructure.services.processes import Daemon, Processes
from rlr.infrastructure.services.waiting import Patience

DAEMON = "mlflow"
ARTIFACTS = f"s3://{ARTIFACT_BUCKET}/artifacts"


def why_unable(settings: Settings, seconds: float) -> str | None:
    """Ask for the server's health; return why it does not answer, or None where it does."""
    return why_silent(f"{settings.tracking_uri}/health", seconds)


class MlflowServer:
    """The tracking server of a folder.

    Args:
        place: The folder.
        processes: Its daemons.
    """

    name: str = "mlflow"
    daemons: tuple[str, ...] = (DAEMON,)

    def __init__(self, place: Place, processes: Processes) -> None:
        self._place = place
        self._processes = processes

    def start(self, settings: Settings, patience: Patience) -> Settings:
        """Start the server; the first time, it makes its tables.

        Raises:
            MachineError: It does not come up.
        """
        self._processes.start(Daemon(DAEMON, self._command(settings), self._variables(settings)))

        def why_not_yet() -> str | None:
            if self._processes.pid(DAEMON) is None:
                raise MachineError(
                    f"MLflow left as soon as it had started; see {self._processes.log(DAEMON)}."
                )
            return self.why_unable(settings)

        patience.wait_for("MLflow", why_not_yet)
        return settings

    def why_unable(self, settings: Settings) -> str | None:
        """Return why the server does not answer, or None where it does."""
        return why_unable(settings, self._place.config.ask_seconds)

    def _command(self, settings: Settings) -> list[str]:
        hosts = [f"{host}:{settings.mlflow_port}" for host in ("127.0.0.1", "localhost")]
        words = {
            "--host": "127.0.0.1",
            "--port": settings.mlflow_port,
            "--workers": self._place.config.mlflow_workers,
            "--artifacts-destination": ARTIFACTS,
            "--allowed-hosts": ",".join(hosts),
        }
        pairs = [str(word) for pair in words.items() for word in pair]
        return [sys.executable, "-m", "mlflow", "server", "--serve-artifacts", *pairs]

    def _variables(self, settings: Settings) -> dict[str, str]:
        """Return its environment, which only its user and root may read."""
        return {
            **OPT_OUTS,
            "AWS_ENDPOINT_URL": settings.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            # Read at the first artifact: S3 may still be making up its credentials.
            "AWS_SHARED_CREDENTIALS_FILE": str(self._place.credentials_file),
            "MLFLOW_S3_ENDPOINT_URL": settings.endpoint,
            "MLFLOW_BACKEND_STORE_URI": settings.database_url,
            # Judges and scorers of language models: three more processes that nothing here needs.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "PYTHONUNBUFFERED": "1",
            "PATH": os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", ""))),
        }
