"""Versions of a pipeline: named by their content, and there once."""

import json
from collections.abc import Callable

from kubeflow_api import KubeflowApi

from rlr.orchestration.kubeflow.versions import version_name

Ask = Callable[..., object]


def uploads(api: KubeflowApi) -> int:
    return sum(request.endswith("/upload_version") for request in api.requests)


def test_the_same_content_is_uploaded_once(ask: Ask, api: KubeflowApi) -> None:
    first = ask("upload", "--json")
    assert first.status == 0, first.stderr
    again = ask("upload", "--json")
    assert again.status == 0
    (version,) = api.store.versions.values()
    (pipeline,) = api.store.pipelines.values()
    assert pipeline["display_name"] == "rlr-short"
    assert pipeline["description"] == "A short pipeline for a test."
    documents = json.loads(first.stdout), json.loads(again.stdout)
    assert [document.pop("uploaded") for document in documents] == [True, False]
    assert documents[0] == documents[1]
    assert documents[0]["version"] == version["display_name"]
    assert documents[0]["version_id"] == version["pipeline_version_id"]
    assert uploads(api) == 1
    assert "There already: rlr-short-" in ask("upload").stdout


def test_other_content_is_another_version_of_the_same_pipeline(ask: Ask, api: KubeflowApi) -> None:
    for config in ("tiny", "demo", "tiny"):
        assert ask("upload", f"--config={config}").status == 0
    assert len(api.store.pipelines) == 1
    names = [version["display_name"] for version in api.store.versions.values()]
    assert len(set(names)) == len(names) == 2


def test_a_version_behind_many_others_is_found(ask: Ask, api: KubeflowApi) -> None:
    assert ask("upload").status == 0
    (version,) = api.store.versions.values()
    for number in range(250):
        other = {**version, "display_name": f"other-{number}", "pipeline_version_id": str(number)}
        api.store.versions[str(number)] = {**other, "created_at": "2027-01-01T00:00:00+00:00"}
    assert "There already" in ask("upload").stdout
    pages = [request for request in api.requests if request.endswith("/versions")]
    assert len(pages) >= 1 + 3


def test_whoever_is_slower_takes_what_is_there(ask: Ask, api: KubeflowApi) -> None:
    """Somebody else makes the pipeline, and then the version, just before this upload does."""
    assert ask("upload").status == 0
    pipelines, versions = dict(api.store.pipelines), dict(api.store.versions)
    api.store.pipelines.clear()
    api.store.versions.clear()

    def hurry(request: str) -> None:
        if request == "POST /apis/v2beta1/pipelines":
            api.store.pipelines.update(pipelines)
        if request.endswith("/upload_version"):
            api.store.versions.update(versions)

    api.before = hurry
    answer = ask("upload", "--json")
    assert answer.status == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["uploaded"] is False
    assert document["version_id"] in versions
    assert document["pipeline_id"] in pipelines
    assert len(api.store.versions) == 1


def test_an_upload_that_broke_off_is_finished_by_the_next(ask: Ask, api: KubeflowApi) -> None:
    api.fail(500, times=1, where="upload_version")
    assert ask("upload").status == 1
    assert len(api.store.pipelines) == 1
    assert not api.store.versions
    assert ask("upload").status == 0
    assert len(api.store.pipelines) == len(api.store.versions) == 1


def test_a_name_says_the_content() -> None:
    assert version_name("p", "a") != version_name("p", "b")
    assert version_name("p", "a") == version_name("p", "a")
    assert len(version_name("p", "a")) == len("p-") + 12
