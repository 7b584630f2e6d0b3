"""`rlr cluster`: manifests held against the rules, and MLflow's database before its server."""

import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SECRET = "kind: Secret\nmetadata: {name: x}\ndata: {a: Yg==}\n"
FINE = "kind: ConfigMap\nmetadata: {name: x}\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a manifest."""

    def run(text: str) -> Path:
        path = tmp_path / "m.yaml"
        path.write_text(text)
        return path

    return run


def test_what_is_in_order_is_said(rlr: Callable[..., Any], write: Callable[[str], Path]) -> None:
    answer = rlr("cluster", "check", write(FINE))
    assert (answer.status, answer.stdout) == (0, "1 objects, 0 findings.\n")


def test_a_finding_is_told_and_ends_with_status_1(
    rlr: Callable[..., Any], write: Callable[[str], Path]
) -> None:
    answer = rlr("cluster", "check", write(SECRET), "--json")
    document = json.loads(answer.stdout)
    assert answer.status == 1
    assert [finding["place"] for finding in document["findings"]] == ["Secret/x"]


def test_manifests_may_come_from_a_pipe(
    rlr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(FINE + "---\n" + SECRET))
    answer = rlr("cluster", "check", "-")
    assert answer.status == 1
    assert "a secret's values stand in the manifest" in answer.stdout


def test_a_file_that_is_not_there_is_told(rlr: Callable[..., Any], tmp_path: Path) -> None:
    answer = rlr("cluster", "check", tmp_path / "none.yaml")
    assert answer.status == 2
    assert "cannot be read (No such file" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_database_must_be_named(rlr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_BACKEND_STORE_URI", raising=False)
    answer = rlr("cluster", "migrate")
    assert answer.status == 2
    assert "MLFLOW_BACKEND_STORE_URI" in answer.stderr


@pytest.mark.slow
def test_an_empty_database_gets_its_tables_and_one_that_has_them_keeps_them(
    rlr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.db"
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", f"sqlite:///{file}")
    for _ in range(2):
        answer = rlr("cluster", "migrate")
        assert answer.status == 0, answer.stderr
    names = {row[0] for row in sqlite3.connect(file).execute("select name from sqlite_master")}
    assert {"runs", "experiments", "registered_models"} <= names


@pytest.mark.parametrize("uri", ["hello", "nosuch://host/db"])
def test_what_is_no_database_is_told(
    rlr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", uri)
    answer = rlr("cluster", "migrate")
    assert answer.status == 2
    assert "no address of a database" in answer.stderr


def test_a_database_that_is_away_is_told_without_its_password(
    rlr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "postgresql://me:geheim@127.0.0.1:9/db")
    answer = rlr("cluster", "migrate")
    assert answer.status == 1
    assert "postgresql://127.0.0.1:9/db was not upgraded" in answer.stderr
    assert "geheim" not in answer.stderr
