"""Replicas of MLflow that start at once, on a real PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

pytestmark = [pytest.mark.services, pytest.mark.slow]

REPLICAS = 3


@pytest.fixture
def database(services: dict[str, str]) -> Iterator[str]:
    """Yield the address of a database without tables."""
    import psycopg

    address, _, _ = services["RLR_DATABASE_URL"].rpartition("/")
    name = f"replicas_{os.getpid()}"
    with psycopg.connect(services["RLR_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"{address}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_replicas_that_start_at_once_upgrade_one_after_the_other(database: str) -> None:
    import psycopg

    environment = {**os.environ, "MLFLOW_BACKEND_STORE_URI": database}
    words = [sys.executable, "-m", "rlr", "cluster", "migrate"]
    started = [
        subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(REPLICAS)
    ]
    said = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0] * REPLICAS, said
    with psycopg.connect(database) as connection:
        assert len(connection.execute("SELECT version_num FROM alembic_version").fetchall()) == 1


def test_a_wrong_password_is_told_and_not_shown(
    services: dict[str, str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlr.cli import main

    scheme, _, rest = services["RLR_DATABASE_URL"].partition("://")
    user, place = rest.partition(":")[0], rest.rpartition("@")[2]
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", f"{scheme}://{user}:geheim@{place}")
    with pytest.raises(SystemExit) as stop:
        main(["cluster", "migrate"])
    message = capfd.readouterr().err
    assert stop.value.code == 1
    assert "password authentication failed" in message
    assert "geheim" not in message
