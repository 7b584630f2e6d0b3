"""What is decided before anything starts: engine, packages, ports, and whose file `.env` is."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlr.config.services import ServicesConfig
from rlr.foundation.documents import read_json
from rlr.foundation.errors import MachineError, UserError
from rlr.infrastructure.services import debian, stack
from rlr.infrastructure.services.env_file import remove_env_file, require_ours, write_env_file
from rlr.infrastructure.services.place import Place, Settings
from rlr.infrastructure.services.ports import RANGE, free_port

DEBIAN = Settings("debian", 1, 2, 3, "word")
DOCKER = Settings("docker", 1, 2, 3, "word")
FOLDER = Path("/folder")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave the machine without a single program."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setattr(debian, "POSTGRES_FOLDERS", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("wanted", "known", "containers", "packages", "engine"),
    [
        ("auto", None, None, [], "docker"),
        ("auto", None, "no daemon", [], "debian"),
        ("auto", DEBIAN, None, [], "debian"),
        ("auto", DOCKER, None, ["radosgw"], "docker"),
        ("debian", None, None, [], "debian"),
        ("docker", None, None, ["radosgw"], "docker"),
    ],
)
def test_the_engine_is_what_the_folder_holds_or_what_can_work_here(
    wanted: str,
    known: Settings | None,
    containers: str | None,
    packages: list[str],
    engine: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stack, "why_no_containers", lambda: containers)
    monkeypatch.setattr(debian, "missing_packages", lambda: packages)
    assert stack.choose_engine(wanted, known, FOLDER) == engine


@pytest.mark.parametrize(
    ("wanted", "known", "fault"),
    [
        ("docker", DEBIAN, "/folder was made with --engine debian and holds its data"),
        ("debian", None, "apt-get install --no-install-recommends radosgw`"),
        ("docker", None, "Containers cannot be used here: no daemon."),
        ("auto", None, "apt-get install --no-install-recommends radosgw`"),
        ("auto", DOCKER, "Containers cannot be used here: no daemon."),
    ],
)
def test_an_engine_that_cannot_work_is_told(
    wanted: str, known: Settings | None, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "why_no_containers", lambda: "no daemon")
    monkeypatch.setattr(debian, "missing_packages", lambda: ["radosgw"])
    with pytest.raises((UserError, MachineError)) as error:
        stack.choose_engine(wanted, known, FOLDER)
    assert fault in str(error.value)


def test_missing_packages_are_one_sentence(no_packages: None, rlr, tmp_path: Path) -> None:
    words = ("--folder", tmp_path / "services", "--env-file", tmp_path / "env")
    answer = rlr("services", "up", *words)
    assert answer.status == 1
    assert answer.stdout == ""
    assert answer.stderr.splitlines() == [
        "No containers: docker is not installed; Debian's packages instead",
        "rlr: The services need packages that are not installed: run `apt-get install "
        "--no-install-recommends ceph-common ceph-mon ceph-osd postgresql radosgw`.",
    ]
    assert list(tmp_path.iterdir()) == []


def test_missing_python_packages_are_one_sentence(
    rlr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "find_spec", lambda name: None if name == "psycopg" else object())
    answer = rlr("services", "up", "--folder", tmp_path / "services")
    assert answer.status == 1
    assert "not installed (psycopg): the extras `data` and `registry` bring them" in answer.stderr


@pytest.mark.parametrize("verb", ["status", "down"])
def test_a_folder_where_nothing_was_started_is_told(verb: str, rlr, tmp_path: Path) -> None:
    answer = rlr("services", verb, "--folder", tmp_path / "none", "--json")
    assert answer.status == 2
    assert answer.stdout == ""
    assert f"No services were started in {tmp_path / 'none'}; `rlr services up` " in answer.stderr
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = Place(ServicesConfig(folder=str(tmp_path / "file")))
    with pytest.raises(MachineError, match=r"file cannot be written .*choose another --folder"):
        place.alone().__enter__()


def test_two_at_once_do_not_work_in_one_folder(tmp_path: Path) -> None:
    place = Place(ServicesConfig(folder=str(tmp_path)))
    with (
        place.alone(),
        pytest.raises(MachineError, match="Another `rlr services` is at work"),
        place.alone(),
    ):
        pass
    with place.alone():
        pass


def test_a_foreign_settings_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"colour": "red"}')
    with pytest.raises(UserError, match=r"settings\.json is not what `rlr services up` wrote"):
        Place(ServicesConfig(folder=str(tmp_path))).settings()


def test_choices_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    place = Place(ServicesConfig(folder=str(tmp_path), mlflow_port=free_port()))
    chosen = place.choose("debian")
    assert chosen.mlflow_port == place.config.mlflow_port
    assert len({chosen.s3_port, chosen.postgres_port, chosen.mlflow_port}) == 3
    assert chosen.s3_port in RANGE
    assert place.settings() == chosen
    for name in ("settings.json", "credentials"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert place.choose("debian").database_password != chosen.database_password


def test_a_taken_port_is_named_and_not_kept(tmp_path: Path, taken_port: int) -> None:
    place = Place(ServicesConfig(folder=str(tmp_path), mlflow_port=taken_port))
    with pytest.raises(MachineError, match=f"Port {taken_port} of mlflow is taken .*mlflow_port="):
        place.choose("debian")
    assert place.settings() is None
    with pytest.raises(MachineError, match=f"Port {taken_port} of mlflow"):
        place.moved(DEBIAN)
    assert Place(ServicesConfig()).moved(DEBIAN) == DEBIAN
    other = Place(ServicesConfig(s3_port=free_port())).moved(DEBIAN)
    assert other.s3_port in RANGE
    assert other.mlflow_port == DEBIAN.mlflow_port


def test_the_env_file_of_somebody_else_stays(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SECRET=of the user\n")
    with pytest.raises(UserError, match=r"\.env was not written by `rlr services`"):
        require_ours(file)
    remove_env_file(file, FOLDER)
    assert file.read_text() == "SECRET=of the user\n"
    with pytest.raises(UserError, match="cannot be written; name another file"):
        require_ours(tmp_path / "nowhere" / ".env")


def test_the_env_file_goes_with_the_services_that_wrote_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    write_env_file(file, FOLDER, DEBIAN.variables())
    assert file.stat().st_mode & 0o777 == 0o600
    assert "RLR_DATA_REMOTE=s3://rlr-data/versions" in file.read_text().splitlines()
    require_ours(file)
    remove_env_file(file, Path("/other"))
    assert file.exists()
    remove_env_file(file, FOLDER)
    assert not file.exists()
    remove_env_file(file, FOLDER)


def test_a_place_that_ceph_cannot_spell_is_told(tmp_path: Path) -> None:
    from rlr.infrastructure.services.ceph import require_plain

    require_plain(tmp_path / "with space")
    with pytest.raises(UserError, match="has # in its name"):
        require_plain(tmp_path / "a#b")


def test_the_settings_hold_nothing_that_a_reader_of_env_files_would_change() -> None:
    for value in DEBIAN.variables().values():
        assert not set(value) & set(" \t\n\"'#$\\`")


def test_status_of_a_stopped_stack(tmp_path: Path, rlr) -> None:
    place = Place(ServicesConfig(folder=str(tmp_path)))
    place.choose("debian")
    answer = rlr("services", "status", "--folder", tmp_path, "--json")
    assert answer.status == 1
    assert "postgres: postgres does not live" in answer.stderr
    (tmp_path / "answer.json").write_text(answer.stdout)
    document = read_json(tmp_path / "answer.json")
    assert [one["in_order"] for one in document["services"]] == [False] * 3
    assert document["services"][2]["daemons"] == {"mlflow": None}
    assert document["env_file"] is None
