"""Submission against a stand-in for Kubeflow's API, which takes every run."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.submit import ENDPOINT_VARIABLE, submit_pipeline

COMPILED = """\
components: {}
deploymentSpec: {}
pipelineInfo: {name: test}
root: {dag: {tasks: {}}}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
"""


class Api(HTTPServer):
    """Answers what the client asks when it starts a run."""

    def __init__(self) -> None:
        self.runs: list[Any] = []
        self.refuse = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                experiment = {"experiment_id": "e1", "display_name": "rlr"}
                answers = {
                    "/apis/v2beta1/healthz": {"multi_user": False},
                    "/apis/v2beta1/experiments": {"experiments": [experiment]},
                }
                self._answer(answers.get(self.path.partition("?")[0], {}))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if api.refuse:
                    self.send_error(api.refuse)
                    return
                api.runs.append(body)
                self._answer({"run_id": "r1", "experiment_id": "e1"})

            def _answer(self, document: Any) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_run_is_started_with_its_parameters(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, api.address)
    parameters = Parameters("tiny", ("training.epochs=1",), seed=3)
    sent = submit_pipeline(COMPILED, parameters, "rlr", "nightly")
    assert sent.run_id == "r1"
    assert sent.url == f"{api.address}/#/runs/details/r1"
    (run,) = api.runs
    assert run["display_name"] == "nightly"
    assert run["runtime_config"]["parameters"] == parameters.as_arguments()
    assert run["pipeline_spec"]["pipelineInfo"]["name"] == "test"
    assert capsys.readouterr().out == ""


def test_a_refusal_is_told(api: Api) -> None:
    api.refuse = 403
    with pytest.raises(MachineError, match="did not take the run: status 403"):
        submit_pipeline(COMPILED, Parameters("tiny"), "rlr", "nightly", api.address)


def test_a_cluster_that_is_away_is_told_at_once() -> None:
    with pytest.raises(MachineError, match="does not answer") as error:
        submit_pipeline(COMPILED, Parameters(), "rlr", "x", "http://me:secret@127.0.0.1:9", 2.0)
    assert "secret" not in str(error.value)


def test_no_cluster_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT_VARIABLE, raising=False)
    with pytest.raises(UserError, match=ENDPOINT_VARIABLE):
        submit_pipeline(COMPILED, Parameters(), "rlr", "x")
