"""Schedules against a cluster: what is there becomes what is wanted, and nothing runs twice."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubeflow_api import KubeflowApi

from rlr.foundation.errors import RlrError
from rlr.orchestration.kubeflow.access import Access
from rlr.orchestration.kubeflow.connection import connect
from rlr.orchestration.project import Project
from rlr.orchestration.schedules.apply import apply
from rlr.orchestration.schedules.declared import read_declared
from rlr.orchestration.schedules.wanted import Images, Wanted, make_wanted, read_mark

Schedule = Callable[..., Any]
RECURRING = "/apis/v2beta1/recurringruns"
NIGHTLY = {
    "name": "nightly",
    "pipeline": "short",
    "cron": "0 0 3 * * *",
    "parameters": {"config": "tiny", "overrides": ["training.epochs=3"], "seed": 7},
}
CHANGES: dict[str, dict[str, Any]] = {
    "cron": {"cron": "0 0 4 * * *"},
    "interval": {"cron": None, "interval": "6h"},
    "parameters": {"parameters": {"config": "tiny"}},
    "concurrency": {"concurrency": 2},
    "catch_up": {"catch_up": True},
}


@pytest.fixture(autouse=True)
def _compiled_once(monkeypatch: pytest.MonkeyPatch, compiled: str) -> None:
    """Take `short` as it is compiled already; other defaults make another content."""

    def compile_pinned(project: Project, name: str, defaults: Any, *images: object) -> str:
        first, mark, rest = compiled.partition("\n")
        return f"{first} {defaults.overrides}{mark}{rest}"

    monkeypatch.setattr("rlr.orchestration.schedules.wanted.compile_pinned", compile_pinned)


@pytest.fixture(autouse=True)
def never_twice(api: KubeflowApi) -> Iterator[None]:
    """Hold after every request that no schedule is enabled twice, and that no run was killed."""
    seen: list[str] = []

    def look(_request: str) -> None:
        enabled = [
            one["display_name"]
            for one in api.store.recurring.values()
            if one["status"] == "ENABLED"
            and read_mark(one["display_name"], one.get("description", ""))
        ]
        seen.extend(name for name in enabled if enabled.count(name) > 1)

    api.before = look
    api.store.clock = datetime.now(UTC)
    yield
    look("")
    assert seen == []
    assert api.store.killed == []


@pytest.fixture
def write(checkout: Path) -> Callable[..., Path]:
    """Return a function that writes schedules.yaml."""

    def run(*schedules: dict[str, Any], **top: Any) -> Path:
        path = checkout / "schedules.yaml"
        path.write_text(yaml.safe_dump({**top, "schedules": list(schedules)}))
        return path

    return run


@pytest.fixture
def schedule(rlr: Callable[..., Any], api: KubeflowApi, checkout: Path) -> Schedule:
    """Return a function that runs `rlr schedule VERB ...` against the double."""

    def run(verb: str, *words: str) -> Any:
        waits = ("--settle=0",) if verb == "apply" else ()
        return rlr("schedule", verb, f"--endpoint={api.address}", *waits, *words)

    return run


def applied(schedule: Schedule, *words: str) -> Any:
    answer = schedule("apply", "--json", *words)
    assert answer.status == 0, answer.stderr
    return json.loads(answer.stdout)


def verdicts(schedule: Schedule, *words: str) -> dict[str, str]:
    answer = schedule("plan", "--json", *words)
    assert answer.status == 0, answer.stderr
    return {one["name"]: one["verdict"] for one in json.loads(answer.stdout)["schedules"]}


def there(api: KubeflowApi) -> list[tuple[str, str]]:
    return [(one["display_name"], one["status"]) for one in api.store.recurring.values()]


def writes(api: KubeflowApi) -> list[str]:
    return [one for one in api.requests if not one.startswith("GET")]


def wanted_of(checkout: Path) -> list[Wanted]:
    return make_wanted(read_declared(Project(checkout)), Images())


def test_a_schedule_is_made_once_and_then_left_alone(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY)
    document = applied(schedule)
    assert [step["action"] for step in document["done"]] == ["make", "enable"]
    assert document["pending"] is False
    (made,) = api.store.recurring.values()
    (version,) = api.store.versions.values()
    assert made["display_name"] == "rlr-nightly"
    assert made["status"] == "ENABLED"
    assert made["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * *"}}
    assert made["runtime_config"]["parameters"] == {
        "config": "tiny",
        "overrides": ["training.epochs=3"],
        "data_version": "",
        "seed": 7,
    }
    assert (
        made["pipeline_version_reference"]["pipeline_version_id"] == version["pipeline_version_id"]
    )
    assert (made["no_catchup"], made["max_concurrency"]) == (True, "1")
    assert re.search(r"rlr-schedule=nightly sha256=[0-9a-f]{64}$", made["description"])
    api.requests.clear()
    assert applied(schedule)["done"] == []
    assert writes(api) == []
    assert verdicts(schedule) == {"nightly": "unchanged"}


@pytest.mark.parametrize("key", CHANGES)
def test_a_change_makes_another_and_the_old_one_goes(
    key: str, schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY)
    applied(schedule)
    (old,) = api.store.recurring
    changed = {**NIGHTLY, **CHANGES[key]}
    write({name: value for name, value in changed.items() if value is not None})
    assert verdicts(schedule) == {"nightly": "replace"}
    document = applied(schedule)
    assert [one["action"] for one in document["done"]] == ["make", "disable", "enable", "delete"]
    assert old not in api.store.recurring
    assert there(api) == [("rlr-nightly", "ENABLED")]
    assert applied(schedule)["done"] == []


def test_an_interval_is_told_in_seconds(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write({"name": "often", "pipeline": "short", "interval": "1h30m", "concurrency": 3})
    applied(schedule)
    (made,) = api.store.recurring.values()
    assert made["trigger"] == {"periodic_schedule": {"interval_second": "5400"}}
    assert made["max_concurrency"] == "3"


def test_a_changed_pipeline_is_a_change(
    schedule: Schedule, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, compiled: str
) -> None:
    write(NIGHTLY)
    applied(schedule)
    monkeypatch.setattr(
        "rlr.orchestration.schedules.wanted.compile_pinned", lambda *_: f"{compiled}# changed\n"
    )
    assert verdicts(schedule) == {"nightly": "replace"}


def test_nothing_is_deleted_while_a_run_of_it_is_in_flight(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY)
    applied(schedule)
    (old,) = api.store.recurring
    runs = [api.store.fire(old)["run_id"] for _ in range(2)]
    api.store.end(runs[0])
    write({**NIGHTLY, "concurrency": 2})
    answer = schedule("apply")
    assert answer.status == 0
    assert f"{old} goes: disabled, 1 of its runs in flight; the next" in answer.stdout
    assert there(api) == [("rlr-nightly", "DISABLED"), ("rlr-nightly", "ENABLED")]
    assert schedule("plan", "--exit-code").status == 1
    assert applied(schedule)["done"] == []
    api.store.end(runs[1], "FAILED")
    assert [one["action"] for one in applied(schedule)["done"]] == ["delete"]
    assert there(api) == [("rlr-nightly", "ENABLED")]
    answer = schedule("plan", "--exit-code")
    assert (answer.status, "In sync" in answer.stdout) == (0, True)


def test_a_run_that_begins_while_it_is_disabled_is_seen(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY)
    applied(schedule)
    (old,) = api.store.recurring
    guard = api.before

    def fire(request: str) -> None:
        guard(request)
        if request == f"POST {RECURRING}/{old}:disable":
            api.store.fire(old)

    api.before = fire
    write({**NIGHTLY, "concurrency": 2})
    assert applied(schedule)["pending"] is True
    assert old in api.store.recurring


def test_being_enabled_is_switched_and_nothing_is_made_anew(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write({**NIGHTLY, "enabled": False})
    assert [one["action"] for one in applied(schedule)["done"]] == ["make"]
    (made,) = api.store.recurring
    for enabled, verdict in ((True, "enable"), (False, "disable")):
        write({**NIGHTLY, "enabled": enabled})
        assert verdicts(schedule) == {"nightly": verdict}
        assert [one["action"] for one in applied(schedule)["done"]] == [verdict]
        assert list(api.store.recurring) == [made]


def test_being_enabled_again_starts_nothing_that_was_missed(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    """Kubeflow would make it good at once, and so another takes its place."""
    write({**NIGHTLY, "enabled": False})
    applied(schedule)
    ((old, entry),) = api.store.recurring.items()
    write(NIGHTLY)
    for age, verdict in ((timedelta(days=2), "replace"), (timedelta(seconds=5), "enable")):
        entry["created_at"] = (datetime.now(UTC) - age).isoformat()
        assert verdicts(schedule) == {"nightly": verdict}
    entry["created_at"] = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    applied(schedule)
    assert old not in api.store.recurring
    assert there(api) == [("rlr-nightly", "ENABLED")]


def test_what_the_old_one_has_done_the_new_one_does_not_do_again(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    """Three o'clock comes between the making of the new one and the disabling of the old."""
    write(NIGHTLY)
    applied(schedule)
    guard = api.before
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    three = datetime.combine(tomorrow, datetime.min.time(), UTC) + timedelta(hours=3)

    def let_time_pass(request: str) -> None:
        guard(request)
        if request == f"POST {RECURRING}" and api.store.clock < three:
            api.store.clock = three - timedelta(seconds=2)

    api.before = let_time_pass
    write({**NIGHTLY, "concurrency": 2})
    actions = [one["action"] for one in applied(schedule)["done"]]
    assert actions == ["make", "disable", "make", "enable", "delete", "delete"]
    (made,) = api.store.recurring.values()
    assert made["status"] == "ENABLED"
    assert datetime.fromisoformat(made["created_at"]) > three


STRANGERS = {
    "no mark": ("rlr-nightly", "mine"),
    "no description": ("rlr-nightly", None),
    "another name": ("nightly", f"rlr-schedule=nightly sha256={'0' * 64}"),
    "a copy": ("Clone of rlr-nightly", f"rlr-schedule=nightly sha256={'0' * 64}"),
    "a mark of another": ("rlr-nightly", f"rlr-schedule=weekly sha256={'0' * 64}"),
    "half a mark": ("rlr-nightly", "rlr-schedule=nightly sha256=0"),
}


def test_what_is_not_ours_is_not_touched(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY)
    applied(schedule)
    ((_, mine),) = api.store.recurring.items()
    strangers = {}
    for case, (name, words) in STRANGERS.items():
        stranger = {**mine, "recurring_run_id": case, "display_name": name, "description": words}
        if words is None:
            del stranger["description"]
        strangers[case] = stranger
    api.store.recurring |= {case: dict(stranger) for case, stranger in strangers.items()}
    assert applied(schedule)["done"] == []
    write()
    applied(schedule, "--prune")
    assert api.store.recurring == strangers


def test_what_vanished_goes_only_by_word(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY, {**NIGHTLY, "name": "weekly"})
    applied(schedule)
    weekly = next(
        one["recurring_run_id"]
        for one in api.store.recurring.values()
        if one["display_name"] == "rlr-weekly"
    )
    run = api.store.fire(weekly)["run_id"]
    write(NIGHTLY)
    api.requests.clear()
    answer = schedule("apply")
    assert "Not in the file, and left alone without --prune: weekly." in answer.stdout
    assert writes(api) == []
    assert schedule("plan", "--exit-code").status == 0
    assert schedule("plan", "--exit-code", "--prune").status == 1
    assert applied(schedule, "--prune")["pending"] is True
    assert ("rlr-weekly", "DISABLED") in there(api)
    api.store.end(run)
    applied(schedule, "--prune")
    assert there(api) == [("rlr-nightly", "ENABLED")]


def test_a_dry_run_and_a_plan_change_nothing(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY)
    for words in (("apply", "--dry-run"), ("plan",)):
        answer = schedule(*words)
        assert answer.status == 0
        assert "create" in answer.stdout
    assert writes(api) == []


def test_another_time_zone_than_the_clusters_is_refused(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    path = write({**NIGHTLY, "timezone": "Europe/Berlin"}, cluster_timezone="Asia/Tokyo")
    for verb in ("plan", "apply"):
        answer = schedule(verb)
        assert answer.status == 2
        assert answer.stderr.startswith(
            f"rlr: {path}: schedule nightly: timezone: Europe/Berlin is not the time zone of the "
            "cluster, which is Asia/Tokyo"
        )
    assert api.requests == []
    write({**NIGHTLY, "timezone": "Asia/Tokyo"}, cluster_timezone="Asia/Tokyo")
    applied(schedule)


def test_part_of_a_second_is_nothing_for_a_cluster(
    schedule: Schedule, write: Callable[..., Path]
) -> None:
    write({"name": "often", "pipeline": "short", "interval": "0.5s"})
    answer = schedule("plan")
    assert (answer.status, "of whole seconds" in answer.stderr) == (2, True)


@pytest.mark.parametrize("kind", ["drop", "lost", 500])
def test_whatever_breaks_off_is_put_right_by_the_next(
    kind: int | str, write: Callable[..., Path], api: KubeflowApi, checkout: Path
) -> None:
    """Each writing request in turn is refused, dropped, or done without an answer."""
    write(NIGHTLY)
    (first,) = wanted_of(checkout)
    with connect(Access(endpoint=api.address)) as kubeflow:
        apply(kubeflow, [first], settle=0)
        concurrency = 1
        for point, method in [(0, "POST"), (1, "POST"), (2, "POST"), (0, "DELETE")]:
            concurrency += 1
            wanted = replace(first, order={**first.order, "concurrency": concurrency})
            api.fail(kind, times=1, where="/recurringruns", method=method, after=point)
            with pytest.raises(RlrError):
                apply(kubeflow, [wanted], settle=0)
            api.heal()
            apply(kubeflow, [wanted], settle=0)
            assert there(api) == [("rlr-nightly", "ENABLED")]
            assert next(iter(api.store.recurring.values()))["description"] == wanted.description


def test_an_upload_that_breaks_off_leaves_the_old_one_running(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY)
    applied(schedule)
    write({**NIGHTLY, "parameters": {"config": "tiny"}})
    api.fail(500, times=1, where="upload_version")
    assert schedule("apply").status == 1
    assert there(api) == [("rlr-nightly", "ENABLED")]
    applied(schedule)
    assert there(api) == [("rlr-nightly", "ENABLED")]


def test_two_of_the_same_are_told_and_repaired(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY)
    applied(schedule)
    (first,) = api.store.recurring.values()
    second = {**first, "recurring_run_id": "second", "created_at": "2027-01-01T00:00:00+00:00"}
    api.before = lambda _request: None  # two are enabled now, as two who apply at once can do it
    api.store.recurring["second"] = second
    assert verdicts(schedule) == {"nightly": "repair"}
    assert [one["action"] for one in applied(schedule)["done"]] == ["disable", "delete"]
    assert list(api.store.recurring) == [first["recurring_run_id"]]


@pytest.mark.parametrize("point", range(4))
@pytest.mark.parametrize("start", ["nothing", "an older one"])
def test_somebody_who_applies_the_same_at_any_moment_does_no_harm(
    point: int, start: str, write: Callable[..., Path], api: KubeflowApi, checkout: Path
) -> None:
    """The other one comes between the looking and the doing, and does all of it."""
    with connect(Access(endpoint=api.address)) as kubeflow:
        if start == "an older one":
            write({**NIGHTLY, "concurrency": 9})
            apply(kubeflow, wanted_of(checkout), settle=0)
        write(NIGHTLY)
        wanted = wanted_of(checkout)
        guard, left = api.before, [point]

        def interrupt(request: str) -> None:
            guard(request)
            if RECURRING in request and not request.startswith("GET"):
                left[0] -= 1
                if left[0] == -1:
                    with connect(Access(endpoint=api.address)) as other:
                        apply(other, wanted, settle=0)

        api.before = interrupt
        apply(kubeflow, wanted, settle=0)
    assert there(api) == [("rlr-nightly", "ENABLED")]


def test_somebody_who_undoes_it_again_and_again_is_told(
    write: Callable[..., Path], api: KubeflowApi, checkout: Path, schedule: Schedule
) -> None:
    write(NIGHTLY)
    guard = api.before

    def undo(request: str) -> None:
        guard(request)
        if request == f"GET {RECURRING}":
            for one in api.store.recurring.values():
                one["status"] = "DISABLED"

    api.before = undo
    answer = schedule("apply")
    assert answer.status == 1
    assert "do not come to rest: somebody else applies another file" in answer.stderr


def test_many_recurring_runs_of_others_hide_none_of_ours(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY)
    applied(schedule)
    ((mine, entry),) = api.store.recurring.items()
    others = {
        f"other-{number}": {**entry, "display_name": "x", "recurring_run_id": f"other-{number}"}
        for number in range(150)
    }
    api.store.recurring = {**others, mine: entry}
    assert verdicts(schedule) == {"nightly": "unchanged"}


def test_the_status_tells_state_next_time_and_last_run(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    write(NIGHTLY, {**NIGHTLY, "name": "off", "enabled": False})
    applied(schedule)
    nightly, off = api.store.recurring
    run = api.store.fire(nightly)["run_id"]
    write(NIGHTLY, {**NIGHTLY, "name": "new"})
    answer = schedule("status", "--json")
    assert answer.status == 0, answer.stderr
    rows = {one["name"]: one for one in json.loads(answer.stdout)["schedules"]}
    assert rows["nightly"]["state"] == "enabled"
    assert rows["nightly"]["next_fire"].endswith("T03:00:00+00:00")
    assert rows["nightly"]["in_flight"] == 1
    assert rows["nightly"]["last_run"]["run_id"] == run
    assert (rows["off"]["state"], rows["off"]["in_file"]) == ("disabled", False)
    assert rows["off"]["recurring_run_id"] == off
    assert rows["new"]["state"] == "absent"
    assert "nightly" in schedule("status").stdout


def test_a_server_of_several_users_is_asked_for_ours(
    schedule: Schedule, write: Callable[..., Path], api: KubeflowApi
) -> None:
    api.namespaces = {"team", "other"}
    write(NIGHTLY)
    applied(schedule, "--namespace=team")
    api.requests.clear()
    applied(schedule, "--namespace=team")
    assert writes(api) == []
    assert verdicts(schedule, "--namespace=other") == {"nightly": "create"}


@pytest.mark.parametrize(
    ("verb", "fault", "status"),
    [("plan", 403, 2), ("apply", 500, 1), ("status", "drop", 1), ("apply", "login", 2)],
)
def test_a_failure_is_one_sentence(
    verb: str,
    fault: int | str,
    status: int,
    schedule: Schedule,
    write: Callable[..., Path],
    api: KubeflowApi,
) -> None:
    write(NIGHTLY)
    api.fail(fault, where="/recurringruns")
    answer = schedule(verb)
    assert answer.status == status
    assert answer.stdout == ""
    (line,) = answer.stderr.splitlines()
    assert line.startswith("rlr: Kubeflow at ")
    assert "Unexpected" not in line


@pytest.mark.parametrize("verb", ["plan", "apply", "status"])
def test_without_a_cluster_the_way_in_is_told(
    verb: str, rlr: Callable[..., Any], write: Callable[..., Path]
) -> None:
    write(NIGHTLY)
    answer = rlr("schedule", verb)
    assert answer.status == 2
    assert "No cluster is named; set KF_PIPELINES_ENDPOINT" in answer.stderr


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "pipeline": (
        {"pipeline": "shorts"},
        "pipeline: {root} has no pipeline 'shorts'; it has short.",
    ),
    "parameter": (
        {"parameters": {"config": "tiny", "colour": "red"}},
        "parameters.colour: the pipeline short takes no such parameter; it takes config, "
        "data_version, overrides, seed.",
    ),
    "override": (
        {"parameters": {"config": "tiny", "overrides": ["training.epoch=3"]}},
        "parameters.overrides: --set training.epoch: unknown key (did you mean epochs?)",
    ),
    "configuration": (
        {"parameters": {"config": "tinny"}},
        "parameters.config: No configuration '{root}/tinny': neither a preset",
    ),
    "data version": (
        {"parameters": {"config": "tiny", "data_version": "today"}},
        "parameters.data_version: ",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_the_checkout_is_named(
    case: str, rlr: Callable[..., Any], write: Callable[..., Path], checkout: Path
) -> None:
    change, words = REFUSED[case]
    path = write({**NIGHTLY, **change})
    answer = rlr("schedule", "validate")
    assert answer.status == 2
    assert answer.stdout == ""
    start = f"rlr: {path}: schedule nightly: {words.format(root=checkout)}"
    assert answer.stderr.startswith(start), answer.stderr


def test_a_file_is_shown_with_all_that_its_schedules_mean(
    rlr: Callable[..., Any], write: Callable[..., Path], checkout: Path
) -> None:
    (checkout / "own.yaml").write_text("seed: 3\n")
    own = {**NIGHTLY, "name": "own", "parameters": {"config": "own.yaml"}, "timezone": "Asia/Tokyo"}
    write(NIGHTLY, own, {"name": "off", "pipeline": "short", "interval": "6h", "enabled": False})
    answer = rlr("schedule", "validate", "--json")
    assert answer.status == 0, answer.stderr
    nightly, own, off = json.loads(answer.stdout)["schedules"]
    assert nightly["parameters"]["seed"] == 7
    assert nightly["next_fire"].endswith("T03:00:00+00:00")
    assert own["parameters"]["config"] == "seed: 3\n"
    assert own["next_fire"].endswith("T18:00:00+00:00")
    assert (off["when"], off["next_fire"]) == ("every 6h", None)
    assert "3 schedules, all in order" in rlr("schedule", "validate").stdout


def test_the_keys_are_listed(rlr: Callable[..., Any]) -> None:
    assert "schedules[].parameters.data_version" in rlr("schedule", "schema").stdout
    document = json.loads(rlr("schedule", "schema", "--json").stdout)
    assert "cluster_timezone" in document["properties"]
