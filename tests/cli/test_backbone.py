"""`rlr backbone`: what it prints, and its exit status."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import timm

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rlr.backbones.packaged.FOLDER", tmp_path / "packaged")
    torch.manual_seed(5)
    path = tmp_path / "mine.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), path)
    return path


def test_from_a_file_to_a_damaged_one(rlr: Callable[..., Any], file: Path, tmp_path: Path) -> None:
    assert "There are no weights" in rlr("backbone", "list").stdout
    options = ["--mean", ".4,.5,.6", "--options", "zero_init_last=false", "--licence", "CC0-1.0"]
    done = rlr("backbone", "import", "test_resnet", file, *options, "--json")
    assert done.status == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["written"], made["mean"]) == (True, [0.4, 0.5, 0.6])
    assert made["options"] == {"zero_init_last": False}
    again = rlr("backbone", "import", "test_resnet", file, *options, "--sha256", made["sha256"])
    assert (again.status, "nothing was written" in again.stdout) == (0, True)

    (tmp_path / "packaged").mkdir()
    (tmp_path / "packaged" / "test_resnet.safetensors").write_bytes(file.read_bytes())
    listed = json.loads(rlr("backbone", "list", "--json").stdout)
    assert [entry["licence"] for entry in listed["stored"]] == ["CC0-1.0"]
    packaged = [(entry["sha256"], entry["mean"]) for entry in listed["packaged"]]
    assert packaged == [(made["sha256"], [0.5, 0.5, 0.5])]
    assert "CC0-1.0" in rlr("backbone", "list").stdout
    sound = rlr("backbone", "verify")
    assert (sound.status, sound.stdout.count("ok ")) == (0, 2)

    Path(made["path"]).write_bytes(b"rust")
    broken = rlr("backbone", "verify", "--json")
    assert broken.status == 1
    document = json.loads(broken.stdout)
    faults = [(one["place"], one["fault"]) for one in document["backbones"]]
    assert faults == [("packaged", None), ("store", f"has 4 bytes in place of {made['bytes']}")]
    assert "damaged" in rlr("backbone", "verify", "test_resnet").stdout
    (tmp_path / ".rlr" / "backbones" / "test_resnet" / "record.json").unlink()
    assert "record.json cannot be read" in rlr("backbone", "list").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--mean", "0.5"], "--mean 0.5: write three numbers"),
        (["--sha256", "12ab"], "--sha256 12ab: write all 64"),
        (["--options", "pad_type"], "--options pad_type: write key=value"),
        (["--options", "depths=[1, 2]"], "write key=value"),
    ],
)
def test_a_wrong_option_is_status_2(
    rlr: Callable[..., Any], file: Path, words: list[str], sentence: str
) -> None:
    done = rlr("backbone", "import", "test_resnet", file, *words)
    assert done.status == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_store_may_be_named_by_the_configuration(
    rlr: Callable[..., Any], file: Path, tmp_path: Path
) -> None:
    place = ["--set", f"features.backbone.store={tmp_path / 'elsewhere'}"]
    assert rlr("backbone", "import", "test_resnet", file, *place).status == 0
    assert (tmp_path / "elsewhere" / "test_resnet" / "weights.safetensors").is_file()
    assert rlr("backbone", "verify", "test_resnet").status == 2, "it is not in the default one"
