from pathlib import Path

import pytest

from rlr.foundation.errors import UserError
from rlr.orchestration.parameters import Parameters, portable, refuse_unknown, resolve

VERSION = "0123456789abcdef0123456789abcdef.dir"


def test_parameters_go_over_overrides() -> None:
    config = resolve("tiny", ["seed=1", "training.epochs=3"], VERSION, 7)
    assert (config.seed, config.training.epochs, config.data.version) == (7, 3, VERSION)


@pytest.mark.parametrize("seed", [None, -1])
def test_left_out_is_what_the_configuration_says(seed: int | None) -> None:
    config = resolve("tiny", ["seed=5"], "", seed)
    assert (config.seed, config.data.version) == (5, None)


def test_a_seed_of_zero_is_a_seed() -> None:
    assert resolve("tiny", ["seed=5"], "", 0).seed == 0


@pytest.mark.parametrize(
    ("overrides", "version", "match"),
    [(("training.epoch=1",), "", "epoch"), ((), "md5", "data.version")],
)
def test_what_is_wrong_is_told(overrides: tuple[str, ...], version: str, match: str) -> None:
    with pytest.raises(UserError, match=match):
        Parameters("tiny", overrides, version).resolve()


def test_a_file_travels_as_its_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine")
    text = portable(str(file))
    assert resolve(text, []).name == "mine"
    assert portable("tiny") == "tiny"
    assert portable(text) == text


def test_no_file_is_told() -> None:
    with pytest.raises(UserError, match="nosuch"):
        portable("nosuch.yaml")


def test_at_home_the_images_have_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my {data}: here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    config = Parameters("tiny", ("data.root=images",)).at_home().resolve()
    assert config.data.root == str(folder / "images")


def test_at_home_so_has_the_folder_where_new_ones_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for given, meant in (("incoming", str(tmp_path / "incoming")), ("s3://a/b", "s3://a/b")):
        parameters = Parameters("tiny", (f"retraining.source={given}",)).at_home()
        assert parameters.resolve().retraining.source == meant
    assert Parameters("tiny").at_home().resolve().retraining.source is None


def test_what_a_pipeline_does_not_know_is_refused() -> None:
    refuse_unknown(["seed"], ["seed", "force"], "retraining")
    with pytest.raises(UserError, match="The pipeline training has no parameter 'force'"):
        refuse_unknown(
            Parameters(force=True).as_arguments(), Parameters().as_arguments(), "training"
        )


def test_arguments_are_plain() -> None:
    arguments = Parameters("tiny", ("a=1",), VERSION, 3).as_arguments()
    assert arguments == {
        "config": "tiny",
        "overrides": ["a=1"],
        "data_version": VERSION,
        "seed": 3,
    }
