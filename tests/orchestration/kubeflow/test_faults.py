"""Every command against every failure of the server: one sentence, and the right status."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kubeflow_api import KubeflowApi
from kubeflow_api.engine import Course

pytestmark = pytest.mark.usefixtures("compiled_once")

Ask = Callable[..., object]

COMMANDS = {
    "upload": ("upload",),
    "submit": ("submit",),
    "submit --version": ("submit", "--version=rlr-short-0"),
    "submit --wait": ("submit", "--wait", "--every=0.01"),
    "runs": ("runs",),
    "runs --experiment": ("runs", "--experiment=rlr"),
    "logs": ("logs", "RUN"),
    "logs --follow": ("logs", "RUN", "--follow"),
}
# What comes, its exit status, and what the sentence says.
FAULTS = {
    400: (2, "status 400, The test wants it so; correct what was given."),
    401: (2, "status 401, The test wants it so; set KF_PIPELINES_TOKEN, or name a file"),
    403: (2, "status 403, The test wants it so; ask for the right, or name your own namespace"),
    404: (2, "status 404, The test wants it so; see `rlr pipeline runs` for what is there, or"),
    409: (1, "status 409, The test wants it so; try again."),
    429: (1, "status 429, The test wants it so; it is busy; try again later."),
    500: (1, "status 500, The test wants it so; see the log of its API server, or try again."),
    503: (1, "status 503, The test wants it so; see the log of its API server, or try again."),
    "timeout": (1, "did not answer in time; try again, or wait longer with --request-timeout"),
    "drop": (1, "broke off the connection; try again"),
    "login": (
        2,
        "is a page for people, not the API: is there a login in front of it? Give a token, or",
    ),
}
# Where each command fails if the server still says that it is well.
DEEPER = {
    "upload": "/pipelines",
    "submit": "/experiments",
    "submit --version": "/pipelines",
    "submit --wait": "/experiments",
    "runs": "/runs",
    "runs --experiment": "/experiments",
    "logs": "/runs",
    "logs --follow": "/runs",
}


def require_one_sentence(answer: object, status: int, words: str) -> None:
    assert answer.status == status, answer.stderr
    assert answer.stdout == ""
    (line,) = answer.stderr.splitlines()
    assert line.startswith("rlr: ")
    assert words in line
    assert line.endswith((".", "`"))
    assert "Unexpected" not in line


def limit(fault: int | str) -> str:
    """Return an option: little patience where no answer comes, much on a busy machine."""
    return f"--request-timeout={0.5 if fault == 'timeout' else 30}"


def test_no_answer_is_waited_for_no_longer_than_said(ask: Ask, api: KubeflowApi) -> None:
    api.fail("timeout")
    start = time.monotonic()
    assert ask("runs", "--request-timeout=0.5").status == 1
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("depth", ["at once", "deeper"])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_failure_is_one_sentence(
    command: str, fault: int | str, depth: str, ask: Ask, api: KubeflowApi
) -> None:
    api.fail(fault, where="" if depth == "at once" else DEEPER[command])
    status, words = FAULTS[fault]
    answer = ask(*COMMANDS[command], limit(fault))
    require_one_sentence(answer, status, words)
    assert not api.store.runs


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_run_that_may_have_been_started_is_said_to_be_in_doubt(
    fault: int | str, ask: Ask, api: KubeflowApi
) -> None:
    """No answer to the order itself is not the same as a refusal."""
    api.fail(fault, where="/runs", method="POST")
    answer = ask("submit", limit(fault))
    require_one_sentence(answer, FAULTS[fault][0], FAULTS[fault][1].partition(";")[0])
    assert ("whether the run was started is not known" in answer.stderr) == (
        fault in ("timeout", "drop")
    )
    assert sum(request == "POST /apis/v2beta1/runs" for request in api.requests) == 1


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_an_upload_that_fails_at_its_end_is_one_sentence(
    fault: int | str, ask: Ask, api: KubeflowApi
) -> None:
    api.fail(fault, where="upload_version")
    answer = ask("upload", limit(fault))
    require_one_sentence(answer, FAULTS[fault][0], FAULTS[fault][1].partition(";")[0])


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_lost_logs_do_not_hide_the_states(fault: int | str, ask: Ask, api: KubeflowApi) -> None:
    api.go(Course(logs={"work": "words"}))
    assert ask("submit", "--wait", "--every=0.01").status == 0
    api.fail(fault, where="/log")
    (run,) = api.store.runs
    answer = ask("logs", run, limit(fault))
    assert answer.status == 0, answer.stderr
    assert "SUCCEEDED" in answer.stdout
    assert "is not to be had: " in answer.stdout
    assert "words" not in answer.stdout


def test_an_experiment_that_somebody_else_makes_is_used(ask: Ask, api: KubeflowApi) -> None:
    def hurry(request: str) -> None:
        if request == "POST /apis/v2beta1/experiments" and not api.store.experiments:
            api.store.add_experiment({"display_name": "rlr"})

    api.before = hurry
    assert ask("submit").status == 0
    assert len(api.store.experiments) == 1


@pytest.mark.parametrize("verb", ["upload", "submit", "runs", "logs"])
def test_a_server_that_is_not_there_is_told_at_once(verb: str, rlr: Ask, checkout: Path) -> None:
    words = {"logs": ("RUN",), "runs": ()}.get(verb, ("short",))
    answer = rlr("pipeline", verb, *words, "--endpoint=http://me:secret@127.0.0.1:9/base")
    require_one_sentence(answer, 1, "rlr: Kubeflow at http://127.0.0.1:9/base does not answer (")
    assert "secret" not in answer.stderr
