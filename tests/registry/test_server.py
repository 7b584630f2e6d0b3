import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import MachineError
from rlr.foundation.network import without_password
from rlr.registry.limits import BACKOFF, RETRIES, TIMEOUT, limit_requests
from rlr.registry.server import connect, experiment_id, explained, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port where somebody listens and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_settings_go_before_the_environment_and_the_environment_before_the_local_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://environment")
    assert tracking_uri(RegistryConfig(tracking_uri="http://settings")) == "http://settings"
    assert tracking_uri(RegistryConfig()) == "http://environment"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri(RegistryConfig()) == f"sqlite:///{tmp_path}/.rlr/mlflow/mlflow.db"


def test_a_server_that_is_away_is_told_at_once() -> None:
    uri = f"http://user:secret@127.0.0.1:{_free_port()}"
    start = time.monotonic()
    with pytest.raises(MachineError, match=r"127\.0\.0\.1:\d+ does not answer") as error:
        connect(RegistryConfig(tracking_uri=uri, timeout=2.0))
    assert time.monotonic() - start < 4
    assert "secret" not in str(error.value)


def test_a_server_that_does_not_answer_is_told_in_time(deaf_port: int) -> None:
    start = time.monotonic()
    with pytest.raises(MachineError, match="does not answer"):
        connect(RegistryConfig(tracking_uri=f"http://127.0.0.1:{deaf_port}", timeout=0.5))
    assert time.monotonic() - start < 3


def test_an_unhealthy_server_is_away() -> None:
    class Unhealthy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Unhealthy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(MachineError, match="503"):
            connect(RegistryConfig(tracking_uri=f"http://127.0.0.1:{server.server_port}"))
    finally:
        server.shutdown()
        server.server_close()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="cannot be made"):
        connect(RegistryConfig(tracking_uri=f"sqlite:///{tmp_path}/file/below/mlflow.db"))


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database, but it is long enough for a header")
    with pytest.raises(MachineError, match=r"sqlite:.*failed"):
        connect(RegistryConfig(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db"))


def test_the_local_store_is_made_quietly_with_its_artifacts_beside_it(tmp_path: Path) -> None:
    code = (
        "from rlr.config.registry import RegistryConfig\n"
        "from rlr.registry.server import connect, experiment_id\n"
        "client = connect(RegistryConfig())\n"
        "print(client.get_experiment(experiment_id(client, 'rlr')).artifact_location)\n"
        "assert experiment_id(client, 'rlr') == experiment_id(client, 'rlr')\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.strip() == f"file://{tmp_path}/.rlr/mlflow/artifacts"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".rlr"]


def test_a_deleted_experiment_is_told(client: "MlflowClient") -> None:
    client.delete_experiment(experiment_id(client, "gone"))
    with pytest.raises(MachineError, match="was deleted"):
        experiment_id(client, "gone")


def test_a_password_does_not_stand_in_a_log() -> None:
    assert without_password("postgresql://me:word@host:5432/db") == "postgresql://host:5432/db"
    assert without_password("sqlite:////var/lib/a@b.db") == "sqlite:////var/lib/a@b.db"


def test_a_failure_does_not_tell_the_password() -> None:
    from mlflow.exceptions import MlflowException

    uri = "http://me:word@host:5000"
    sentence = "http://host:5000 failed: no answer from http://host:5000/api"
    with pytest.raises(MachineError, match=sentence) as error, explained(uri):
        raise MlflowException(f"no answer from {uri}/api")
    assert "word" not in str(error.value)


def test_no_request_takes_for_ever(deaf_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow by itself would wait for 120 seconds, and try eight times."""
    import mlflow

    settings = RegistryConfig(request_seconds=1, retries=1)
    for name in (TIMEOUT, RETRIES, BACKOFF):
        monkeypatch.setenv(name, "")  # put back afterwards
    limit_requests(settings)
    client = mlflow.MlflowClient(f"http://127.0.0.1:{deaf_port}")
    start = time.monotonic()
    with pytest.raises(MachineError, match="failed"), explained(client.tracking_uri):
        client.get_run("0" * 32)
    assert time.monotonic() - start < 10
