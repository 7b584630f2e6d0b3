"""The double itself: a test that it passes would prove nothing if it took anything."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import requests
import yaml
from kubeflow_api import KubeflowApi
from kubeflow_api.checking import RefusedError, check_document, check_pipeline

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def order(api: KubeflowApi, compiled: str) -> dict[str, Any]:
    """Return a body that starts a run."""
    experiment = api.store.add_experiment({"display_name": "rlr"})
    spec, platform = yaml.safe_load_all(compiled)
    return {
        "display_name": "good",
        "experiment_id": experiment["experiment_id"],
        "pipeline_spec": {"pipeline_spec": spec, "platform_spec": platform},
        "runtime_config": {"parameters": {"config": "tiny", "seed": 1, "overrides": []}},
    }


def send(api: KubeflowApi, body: dict[str, Any]) -> requests.Response:
    return requests.post(f"{api.address}/apis/v2beta1/runs", json=body, timeout=10)


def test_what_is_right_is_taken(api: KubeflowApi, order: dict[str, Any]) -> None:
    assert send(api, order).status_code == 200


def _spec(body: dict[str, Any]) -> dict[str, Any]:
    return body["pipeline_spec"]["pipeline_spec"]


def _kubernetes(body: dict[str, Any]) -> dict[str, Any]:
    platform = body["pipeline_spec"]["platform_spec"]["platforms"]["kubernetes"]
    return platform["deploymentSpec"]["executors"]["exec-work"]


WRONG: dict[str, tuple[Change, int, str]] = {
    "unknown field": (lambda b: b.update(colour="red"), 400, "body.colour is not a field of"),
    "wrong type": (lambda b: b.update(display_name=3), 400, "body.display_name is not str"),
    "wrong state": (lambda b: b.update(state="GOOD"), 400, "body.state is not one of"),
    "no name": (lambda b: b.pop("display_name"), 400, "A run needs a name"),
    "no experiment": (lambda b: b.update(experiment_id="x"), 404, "Experiment x not found"),
    "no pipeline": (lambda b: b.pop("pipeline_spec"), 400, "exactly one is needed"),
    "unknown part of the pipeline": (lambda b: _spec(b).update(more=1), 400, '"more"'),
    "no tasks": (lambda b: _spec(b)["root"]["dag"].pop("tasks"), 400, "tasks is not not empty"),
    "unknown part of a pod": (lambda b: _kubernetes(b).update(gpu=1), 400, '"gpu"'),
    "unknown parameter": (
        lambda b: b["runtime_config"]["parameters"].update(sed=1),
        400,
        "parameter sed is not an input",
    ),
    "parameter of the wrong type": (
        lambda b: b["runtime_config"]["parameters"].update(seed="1"),
        400,
        "parameter seed is not of type",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused(case: str, api: KubeflowApi, order: dict[str, Any]) -> None:
    change, status, words = WRONG[case]
    body = deepcopy(order)
    change(body)
    answer = send(api, body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]
    assert not api.store.runs


@pytest.mark.parametrize(
    ("document", "kind", "fits"),
    [
        ({"code": 1, "details": [{"type_url": "a"}]}, "GoogleRpcStatus", True),
        ({"code": True}, "GoogleRpcStatus", False),
        ({"details": {}}, "GoogleRpcStatus", False),
        ({"created_at": "yesterday"}, "V2beta1Pipeline", False),
        ({"tags": {"a": 1}}, "V2beta1Pipeline", False),
        ({"tags": {"a": "1"}, "created_at": "2026-01-02T03:04:05Z"}, "V2beta1Pipeline", True),
        ({"runs": [{"run_id": 1}]}, "V2beta1ListRunsResponse", False),
    ],
)
def test_documents_are_held_against_the_models(document: Any, kind: str, fits: bool) -> None:
    if fits:
        check_document(document, kind)
        return
    with pytest.raises(RefusedError):
        check_document(document, kind)


TRIGGER = {"cron_schedule": {"cron": "0 0 3 * * *"}}
WRONG_RECURRING: dict[str, tuple[Change, str]] = {
    "no trigger": (lambda b: b.pop("trigger"), "needs a trigger"),
    "five fields": (lambda b: b["trigger"]["cron_schedule"].update(cron="0 3 * * *"), "six fields"),
    "two triggers": (
        lambda b: b["trigger"].update(periodic_schedule={"interval_second": 60}),
        "needs a trigger",
    ),
    "unknown field": (lambda b: b["trigger"].update(zone="UTC"), "body.trigger.zone is not"),
    "too many at once": (lambda b: b.update(max_concurrency="11"), "out of range"),
    "wrong mode": (lambda b: b.update(mode="OFF"), "body.mode is not one of"),
    "unknown parameter": (
        lambda b: b["runtime_config"]["parameters"].update(sed=1),
        "parameter sed is not an input",
    ),
}


@pytest.fixture
def recurring(order: dict[str, Any]) -> dict[str, Any]:
    """Return a body that makes a recurring run, disabled."""
    more = {"trigger": deepcopy(TRIGGER), "max_concurrency": "1", "mode": "DISABLE"}
    return {**order, **more}


@pytest.mark.parametrize("case", WRONG_RECURRING)
def test_a_wrong_recurring_run_is_refused(
    case: str, api: KubeflowApi, recurring: dict[str, Any]
) -> None:
    change, words = WRONG_RECURRING[case]
    change(recurring)
    page = f"{api.address}/apis/v2beta1/recurringruns"
    answer = requests.post(page, json=recurring, timeout=10)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]
    assert not api.store.recurring


def test_a_recurring_run_is_switched_and_its_deletion_ends_its_runs(
    api: KubeflowApi, recurring: dict[str, Any], compiled: str
) -> None:
    pipeline = api.store.add_pipeline({"display_name": "p"})
    version = api.store.add_version(pipeline["pipeline_id"], "v", compiled, {})
    del recurring["pipeline_spec"]
    recurring["pipeline_version_reference"] = {
        key: version[key] for key in ("pipeline_id", "pipeline_version_id")
    }
    page = f"{api.address}/apis/v2beta1/recurringruns"
    made = requests.post(page, json=recurring, timeout=10).json()
    one = f"{page}/{made['recurring_run_id']}"
    assert made["status"] == "DISABLED"
    for verb, status in (("enable", "ENABLED"), ("disable", "DISABLED")):
        assert requests.post(f"{one}:{verb}", timeout=10).status_code == 200
        assert requests.get(one, timeout=10).json()["status"] == status
    run, over = (api.store.fire(made["recurring_run_id"])["run_id"] for _ in range(2))
    api.store.end(over)
    assert requests.delete(one, timeout=10).status_code == 200
    assert api.store.killed == [run]
    for answer in (requests.get(one, timeout=10), requests.delete(one, timeout=10)):
        assert answer.status_code == 404


def test_a_pipeline_without_a_platform_is_one(compiled: str) -> None:
    spec = check_pipeline(next(yaml.safe_load_all(compiled)))
    assert spec.pipeline_info.name == "rlr-short"


def test_an_upload_is_held_against_the_protobufs(api: KubeflowApi, compiled: str) -> None:
    documents = list(yaml.safe_load_all(compiled))
    documents[0]["more"] = 1
    page = f"{api.address}/apis/v2beta1/pipelines/upload"
    for text, status in ((yaml.safe_dump_all(documents), 400), (compiled, 200)):
        files = {"uploadfile": ("pipeline.yaml", text)}
        answer = requests.post(page, params={"name": "p"}, files=files, timeout=10)
        assert answer.status_code == status, answer.text


def test_a_filter_that_is_not_understood_is_refused(api: KubeflowApi) -> None:
    api.store.add_experiment({"display_name": "rlr"})
    predicate = {"operation": "LIKE", "key": "display_name", "stringValue": "x"}
    wanted = json.dumps({"predicates": [predicate]})
    page = f"{api.address}/apis/v2beta1/experiments"
    answer = requests.get(page, params={"filter": wanted}, timeout=10)
    assert answer.status_code == 400


def test_the_product_does_not_know_it(repository: Any) -> None:
    files = [
        path
        for folder in ("src", "components", "pipelines", "tools")
        for path in (repository / folder).rglob("*.py")
    ]
    assert files
    assert [path for path in files if "kubeflow_api" in path.read_text(encoding="utf-8")] == []
