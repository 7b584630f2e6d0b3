"""`rlr schedule run` and `status --local`: exit statuses, and what is said."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PIPELINE = '''"""A pipeline of one step."""

from kfp import dsl


@dsl.component(base_image="none:0", packages_to_install=[], install_kfp_package=False)
def work(config: str, seed: int):
    pass


def build(prepare, defaults):
    @dsl.pipeline(name="rlr-short")
    def pipeline(config: str = defaults.config, seed: int = defaults.seed):
        work(config=config, seed=seed)

    return pipeline
'''
FILE = """
schedules:
  - {name: nightly, pipeline: short, cron: "0 0 3 * * *", parameters: {config: tiny, seed: 4}}
  - {name: often, pipeline: short, interval: 0.2s, enabled: false, parameters: {config: tiny}}
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a checkout with two schedules, which is the working directory, too."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "short.py").write_text(PIPELINE)
    (tmp_path / "schedules.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts a few lines of Python in the place of `rlr`."""

    def put(code: str) -> None:
        command = (sys.executable, "-S", "-c", f"import json, sys, time; {code}")
        monkeypatch.setattr("rlr.orchestration.schedules.here.child.RLR", command)

    return put


def test_the_checkouts_own_file_is_in_order(rlr: Callable[..., Any], repository: Path) -> None:
    answer = rlr("schedule", "validate", "--project", repository, "--json")
    assert answer.status == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert [one["enabled"] for one in document["schedules"]] == [False, False]


def test_once_ends_as_its_run_does(
    rlr: Callable[..., Any], checkout: Path, runs: Callable[[str], None]
) -> None:
    runs("print(json.dumps({'folder': 'there', 'words': sys.argv[1:]}))")
    answer = rlr("schedule", "run", "--once", "nightly", "--json")
    assert answer.status == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert (document["outcome"], document["run_folder"]) == ("succeeded", "there")
    (out,) = checkout.rglob("*.out")
    words = json.loads(out.read_text())["words"]
    assert words[:3] == ["pipeline", "run", "short"]
    assert {"--config=tiny", "--seed=4", f"--project={checkout}"} <= set(words)
    runs("sys.exit('rlr: The data are not fit.')")
    answer = rlr("schedule", "run", "--once", "nightly")
    assert answer.status == 1
    assert "nightly: failed: The data are not fit." in answer.stdout
    assert "failed" in rlr("schedule", "status", "--local").stdout


def test_a_signal_ends_it_with_the_status_of_that_signal(
    rlr: Callable[..., Any], checkout: Path, runs: Callable[[str], None]
) -> None:
    runs("time.sleep(60)")
    (checkout / "schedules.yaml").write_text(FILE.replace("enabled: false", "enabled: true"))

    def stop_the_first() -> None:
        while not list(checkout.rglob("*.out")):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_the_first, daemon=True).start()
    answer = rlr("schedule", "run")
    assert answer.status == 128 + signal.SIGTERM
    assert "often: started for" in answer.stderr
    assert "often: stopped" in answer.stderr
    (row,) = (
        one
        for one in json.loads(rlr("schedule", "status", "--local", "--json").stdout)["schedules"]
        if one["name"] == "often"
    )
    assert row["last_run"]["outcome"] == "stopped"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--once=weekly",), "schedules.yaml has no schedule weekly; it has nightly, often."),
        (("--once=nightly", "--until=6h"), "--once ends with its run, so --until has no meaning"),
        (("--until=soon",), "--until soon: write a moment, as 2026-12-24T18:00, or an interval"),
        (("--file=none.yaml",), "The schedules none.yaml cannot be read (No such file"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    words: tuple[str, ...], sentence: str, rlr: Callable[..., Any], checkout: Path
) -> None:
    answer = rlr("schedule", "run", *words)
    assert answer.status == 2
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"rlr: {sentence}")


def test_until_ends_with_status_0(rlr: Callable[..., Any], checkout: Path) -> None:
    answer = rlr("schedule", "run", "--until", "0.1s")
    assert (answer.status, answer.stdout) == (0, "")
    assert answer.stderr.startswith("nightly: next at ")
