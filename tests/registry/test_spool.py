"""The spool by itself: nothing is lost, nothing is doubled, and nobody waits."""

import errno
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rlr.config import load_config
from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import MachineError, UserError
from rlr.registry.spool.delivery import AwayError, Delivery, RefusedError
from rlr.registry.spool.entries import MetricsEntry, StateEntry, TagsEntry, decode, encode
from rlr.registry.spool.folder import Position, Spool, find_spools, open_spool, read_spool
from rlr.registry.spool.recorder import Recorder
from rlr.registry.spool.sender import Sender
from rlr.registry.spool.sync import send_rest, spool_states
from rlr.registry.tracking import Run
from rlr.training.checkpoint import EpochRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture
def run(client: "MlflowClient", settings: RegistryConfig) -> Run:
    config = load_config("tiny", [f"registry.experiment={settings.experiment}"])
    return Run.start(client, config, f"{'0' * 32}.dir", "f" * 64)


@pytest.fixture
def spool(run: Run, client: "MlflowClient", tmp_path: Path) -> Spool:
    return open_spool(tmp_path, run.run_id, client.tracking_uri)


@pytest.fixture
def recorder(spool: Spool) -> Recorder:
    return Recorder(spool, lambda: None)


def _epoch(number: int, loss: float = 0.5, seconds: float = 1.0) -> EpochRecord:
    return EpochRecord(number, loss, {"1": loss}, None, 80.0, seconds)


def _losses(client: "MlflowClient", run: Run) -> list[tuple[int, float, int]]:
    history = client.get_metric_history(run.run_id, "train.loss")
    return [(point.step, point.value, point.timestamp) for point in history]


@pytest.mark.parametrize(
    "entry",
    [
        StateEntry(state="RUNNING"),
        MetricsEntry(step=3, values={"train.loss": 0.1 + 0.2, "n": 3.0}),
        TagsEntry(tags={"floors": 'fail: "a"\nb'}),
    ],
)
def test_an_entry_is_one_line_and_comes_back(entry: Any) -> None:
    line = encode(entry)
    assert line.count(b"\n") == 1
    assert decode(line) == entry


def test_everything_is_on_the_disk_in_the_order_of_its_happening(
    recorder: Recorder, spool: Spool, tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text("<p>")
    recorder.set_state("RUNNING")
    recorder.log_epoch(_epoch(1))
    recorder.log_metrics({"default": {"image_ap": None}})
    recorder.log_files([tmp_path / "report.html"], "evaluation")
    lines = [json.loads(line) for line in spool.entries_file.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["state", "metrics", "tags", "file"]
    assert {line["v"] for line in lines} == {1}


def test_what_is_sent_twice_is_there_once(
    recorder: Recorder, spool: Spool, run: Run, client: "MlflowClient", settings: RegistryConfig
) -> None:
    recorder.log_epoch(_epoch(1))
    recorder.log_epoch(_epoch(2, loss=1 / 3))
    assert send_rest(spool, client, settings) == 2
    first = _losses(client, run)
    (spool.folder / "acknowledged.json").unlink()  # the server's answer was lost
    assert send_rest(spool, client, settings) == 2
    assert _losses(client, run) == first
    assert [(step, value) for step, value, _ in first] == [(1, 0.5), (2, 1 / 3)]


def test_an_epoch_that_is_trained_again_is_one_point(
    recorder: Recorder, spool: Spool, run: Run, client: "MlflowClient", settings: RegistryConfig
) -> None:
    recorder.log_epoch(_epoch(1, seconds=1.0))
    send_rest(spool, client, settings)
    resumed = Recorder(open_spool(spool.folder.parents[1], run.run_id, ""), lambda: None)
    resumed.log_epoch(_epoch(1, seconds=2.0))
    resumed.log_epoch(_epoch(2))
    assert send_rest(spool, client, settings) == 1
    history = client.get_metric_history(run.run_id, "train.seconds")
    assert [(point.step, point.value) for point in history] == [(1, 1.0), (2, 1.0)]


def test_another_evaluation_is_another_point_and_the_same_one_is_not(
    recorder: Recorder, spool: Spool
) -> None:
    for value in (0.5, 0.5, 0.75):
        recorder.log_metrics({"image_ap": value})
    entries = [entry for entry, _ in spool.entries(Position()) if isinstance(entry, MetricsEntry)]
    assert [entry.values for entry in entries] == [{"image_ap": 0.5}, {"image_ap": 0.75}]


def test_half_a_line_is_not_read_and_is_cut_off_by_the_next(
    recorder: Recorder, spool: Spool, tmp_path: Path
) -> None:
    recorder.log_epoch(_epoch(1))
    whole = spool.entries_file.read_bytes()
    with spool.entries_file.open("ab") as file:
        file.write(encode(StateEntry(state="FINISHED"))[:-9])
    assert spool.unsent() == 1
    again = open_spool(tmp_path, spool.run_id, spool.server)
    assert spool.entries_file.read_bytes() == whole
    again.append(StateEntry(state="FINISHED"))
    assert again.unsent() == 2


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b'{"v":1,"kind":"state"\n', r"line 2 cannot be read"),
        (b'{"v":1,"kind":"state","time":1,"state":"ASLEEP"}\n', r"line 2 cannot be read"),
        (b'{"v":2,"kind":"state","time":1,"state":"RUNNING"}\n', r"version 2, and this program"),
        (b"[]\n", r"version None"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(spool: Spool, line: bytes, sentence: str) -> None:
    spool.append(StateEntry(state="RUNNING"))
    with spool.entries_file.open("ab") as file:
        file.write(line)
    with pytest.raises(UserError, match=sentence):
        spool.unsent()
    (state,) = spool_states([spool.folder])
    assert "line 2" in state.problem


def test_a_full_disk_is_told_and_leaves_no_half_line(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.append(StateEntry(state="RUNNING"))
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, text: write(handle, text[:10]))
        with pytest.raises(MachineError, match="The disk is full"):
            spool.append(StateEntry(state="FINISHED"))
    spool.append(StateEntry(state="FAILED"))
    states = [entry.state for entry, _ in spool.entries(Position())]  # type: ignore[union-attr]
    assert states == ["RUNNING", "FAILED"]


def test_files_are_copied_when_they_are_logged(
    recorder: Recorder,
    spool: Spool,
    run: Run,
    client: "MlflowClient",
    settings: RegistryConfig,
    tmp_path: Path,
) -> None:
    file = tmp_path / "result.json"
    for text in ("first", "second"):
        file.write_text(text)
        recorder.log_files([file, tmp_path / "missing"], text)
    file.unlink()
    assert send_rest(spool, client, settings) == 2
    for text in ("first", "second"):
        fetched = client.download_artifacts(run.run_id, f"{text}/result.json", str(tmp_path / text))
        assert Path(fetched).read_text() == text
    assert list((spool.folder / "files").iterdir()) == []


def test_a_copy_that_is_missing_is_told(
    recorder: Recorder,
    spool: Spool,
    client: "MlflowClient",
    settings: RegistryConfig,
    tmp_path: Path,
) -> None:
    (tmp_path / "result.json").write_text("{}")
    recorder.log_files([tmp_path / "result.json"], "training")
    next(spool.folder.glob("files/*/result.json")).unlink()
    with pytest.raises(UserError, match=r"result\.json is missing"):
        send_rest(spool, client, settings)
    assert spool.unsent() == 1


def test_one_process_sends_at_a_time(
    spool: Spool, client: "MlflowClient", settings: RegistryConfig
) -> None:
    spool.append(StateEntry(state="RUNNING"))
    with spool.sending() as first, spool.sending() as second:
        assert (first, second) == (True, False)
        assert send_rest(spool, client, settings) is None
        assert spool_states([spool.folder])[0].is_live
    assert send_rest(spool, client, settings) == 1
    assert not spool_states([spool.folder])[0].is_live


def test_a_sender_waits_for_the_process_that_sends(
    recorder: Recorder, spool: Spool, client: "MlflowClient", settings: RegistryConfig
) -> None:
    sender = Sender(spool, client, settings)
    with spool.sending():
        sender.start()
        recorder.set_state("RUNNING")
        sender.finish(0.2)
        assert spool.unsent() == 1


def test_spools_are_found_below_a_folder(spool: Spool, tmp_path: Path) -> None:
    assert find_spools(tmp_path) == find_spools(spool.folder) == [spool.folder]
    assert len(spool_states([tmp_path, spool.folder])) == 1
    assert read_spool(spool.folder) == spool
    assert find_spools(tmp_path / "nowhere") == []


def _http(status: int) -> Exception:
    import requests

    response = requests.Response()
    response.status_code = status
    return requests.HTTPError("said so", response=response)


def _mlflow(code: str) -> Exception:
    from mlflow.exceptions import RestException

    return RestException({"error_code": code, "message": "said so"})


def _raised(kind: str) -> Exception:
    import requests

    return getattr(requests.exceptions, kind)("said so")


@pytest.mark.parametrize(
    ("make", "argument", "expected"),
    [
        (_http, 500, AwayError),
        (_http, 503, AwayError),
        (_http, 429, AwayError),
        (_http, 408, AwayError),
        (_http, 404, AwayError),
        (_http, 403, RefusedError),
        (_http, 401, RefusedError),
        (_mlflow, "INTERNAL_ERROR", AwayError),
        (_mlflow, "TEMPORARILY_UNAVAILABLE", AwayError),
        (_mlflow, "REQUEST_LIMIT_EXCEEDED", AwayError),
        (_mlflow, "BAD_REQUEST", AwayError),
        (_mlflow, "RESOURCE_DOES_NOT_EXIST", RefusedError),
        (_mlflow, "INVALID_PARAMETER_VALUE", RefusedError),
        (_mlflow, "PERMISSION_DENIED", RefusedError),
        (_raised, "ConnectionError", AwayError),
        (_raised, "ReadTimeout", AwayError),
    ],
)
def test_what_is_tried_again_and_what_is_not(
    spool: Spool,
    client: "MlflowClient",
    settings: RegistryConfig,
    monkeypatch: pytest.MonkeyPatch,
    make: Any,
    argument: Any,
    expected: type[Exception],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise make(argument)

    spool.append(StateEntry(state="RUNNING"))
    monkeypatch.setattr(client, "update_run", fail)
    with pytest.raises(expected):
        Delivery(spool, client, settings).send_next()
    assert spool.unsent() == 1


def test_a_sender_tries_again_what_failed(
    recorder: Recorder,
    spool: Spool,
    run: Run,
    client: "MlflowClient",
    settings: RegistryConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [_http(500), _raised("ConnectionError")]
    send = client.log_batch
    tried = threading.Event()

    def sometimes(*values: Any, **named: Any) -> None:
        tried.set()
        if answers:
            raise answers.pop()
        send(*values, **named)

    monkeypatch.setattr(client, "log_batch", sometimes)
    sender = Sender(spool, client, settings)
    sender.start()
    recorder.log_epoch(_epoch(1))
    sender.wake()
    assert tried.wait(5)
    sender.finish(20)
    assert spool.unsent() == 0
    assert [(step, value) for step, value, _ in _losses(client, run)] == [(1, 0.5)]


def test_a_step_that_failed_does_not_wait_for_a_server_that_is_away(
    run: Run,
    client: "MlflowClient",
    settings: RegistryConfig,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise _raised("ConnectionError")

    monkeypatch.setattr(client, "update_run", fail)
    patient = settings.model_copy(update={"flush_seconds": 600.0})
    with pytest.raises(ValueError, match="the loss"), run.active(tmp_path, patient):
        raise ValueError("the loss")
    (state,) = spool_states([tmp_path])
    assert state.unsent == 2


def test_a_place_that_cannot_be_written_is_told_before_the_step(
    run: Run, settings: RegistryConfig, tmp_path: Path
) -> None:
    (tmp_path / "spool").write_text("in the way")
    with pytest.raises(MachineError, match="cannot be written"), run.active(tmp_path, settings):
        raise AssertionError("the step began")


def test_errors_of_the_disk_are_known(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(MachineError, match="cannot be written"):
        spool.append(StateEntry(state="RUNNING"))
