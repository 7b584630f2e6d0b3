"""Runs started on a cluster: what is sent, what is waited for, and what is said at the end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from kubeflow_api import KubeflowApi
from kubeflow_api.engine import Course

from rlr.orchestration.images.reference import ImageReference

DIGEST = "sha256:" + "12" * 32
IMAGES = (f"--image-pipeline=r.example/p@{DIGEST}", f"--image-train=r.example/t@{DIGEST}")
Ask = Callable[..., object]

VERSION = "0" * 32 + ".dir"
STEPS = {"look", "work", "rest"}

LOG = """rlr | 10:00:01 work: started
Traceback (most recent call last):
  File "x.py", line 1, in work
rlr.foundation.errors.UserError: Image bad.png is black; replace it.
"""


def only_run(api: KubeflowApi) -> dict:
    (run,) = api.store.runs.values()
    return run


def test_a_run_is_started_as_it_was_ordered(ask: Ask, api: KubeflowApi) -> None:
    answer = ask(
        "submit",
        "--config=tiny",
        "--set=training.epochs=1",
        "--seed=3",
        f"--data-version={VERSION}",
        "--run-name=nightly",
        "--experiment=line 4",
        "--service-account=trainer",
        "--json",
    )
    assert answer.status == 0, answer.stderr
    run = only_run(api)
    document = json.loads(answer.stdout)
    assert document["run_id"] == run["run_id"]
    assert document["url"] == f"{api.address}/#/runs/details/{run['run_id']}"
    assert document["state"] == "PENDING"
    assert run["display_name"] == "nightly"
    assert run["service_account"] == "trainer"
    assert run["runtime_config"]["parameters"] == {
        "config": "tiny",
        "overrides": ["training.epochs=1"],
        "data_version": VERSION,
        "seed": 3,
    }
    (experiment,) = api.store.experiments.values()
    assert experiment["display_name"] == "line 4"
    assert run["experiment_id"] == experiment["experiment_id"]


def test_the_images_are_in_the_pipeline_by_digest(ask: Ask, api: KubeflowApi) -> None:
    words = (f"pipeline.image_train=r.example/t@{DIGEST}", f"pipeline.image_pipeline=r/p@{DIGEST}")
    assert ask("submit", *(f"--set={word}" for word in words)).status == 0
    executors = only_run(api)["pipeline_spec"]["pipeline_spec"]["deploymentSpec"]["executors"]
    work, look = executors["exec-work"]["container"], executors["exec-look"]["container"]
    for container, name in ((work, "r.example/t"), (look, "r/p")):
        assert container["image"] == f"{name}@{DIGEST}"
        assert {"name": "RLR_IMAGE", "value": f"{name}@{DIGEST}"} in container["env"]


@pytest.mark.parametrize("verb", ["submit", "upload"])
def test_a_tag_becomes_the_digest_that_the_registry_has(
    verb: str, ask: Ask, api: KubeflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def find_digest(image: ImageReference, _timeout: float) -> str:
        asked.append((image.registry, image.repository, image.tag))
        return DIGEST

    monkeypatch.setattr("rlr.orchestration.images.pin.find_digest", find_digest)
    assert (
        ask(verb, "--image-pipeline=hub.example/p:1", "--image-train=hub.example/t:2").status == 0
    )
    assert asked == [("hub.example", "p", "1"), ("hub.example", "t", "2")]
    (sent,) = (*api.store.runs.values(), *api.store.versions.values())
    text = json.dumps(sent["pipeline_spec"])
    for image in (f"hub.example/p@{DIGEST}", f"hub.example/t@{DIGEST}"):
        assert f'"image": "{image}"' in text
        assert f'"value": "{image}"' in text  # RLR_IMAGE
    assert "hub.example/p:1" not in text


def test_an_image_without_a_digest_is_refused_unless_a_tag_is_allowed(
    ask: Ask, api: KubeflowApi
) -> None:
    words = ("--image-pipeline=rlr-pipeline:1", "--image-train=rlr-train:1")
    answer = ask("submit", *words)
    assert answer.status == 2
    assert answer.stderr == (
        "rlr: The image rlr-pipeline:1 names no registry that knows its digest; push it and name "
        "it as registry.example/name:tag, or pass --allow-tag if each node has it.\n"
    )
    assert not api.requests  # nothing was asked, let alone started
    allowed = ask("submit", "--allow-tag", *words)
    assert allowed.status == 0
    assert "rlr-train:1 stays a tag" in allowed.stderr
    text = json.dumps(only_run(api)["pipeline_spec"])
    assert '"image": "rlr-train:1"' in text


def test_without_the_cache_no_step_is_reused(ask: Ask, api: KubeflowApi) -> None:
    assert ask("submit").status == 0
    assert ask("submit", "--set=pipeline.cache=false", *IMAGES).status == 0
    cached, uncached = (
        {
            name
            for name, task in tasks(run["pipeline_spec"]["pipeline_spec"])
            if task.get("cachingOptions", {}).get("enableCache")
        }
        for run in api.store.runs.values()
    )
    assert cached >= STEPS
    assert uncached & STEPS == set()


def tasks(spec: dict) -> Iterator[tuple[str, dict]]:
    for component in (spec["root"], *spec["components"].values()):
        yield from component.get("dag", {}).get("tasks", {}).items()


def test_waiting_tells_each_change_and_ends_well(ask: Ask, api: KubeflowApi) -> None:
    api.go(Course(cached=("look",), retried=("work",)))
    answer = ask("submit", "--wait", "--every=0.01", "--json")
    assert answer.status == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["state"] == "SUCCEEDED"
    assert [step["name"] for step in document["steps"]] == ["look", "work"]
    assert [len(step["pods"]) for step in document["steps"]] == [0, 2]
    lines = answer.stderr.splitlines()
    assert lines[1:] == [
        "run: PENDING",
        "run: RUNNING",
        "look: RUNNING",
        "look: SUCCEEDED (from the cache)",
        "work: RUNNING",
        "work: SUCCEEDED",
        "run: SUCCEEDED",
    ]
    assert lines[0].startswith("Started: ")


@pytest.mark.parametrize("older_names", [False, True])
def test_a_failure_is_told_in_the_words_of_its_step(
    older_names: bool, ask: Ask, api: KubeflowApi
) -> None:
    api.go(Course(fails="work", logs={"work": LOG}, ids=older_names))
    answer = ask("submit", "--wait", "--every=0.01", "--json")
    assert answer.status == 1
    run_id = only_run(api)["run_id"]
    assert answer.stderr.splitlines()[-1] == (
        f"rlr: The run {run_id} ended as FAILED: the step work failed: Image bad.png is black; "
        f"replace it; `rlr pipeline logs {run_id}` shows more."
    )
    assert json.loads(answer.stdout)["state"] == "FAILED"


def test_a_failure_without_a_log_is_told_in_the_words_of_the_engine(
    ask: Ask, api: KubeflowApi
) -> None:
    api.shows_logs = False
    api.go(Course(fails="work", message="OOMKilled (exit code 137)"))
    answer = ask("submit", "--wait", "--every=0.01")
    assert answer.status == 1
    assert "the step work failed: OOMKilled (exit code 137); `rlr" in answer.stderr


def test_a_cancelled_run_is_a_failure(ask: Ask, api: KubeflowApi) -> None:
    api.go(Course(cancelled_after="look"))
    answer = ask("submit", "--wait", "--every=0.01")
    assert answer.status == 1
    assert "ended as CANCELED" in answer.stderr
    assert "run: CANCELING" in answer.stderr


def test_the_time_may_be_up(ask: Ask, api: KubeflowApi) -> None:
    api.go(Course(stops_at="work"))
    answer = ask("submit", "--wait", "--every=0.01", "--timeout=0.3")
    assert answer.status == 1
    run_id = only_run(api)["run_id"]
    assert answer.stderr.splitlines()[-1] == (
        f"rlr: After 0.3 s the run {run_id} is not over (state RUNNING); it goes on: follow it "
        f"with `rlr pipeline logs {run_id} --follow`."
    )


def test_waiting_bears_a_server_that_is_away_for_a_moment(ask: Ask, api: KubeflowApi) -> None:
    api.fail(503, times=3, where="/runs/")
    api.fail("drop", times=1, where="/runs/")
    answer = ask("submit", "--wait", "--every=0.01")
    assert answer.status == 0
    assert answer.stderr.count("status 503") == 3
    assert "(4 of 6)" in answer.stderr


def test_waiting_gives_up_on_a_server_that_is_lost(ask: Ask, api: KubeflowApi) -> None:
    api.fail(500, where="/runs/")
    answer = ask("submit", "--wait", "--every=0.01")
    assert answer.status == 1
    assert "The run may go on: follow it with" in answer.stderr.splitlines()[-1]


def test_waiting_ends_at_once_when_a_token_runs_out(ask: Ask, api: KubeflowApi) -> None:
    api.fail(401, where="/runs/")
    answer = ask("submit", "--wait", "--every=0.01")
    assert answer.status == 2
    assert answer.stderr.count("status 401") == 1
    assert "The run goes on: follow it with" in answer.stderr.splitlines()[-1]


def test_a_short_timeout_does_not_wait_for_the_next_look(ask: Ask, api: KubeflowApi) -> None:
    """The state is looked at again when the time is up, though the next look would be later."""
    assert ask("submit", "--wait", "--every=60", "--timeout=0.1").status == 1
    (run,) = api.store.runs
    assert api.requests.count(f"GET /apis/v2beta1/runs/{run}") == 2


def test_interrupting_leaves_the_run_alone(api: KubeflowApi, checkout: Path) -> None:
    api.go(Course(stops_at="work"))
    words = ["-m", "rlr", "pipeline", "submit", "short", f"--endpoint={api.address}", *IMAGES]
    words += ["--wait", "--every=0.05"]
    process = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=checkout,
        env=dict(os.environ),
    )
    deadline = time.monotonic() + 60
    while sum("/runs/" in request for request in api.requests) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    run_id = only_run(api)["run_id"]
    assert stderr.splitlines()[-1] == (
        f"The run {run_id} goes on; follow it with `rlr pipeline logs {run_id} --follow`."
    )
    assert not any(":terminate" in request for request in api.requests)


def test_an_uploaded_version_runs_with_its_own_defaults(ask: Ask, api: KubeflowApi) -> None:
    assert ask("upload", "--config=tiny").status == 0
    (version,) = api.store.versions.values()
    for name in (version["display_name"], version["pipeline_version_id"]):
        assert ask("submit", f"--version={name}", "--seed=7").status == 0
    for run in api.store.runs.values():
        assert "pipeline_spec" not in run
        reference = run["pipeline_version_reference"]
        assert reference["pipeline_version_id"] == version["pipeline_version_id"]
        assert run["runtime_config"]["parameters"] == {"seed": 7}


def test_a_version_that_is_not_there_is_told(ask: Ask, api: KubeflowApi) -> None:
    answer = ask("submit", "--version=rlr-short-0")
    assert answer.status == 2
    assert "has no pipeline rlr-short; upload it first" in answer.stderr
    assert ask("upload").status == 0
    (version,) = api.store.versions.values()
    answer = ask("submit", "--version=rlr-short-0")
    assert answer.status == 2
    assert f"has no version rlr-short-0 at {api.address}; its newest: " in answer.stderr
    assert version["display_name"] in answer.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--timeout=3",), "--timeout is for --wait; give both, or neither."),
        (("--version=x", "--allow-tag"), "A version has its images already"),
        (("--set=training.epoch=1",), "--set training.epoch: unknown key"),
        (("--image-train=Not An Image:1", "--image-pipeline=y:1"), "is not the name of an image"),
    ],
)
def test_wrong_orders_are_refused_before_anything_is_asked(
    words: tuple[str, ...], sentence: str, ask: Ask, api: KubeflowApi
) -> None:
    answer = ask("submit", *words)
    assert answer.status == 2
    assert sentence in answer.stderr
    assert not api.requests


def test_the_training_pipeline_is_one_that_kubeflow_takes(
    rlr: Callable[..., object], api: KubeflowApi, repository: Path
) -> None:
    here = (f"--endpoint={api.address}", f"--project={repository}", *IMAGES)
    assert rlr("pipeline", "upload", "training", *here).status == 0
    answer = rlr("pipeline", "submit", "training", "--wait", "--every=0.01", *here, "--json")
    assert answer.status == 0, answer.stderr
    steps = [step["name"] for step in json.loads(answer.stdout)["steps"]]
    ran = {"validate-data", "train", "evaluate", "gate", "register", "promote", "notify"}
    assert set(steps) == ran
    text = yaml.safe_dump(only_run(api)["pipeline_spec"])
    assert "rlr-train:" not in text
    assert "rlr-pipeline:" not in text


def test_the_distributed_pipeline_is_one_that_kubeflow_takes(
    rlr: Callable[..., object], api: KubeflowApi, repository: Path
) -> None:
    here = (f"--endpoint={api.address}", f"--project={repository}", *IMAGES)
    answer = rlr("pipeline", "upload", "training_distributed", *here)
    assert answer.status == 0, answer.stderr
    (version,) = api.store.versions.values()
    text = yaml.safe_dump(version["pipeline_spec"])
    assert f"r.example/t@{DIGEST}" in text
    assert "rlr-train:" not in text
