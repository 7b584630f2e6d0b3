"""The words with which the manifests start MLflow, run for real on this machine."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

HOSTS = {"mlflow.rlr.svc.cluster.local:5000": 200, "localhost:5000": 200, "evil.example.org": 403}


def filled(word: str, values: dict[str, str]) -> str:
    """Put values where Kubernetes puts them: $(NAME)."""
    return re.sub(r"\$\((\w+)\)", lambda match: values[match[1]], word)


@pytest.fixture
def address(render: Callable[[str], list[dict[str, Any]]], tmp_path: Path) -> Iterator[str]:
    """Start the server as the overlay `dev` does, and yield its address."""
    manifests = render("overlays/dev")
    (deployment,) = (m for m in manifests if m["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    settings = next(m for m in manifests if m["metadata"]["name"].startswith("mlflow-"))["data"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Another port than 5000, and loopback alone: this machine is no pod.
    words = [filled(word, settings) for word in (*container["command"], *container["args"])]
    words = [
        word.replace("--port=5000", f"--port={port}").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        for word in words
    ]
    words[0] = str(Path(sys.executable).with_name(words[0]))
    environment = {
        **os.environ,
        **settings,
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{tmp_path / 'm.db'}",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            words, env=environment, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=60)


def status(url: str, host: str) -> int:
    request = urllib.request.Request(url, headers={"Host": host})  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_the_probe_passes_and_only_known_names_are_answered(address: str, tmp_path: Path) -> None:
    end = time.monotonic() + 150
    # The kubelet asks by the pod's address.
    while status(f"{address}/health", "10.42.0.7:5000") != 200:
        assert time.monotonic() < end, (tmp_path / "log").read_text()[-2000:]
        time.sleep(1)
    page = f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"
    assert {host: status(page, host) for host in HOSTS} == HOSTS
