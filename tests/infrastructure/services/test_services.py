"""The real services: what they keep, what is told of them, and what happens when they die."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fixtures.services import LocalServices, private_services

from rlr.config.registry import RegistryConfig
from rlr.config.services import ServicesConfig
from rlr.foundation.errors import MachineError
from rlr.infrastructure.services.ceph import Ceph
from rlr.infrastructure.services.place import Place
from rlr.infrastructure.services.postgres import Postgres
from rlr.infrastructure.services.processes import Processes
from rlr.infrastructure.services.waiting import Patience

pytestmark = [pytest.mark.services, pytest.mark.slow]

DAEMONS = ("radosgw", "ceph-osd", "ceph-mon", "postgres", "mlflow")
VARIABLES = {
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "RLR_DATA_REMOTE",
    "MLFLOW_TRACKING_URI",
    "RLR_DATABASE_URL",
}


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalServices]:
    """Yield one private stack; every test leaves it up."""
    with private_services() as made:
        yield made


@pytest.fixture
def environment(stack: LocalServices, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in stack.variables.items():
        monkeypatch.setenv(name, value)
    return stack.variables


def processes(stack: LocalServices) -> Processes:
    return Processes(stack.folder / "services")


def bucket() -> Any:
    import boto3

    return boto3.resource("s3").Bucket("rlr-data")


def post(environment: dict[str, str], call: str, **body: Any) -> tuple[int, dict[str, Any]]:
    import requests

    address = f"{environment['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/{call}"
    answer = requests.post(address, json=body, timeout=30)
    return answer.status_code, answer.json()


def test_the_env_file_says_everything_and_only_to_its_owner(stack: LocalServices) -> None:
    lines = stack.env_file.read_text().splitlines()
    assert lines[0].endswith(str(stack.folder / "services"))
    assert dict(line.split("=", 1) for line in lines[1:]) == stack.variables
    assert set(stack.variables) == VARIABLES
    assert stack.env_file.stat().st_mode & 0o777 == 0o600


def test_secrets_stand_on_no_command_line_and_in_no_log(stack: LocalServices) -> None:
    settings = Place(stack.config).settings()
    assert settings is not None
    secrets = [settings.secret_key, settings.database_password]
    assert all(len(secret) >= 20 for secret in secrets)
    lines = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline")]
    logs = [file.read_bytes() for file in (stack.folder / "services" / "log").iterdir()]
    assert len(logs) >= len(DAEMONS)
    assert not [text for text in lines + logs for word in secrets if word.encode() in text]


def test_everything_listens_on_loopback_alone(stack: LocalServices) -> None:
    import psutil

    found = 0
    for name in DAEMONS:
        leader = psutil.Process(processes(stack).pid(name))
        for process in (leader, *leader.children(recursive=True)):
            for connection in process.net_connections(kind="inet"):
                if connection.status == psutil.CONN_LISTEN:
                    assert connection.laddr.ip == "127.0.0.1", (name, connection.laddr)
                    found += 1
    assert found >= len(DAEMONS)


def test_the_database_server_is_not_root_and_wants_its_password(
    stack: LocalServices, environment: dict[str, str]
) -> None:
    import psutil

    assert psutil.Process(processes(stack).pid("postgres")).uids().real != 0
    wrong = environment["RLR_DATABASE_URL"].replace("rlr:", "rlr:wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_down_and_up_keep_an_object_a_row_and_a_run(
    stack: LocalServices, environment: dict[str, str], tmp_path: Path
) -> None:
    from rlr.registry.server import connect, experiment_id

    (tmp_path / "note.txt").write_text("kept")
    bucket().put_object(Key="kept/object", Body=b"bytes" * 1000)
    with psycopg.connect(environment["RLR_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    client = connect(RegistryConfig())
    run = client.create_run(experiment_id(client, "kept")).info.run_id
    client.log_metric(run, "loss", 0.25)
    client.log_artifact(run, str(tmp_path / "note.txt"))
    before = {name: processes(stack).pid(name) for name in DAEMONS}

    stack.down()
    assert not stack.env_file.exists()
    assert [processes(stack).pid(name) for name in DAEMONS] == [None] * len(DAEMONS)
    assert len(stack.status().faults()) == 3
    stack.up()

    assert all(processes(stack).pid(name) not in (None, before[name]) for name in DAEMONS)
    assert stack.variables == environment
    assert bucket().Object("kept/object").get()["Body"].read() == b"bytes" * 1000
    with psycopg.connect(environment["RLR_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    client = connect(RegistryConfig())
    assert client.get_run(run).data.metrics == {"loss": 0.25}
    found = client.download_artifacts(run, "note.txt", str(tmp_path / "down"))
    assert Path(found).read_text() == "kept"
    # Proxied: the bytes are in S3, and the client has never spoken to it.
    import boto3

    keys = [one.key for one in boto3.resource("s3").Bucket("rlr-mlflow").objects.all()]
    assert [key for key in keys if key.startswith("artifacts/") and key.endswith("/note.txt")]


@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_killed_daemon_is_named_and_started_again(
    daemon: str, stack: LocalServices, environment: dict[str, str], rlr
) -> None:
    bucket().put_object(Key=f"before/{daemon}", Body=b"there")
    others = {name: processes(stack).pid(name) for name in DAEMONS if name != daemon}
    pid = processes(stack).pid(daemon)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)  # it alone: what it has started becomes an orphan
    time.sleep(0.2)

    config = ("--folder", stack.folder / "services")
    answer = rlr("services", "status", *config, "--json")
    assert answer.status == 1
    assert f"{daemon} does not live" in answer.stderr
    reasons = [one["reason"] for one in json.loads(answer.stdout)["services"] if one["reason"]]
    assert reasons == [f"{daemon} does not live"]

    answer = rlr("services", "up", *config, "--env-file", stack.env_file, "--json")
    assert answer.status == 0, answer.stderr
    assert rlr("services", "status", *config).status == 0
    untouched = DAEMONS[3:] if daemon in DAEMONS[:3] else DAEMONS[:3]
    assert {name: processes(stack).pid(name) for name in untouched} == {
        name: others[name] for name in untouched
    }
    assert bucket().Object(f"before/{daemon}").get()["Body"].read() == b"there"


@pytest.mark.parametrize("daemon", ["radosgw", "ceph-osd", "postgres", "mlflow"])
def test_a_daemon_that_hangs_is_seen_in_time(daemon: str, stack: LocalServices) -> None:
    stack.halt(daemon)
    try:
        start = time.monotonic()
        [fault] = stack.status().faults()
        assert time.monotonic() - start < 20
        name = daemon if daemon in ("postgres", "mlflow") else "s3"
        assert fault.startswith(f"{name}: ")
        assert "time" in fault.lower()
    finally:
        stack.resume(daemon)
    stack.up()
    assert stack.status().faults() == []


def test_a_restarted_database_is_found_again_by_the_server(
    stack: LocalServices, environment: dict[str, str]
) -> None:
    status, answer = post(environment, "experiments/create", name="restart")
    assert status == 200, answer
    experiment = answer["experiment_id"]
    server = processes(stack).pid("mlflow")

    stack.kill("postgres")
    start = time.monotonic()
    status, answer = post(environment, "runs/create", experiment_id=experiment)
    assert status == 503
    assert answer["error_code"] == "TEMPORARILY_UNAVAILABLE"
    assert time.monotonic() - start < 5

    stack.up()
    assert processes(stack).pid("mlflow") == server
    status, answer = post(environment, "runs/create", experiment_id=experiment)
    assert status == 200, answer


def test_a_taken_port_is_named_and_what_runs_stays(stack: LocalServices) -> None:
    settings = Place(stack.config).settings()
    assert settings is not None
    stack.kill("mlflow")
    before = {name: processes(stack).pid(name) for name in DAEMONS[:4]}
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(listener, settings.mlflow_port)
        listener.listen()
        with pytest.raises(MachineError, match=f"Port {settings.mlflow_port} of mlflow is taken"):
            stack.up()
    assert {name: processes(stack).pid(name) for name in DAEMONS[:4]} == before
    stack.up()


def _bind(listener: socket.socket, port: int) -> None:
    """Bind to a port whose last owner may have died a moment ago."""
    for _ in range(50):
        try:
            listener.bind(("127.0.0.1", port))
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"port {port} is never free")


def test_a_service_that_does_not_come_up_takes_the_others_down_again(
    stack: LocalServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.down()
    with monkeypatch.context() as patch:
        patch.setattr("rlr.infrastructure.services.mlflow_server.sys.executable", "/bin/false")
        with pytest.raises(MachineError, match=r"MLflow left as soon as .*mlflow\.log"):
            stack.up()
    assert [processes(stack).pid(name) for name in DAEMONS] == [None] * len(DAEMONS)
    assert not stack.env_file.exists()
    stack.up()
    assert stack.status().faults() == []


def test_a_folder_that_the_database_may_not_enter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with private_services(start=False) as stack:
        closed = stack.folder / "closed"
        closed.mkdir(mode=0o700)
        place = Place(ServicesConfig(folder=str(closed / "services")))
        database = Postgres(place, Processes(place.folder))
        if os.geteuid() != 0:
            monkeypatch.setattr(database, "_user", "no-such-user")
        with place.alone(), pytest.raises(MachineError) as error:
            database.start(place.choose("debian"), Patience(60, threading.Event()))
        assert (f"may not enter {closed}; " in str(error.value)) == (os.geteuid() == 0)
        assert not (place.folder / "postgres" / "data").exists()


def test_an_up_that_was_killed_is_made_good_by_the_next() -> None:
    with private_services(start=False) as stack:
        words = ["services", "up", "--folder", str(stack.folder / "services"), "--env-file"]
        command = [sys.executable, "-m", "rlr", *words, str(stack.env_file)]
        killed = subprocess.Popen([*command, "--engine", "debian"], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while processes(stack).pid("ceph-osd") is None and time.monotonic() < deadline:
            time.sleep(0.05)
        killed.kill()
        killed.wait()
        assert not stack.env_file.exists()
        assert stack.up().faults() == []
        assert len(list((stack.folder / "services").glob("s3-*"))) == 1


@pytest.mark.parametrize("failures", [1, 9])
def test_a_failed_first_start_of_the_store_is_tried_again_in_a_new_folder(
    failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_services(start=False) as stack:
        real = shutil.which("ceph-osd")
        shims = stack.folder / "bin"
        shims.mkdir()
        count = shims / "count"
        count.touch()
        (shims / "ceph-osd").write_text(
            f'#!/bin/sh\ncase "$*" in *--mkfs*)\n  echo "$*" >>{count}\n'
            f'  [ "$(wc -l <{count})" -gt {failures} ] || exit 1;;\nesac\nexec {real} "$@"\n'
        )
        (shims / "ceph-osd").chmod(0o755)
        monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{os.environ['PATH']}")
        place = Place(stack.config)
        with place.alone():
            settings = place.choose("debian")
        store = Ceph(place, processes(stack))
        patience = Patience(120, threading.Event())
        if failures > place.config.attempts:
            with pytest.raises(MachineError, match="tried 3 times: ceph-osd failed; see"):
                store.start(settings, patience)
            assert list(place.folder.glob("s3-*")) == []
            assert [processes(stack).pid(name) for name in DAEMONS[:3]] == [None] * 3
        else:
            started = store.start(settings, patience)
            assert store.why_unable(started) is None
            [folder] = place.folder.glob("s3-*")
            assert started.store == folder.name
            assert str(folder) not in count.read_text().splitlines()[0]
        assert (place.folder / "log" / "ceph-bootstrap.1.log").exists()
