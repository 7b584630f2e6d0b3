"""Lists of runs, and the logs of their steps."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from kubeflow_api import KubeflowApi
from kubeflow_api.engine import Course, pod_of
from kubeflow_api.store import workflow_of

pytestmark = pytest.mark.usefixtures("compiled_once")

Ask = Callable[..., object]
LOGS = {"look": "looking\nseen\n", "work": "working\ndone\n"}


@pytest.fixture
def two(ask: Ask, api: KubeflowApi) -> list[str]:
    """Start a run that succeeds and one that fails, and return their ids."""
    api.go(Course(logs=LOGS))
    assert ask("submit", "--wait", "--every=0.01", "--run-name=good").status == 0
    api.go(Course(fails="work", logs=LOGS))
    words = ("--wait", "--every=0.01", "--run-name=bad", "--experiment=other")
    assert ask("submit", *words).status == 1
    return list(api.store.runs)


def listed(ask: Ask, *words: str) -> list[dict]:
    answer = ask("runs", "--json", *words)
    assert answer.status == 0, answer.stderr
    return json.loads(answer.stdout)["runs"]


def test_the_newest_run_stands_first(ask: Ask, two: list[str]) -> None:
    found = listed(ask)
    assert [run["run_id"] for run in found] == two[::-1]
    assert [run["state"] for run in found] == ["FAILED", "SUCCEEDED"]
    text = ask("runs").stdout
    assert text.index("bad") < text.index("good")


def test_runs_are_chosen_by_experiment_and_state(ask: Ask, two: list[str]) -> None:
    assert [run["name"] for run in listed(ask, "--experiment=other")] == ["bad"]
    assert [run["name"] for run in listed(ask, "--state=succeeded")] == ["good"]
    assert listed(ask, "--experiment=other", "--state=SUCCEEDED") == []
    wrong = ask("runs", "--state=GOOD")
    assert wrong.status == 2
    assert "There is no state GOOD; there are PENDING, " in wrong.stderr
    missing = ask("runs", "--experiment=none")
    assert missing.status == 2
    assert "has no experiment none." in missing.stderr


def test_many_runs_come_page_by_page(ask: Ask, api: KubeflowApi, two: list[str]) -> None:
    pattern = api.store.runs[two[1]]
    for number in range(250):
        run = {**pattern, "run_id": f"r{number}", "display_name": str(number)}
        api.store.runs[f"r{number}"] = {**run, "created_at": f"2027-01-01T00:{number // 60:02}:00Z"}
    assert len(listed(ask, "--limit=230")) == 230
    api.requests.clear()
    assert [run["name"] for run in listed(ask, "--state=SUCCEEDED")] == ["good"]
    assert api.requests.count("GET /apis/v2beta1/runs") == 3
    api.requests.clear()
    assert len(listed(ask, "--limit=3")) == 3
    assert api.requests.count("GET /apis/v2beta1/runs") == 1


def test_no_run_at_all(ask: Ask) -> None:
    assert listed(ask) == []


def test_logs_show_each_step_and_what_it_said(ask: Ask, two: list[str]) -> None:
    answer = ask("logs", two[1], "--json")
    assert answer.status == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["state"] == "FAILED"
    assert [(step["name"], step["state"]) for step in document["steps"]] == [
        ("look", "SUCCEEDED"),
        ("work", "FAILED"),
    ]
    assert [step["logs"][0]["log"] for step in document["steps"]] == list(LOGS.values())
    text = ask("logs", two[1]).stdout
    assert "--- work, pod workflow-" in text
    assert "working\ndone\n" in text


def test_logs_of_one_step(ask: Ask, two: list[str]) -> None:
    text = ask("logs", two[0], "--task=look").stdout
    assert "looking" in text
    assert "working" not in text
    wrong = ask("logs", two[0], "--task=lok")
    assert wrong.status == 2
    assert f"The run {two[0]} has no step lok so far; its steps: look, work." in wrong.stderr


def test_a_run_that_is_not_there(ask: Ask) -> None:
    answer = ask("logs", "nonsense")
    assert answer.status == 2
    assert "did not show the run nonsense: status 404, Run nonsense not found" in answer.stderr


def test_following_prints_lines_as_they_come(ask: Ask, api: KubeflowApi) -> None:
    logs = {"look": "one\n", "work": ""}
    api.go(Course(logs=logs))
    assert ask("submit").status == 0
    (run,) = api.store.runs

    def say(request: str) -> None:
        if request.endswith("/log"):
            logs["work"] += "a line\nhalf"

    api.before = say
    answer = ask("logs", run, "--follow", "--every=0.01")
    assert answer.status == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines.count("look | one") == 1
    said = [line.removeprefix("work | ") for line in lines if line.startswith("work | ")]
    assert "\n".join(said) == logs["work"][: len("\n".join(said))]
    assert said[0] == "a line"
    assert said[-1] == "half"
    assert f"Run: {run} (SUCCEEDED)" in answer.stdout
    refused = ask("logs", run, "--follow", "--json")
    assert refused.status == 2


@pytest.fixture
def kubernetes(two: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list]:
    """Yield the questions to a stand-in for Kubernetes, which the kubeconfig names."""
    asked: list[str] = []
    pod = pod_of(workflow_of(two[0]), "work")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            where = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(where.query).items()}
            asked.append(f"{where.path} {json.dumps(query)}")
            pods = "/api/v1/namespaces/kubeflow/pods"
            if where.path == pods and query == {"labelSelector": f"pipeline/runid={two[0]}"}:
                self._answer(json.dumps({"items": [{"metadata": {"name": pod}}]}))
            elif where.path == f"{pods}/{pod}/log" and query == {"container": "main"}:
                self._answer("from the pod\n")
            else:
                self.send_error(404)

        def _answer(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    config = {
        "clusters": [
            {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        ],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(file))
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_kubernetes_is_asked_where_kubeflow_shows_no_logs(
    ask: Ask, api: KubeflowApi, two: list[str], kubernetes: list[str]
) -> None:
    api.shows_logs = False
    document = json.loads(ask("logs", two[0], "--json").stdout)
    look, work = (step["logs"][0] for step in document["steps"])
    assert work["log"] == "from the pod\n"
    assert look["log"] is None  # its pod is gone
    assert "is not to be had" in look["missing"]
    assert kubernetes


def test_a_log_that_nobody_has_is_told_with_its_place(
    ask: Ask, api: KubeflowApi, two: list[str]
) -> None:
    api.shows_logs = False
    answer = ask("logs", two[0])
    assert answer.status == 0
    pod = pod_of(workflow_of(two[0]), "work")
    assert f"Try `kubectl logs -n kubeflow {pod} -c main`." in answer.stdout
    elsewhere = ask("logs", two[0], "--namespace=team")
    assert f"Try `kubectl logs -n team {pod} -c main`." in elsewhere.stdout
