"""Measuring this package: results as they come, resumed where they were."""

import json
from pathlib import Path
from typing import Any

import detection
import pytest
from quality import own

from rlr.foundation.errors import UserError


def words(root: Path, out: Path, *more: str) -> list[str]:
    told = ["run", "--config", "tiny", "--root", str(root), "--out", str(out), "--threads", "1"]
    return [
        *told,
        "--ledger",
        str(out.parent / "openings.json"),
        "--epochs-measured",
        "1",
        "2",
        *more,
    ]


def read(out: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(out.read_text())
    return document


@pytest.fixture(scope="module")
def straight(half_masked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return results of two epochs on a tree of real test images, for a reason."""
    out = tmp_path_factory.mktemp("straight") / "tiny.json"
    assert detection.main([*words(half_masked, out, "--reason", "a test"), "--seeds", "0"]) == 0
    return out


def test_results_say_what_was_measured_on_what(straight: Path, half_masked: Path) -> None:
    document = read(straight)
    assert [(one["seed"], one["epoch"]) for one in document["records"]] == [(0, 1), (0, 2)]
    assert document["configuration"]["resolved"]["training"]["epochs"] == 2
    assert document["machine"]["threads"] == 1
    assert len(document["records"][0]["code"]["commit"]) == 40
    first, second = document["records"][:2]
    for part in ("training", "features", "scoring_an_image"):
        assert first["cpu_seconds"][part] > 0
    assert second["cpu_seconds"]["training"] > first["cpu_seconds"]["training"]
    assert first["network_sha256"] != second["network_sha256"]
    assert str(half_masked) not in straight.read_text()
    assert not (straight.parent / "tiny.work" / "seed-0").exists()


def test_every_opening_is_listed_in_the_results_and_in_the_ledger(straight: Path) -> None:
    document, ledger = read(straight), read(straight.parent / "openings.json")
    assert ledger["count"] == 2
    assert ledger["openings"] == document["openings"]
    assert {one["why"] for one in document["openings"]} == {"a test"}
    assert [(one["seed"], one["epoch"]) for one in ledger["openings"]] == [(0, 1), (0, 2)]


def test_what_is_measured_is_not_measured_again(
    straight: Path, half_masked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "train", None)
    before = straight.read_bytes()
    assert (
        detection.main([*words(half_masked, straight, "--reason", "a test"), "--seeds", "0"]) == 0
    )
    assert read(straight)["records"] == json.loads(before)["records"]
    assert read(straight.parent / "openings.json")["count"] == 2


def test_a_file_from_before_a_key_came_is_gone_on_with(
    straight: Path, half_masked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / straight.name
    document = read(straight)
    del document["configuration"]["resolved"]["training"]["compile"]
    document["configuration"]["sha256"] = "another"
    older.write_text(json.dumps(document))
    monkeypatch.setattr(own, "train", None)
    assert detection.main([*words(half_masked, older, "--reason", "a test"), "--seeds", "0"]) == 0


def test_an_interrupted_measurement_goes_on_where_it_was(
    straight: Path, development: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "tiny.json"
    asked = [*words(development, out, "--development"), "--seeds", "0"]
    measure, train = own.measure_stream, own.train
    calls: list[int | None] = []

    def stop_at_second(*given: Any) -> Any:
        if read(out)["records"] if out.is_file() else []:
            raise KeyboardInterrupt
        return measure(*given)

    def count(*given: Any, until: int | None = None) -> Any:
        calls.append(until)
        return train(*given, until=until)

    monkeypatch.setattr(own, "measure_stream", stop_at_second)
    monkeypatch.setattr(own, "train", count)
    with pytest.raises(KeyboardInterrupt):
        detection.main(asked)
    assert [one["epoch"] for one in read(out)["records"]] == [1]
    monkeypatch.setattr(own, "measure_stream", measure)
    assert detection.main(asked) == 0
    assert calls == [1, 2], "the second training was done already"
    ours, theirs = read(out)["records"], read(straight)["records"]
    for name in ("network_sha256", "metrics", "loss"):
        assert [one[name] for one in ours] == [one[name] for one in theirs]


def test_a_development_tree_is_not_counted(development: Path, tmp_path: Path) -> None:
    out = tmp_path / "tiny.json"
    asked = words(development, out, "--development", "--set", "training.epochs=1", "--limit", "8")
    asked = [word for word in asked if word != "2"]
    assert detection.main([*asked, "--seeds", "3", "4"]) == 0
    assert [one["seed"] for one in read(out)["records"]] == [3, 4]
    assert read(out)["openings"] == []
    assert not (tmp_path / "openings.json").exists()


def test_a_real_tree_is_refused_without_a_reason(
    half_masked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tiny.json"
    assert detection.main(words(half_masked, out)) == 2
    assert "the configuration tiny is another" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--set", "training.epochs=1"], "the training has epochs 1 to 1"),
        (["--set", "training.epoch=1"], "unknown key"),
        (["--limit", "7", "--reason", "r"], "measurement with another protocol; choose another"),
        (["--set", "seed=0", "--set", "training.batch_size=4", "--reason", "r"],
         "measurement with another configuration; choose another"),
    ],
)  # fmt: skip
def test_bad_requests_are_told_in_a_sentence(
    straight: Path,
    half_masked: Path,
    more: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = straight.read_bytes()
    assert detection.main(words(half_masked, straight, *more)) == 2
    assert told in capsys.readouterr().err
    assert straight.read_bytes() == before


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    from quality.results import Results

    head = dict.fromkeys(("method", "configuration", "protocol", "images", "seeds"))
    head |= {"epochs_measured": []}
    with Results.open(tmp_path / "a.json", head) as first:
        assert first.document["records"] == []
        again = Results.open(tmp_path / "a.json", head)
        with pytest.raises(UserError, match="being written by another process"), again:
            pass
    with Results.open(tmp_path / "a.json", head):
        pass


@pytest.mark.parametrize("more", [["--seeds", "-1"], ["--limit", "0"], ["--threads", "many"]])
def test_numbers_are_read_strictly(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        detection.main(words(tmp_path, tmp_path / "a.json", *more))
    assert "no whole number from" in capsys.readouterr().err


def test_results_are_a_json_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert detection.main(words(tmp_path, tmp_path / "results")) == 2
    assert "name a file that ends in .json" in capsys.readouterr().err
