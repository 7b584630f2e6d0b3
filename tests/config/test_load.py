"""A configuration is taken whole or refused in one sentence that names the key."""

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rlr.config import Config, load_config
from rlr.config.describe import Key, describe_keys
from rlr.config.load import preset_names
from rlr.foundation.errors import UserError

KEYS = describe_keys()
PLAIN = [key for key in KEYS if "[]" not in key.name]
# A free mapping of names that are not ours.
OPEN = ("features.backbone.options", "pipeline.node_selector")


def nested(path: str, value: Any) -> Any:
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


@pytest.mark.parametrize("name", preset_names())
def test_the_shown_document_loads_to_the_same(name: str) -> None:
    config = load_config(name)
    assert load_config(config.as_yaml()) == config
    assert load_config(config.as_yaml()).digest() == config.digest()


def test_the_shown_document_hides_no_default() -> None:
    shown = Config().model_dump(mode="json")
    for key in PLAIN:
        section: Any = shown
        for part in key.name.split("."):
            assert part in section, key.name
            section = section[part]


@pytest.mark.parametrize("key", PLAIN, ids=lambda key: key.name)
def test_a_misspelt_key_is_refused_and_the_right_one_named(key: Key) -> None:
    section, _, last = key.name.rpartition(".")
    prefix = f"{section}." if section else ""
    misspelt = f"{prefix}{last[:-1]}{last[-1] * 2}"
    with pytest.raises(UserError, match="unknown key") as failure:
        load_config("published", [f"{misspelt}=1"])
    assert f"--set {misspelt}: " in str(failure.value)
    assert f"did you mean {last}?" in str(failure.value)


@pytest.mark.parametrize(
    "section",
    sorted({key.name.rpartition(".")[0] for key in KEYS} | {""}),
)
def test_every_section_refuses_a_key_it_does_not_know(section: str) -> None:
    path = f"{section}.bogus".lstrip(".")
    document = nested(path, 1)
    if "[]" in section:
        document = {"model": {"levels": [{"index": 2, "bogus": 1}]}}
    with pytest.raises(UserError, match="bogus: unknown key"):
        load_config(f"{document}")  # a flow mapping is YAML


def test_a_key_of_another_section_is_pointed_out() -> None:
    with pytest.raises(UserError, match=r"did you mean training\.epochs\?"):
        load_config("published", ["epochs=5"])


def test_a_misspelt_key_in_a_list_is_named_with_its_place() -> None:
    with pytest.raises(UserError, match=r"model\.levels\.0\.wdth: .*did you mean width\?"):
        load_config("{model: {levels: [{index: 2, wdth: 64}]}}")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ('training.epochs="5"', "valid integer, but got '5'"),
        ("training.epochs=5.5", "valid integer, but got 5.5"),
        ("training.epochs=true", "valid integer, but got True"),
        ("training.epochs=0", "greater than 0"),
        ("training.stopping.enabled=1", "valid boolean"),
        ("training.device=gpu", "'auto', 'cpu' or 'cuda'"),
        ("name=5", "valid string"),
        ("training=5", "--set training: "),
        ("training.optimizer.learning_rate=.inf", "finite number"),
        ("training.optimizer.learning_rate=.nan", "finite number"),
        ("threshold.false_positive_rate=1.0", "less than 1"),
        ("data.version=abc", "pattern"),
        ("model.levels=[]", "at least 1"),
        ("model.levels=[{index: 4}]", "no rule for index 4"),
        ("model.levels=[{index: 2, width: 250}]", "divisible"),
        ("model.levels=[{index: 2, window: [4, 5]}]", "odd"),
        ("model.levels=[{index: 3}, {index: 2}]", "rising order"),
        ("model.levels=[{index: 2}, {index: 2}]", "distinct"),
        ("seed=2024-01-01", "plain YAML value"),
        ("seed", "write key=value"),
        ("=5", "write key=value"),
        ("seed=[1", "not valid YAML"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(override: str, words: str) -> None:
    with pytest.raises(UserError) as failure:
        load_config("published", [override])
    assert words in str(failure.value)
    assert "\n" not in str(failure.value)


def test_the_sentence_says_whether_the_file_or_the_override_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("training:\n  epochs: none\n")
    with pytest.raises(UserError, match=r"^--set training\.epochs: "):
        load_config(str(file), ["training.epochs=x"])
    with pytest.raises(UserError, match=r"mine\.yaml: training\.epochs: "):
        load_config(str(file), ["training.batch_size=2"])


def test_overrides_go_one_after_another_over_the_file() -> None:
    config = load_config("tiny", ["training.epochs=7", "training.epochs=9", "data.root=my images"])
    assert config.training.epochs == 9
    assert config.data.root == "my images"
    assert config.training.batch_size == load_config("tiny").training.batch_size


def test_an_override_opens_a_section_that_is_empty_in_the_file() -> None:
    assert load_config("training:\n", ["training.epochs=3"]).training.epochs == 3


@pytest.mark.parametrize("path", OPEN)
def test_free_mappings_take_any_name(path: str) -> None:
    config = load_config("published", [f"{path}.anything=value"])
    section, _, last = path.rpartition(".")
    values = config.model_dump()
    for part in section.split("."):
        values = values[part]
    assert values[last]["anything"] == "value"


@pytest.mark.parametrize("text", ["\n", "{}", "# nothing\n"])
def test_an_empty_document_is_the_defaults(text: str) -> None:
    assert load_config(text) == Config()


def test_numbers_and_switches_are_read_as_people_write_them() -> None:
    config = load_config(
        "features: {cache: off}\ntraining: {optimizer: {learning_rate: 1e-4}}\n",
        ["validation.severity.sharpness=off"],
    )
    assert config.features.cache == "off"
    assert math.isclose(config.training.optimizer.learning_rate, 1e-4)
    assert config.validation.severity.sharpness == "off"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [1", "not valid YAML"),
        (b"- 1\n", "a mapping of sections"),
        (b"\xff\xfe\x00", "nor a readable file"),
        (b"training: {epochs: 1}\ntraining: {epochs: 2}\n", "'training' stands twice"),
        (b"seed: !!python/object/apply:os.system [true]\n", "not valid YAML"),
    ],
)
def test_a_broken_file_is_refused_in_one_sentence(
    content: bytes, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError, match="mine") as failure:
        load_config(str(file))
    assert words in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("source", ["nope", "nope.yaml", "."])
def test_an_unknown_source_is_refused_and_the_presets_named(source: str) -> None:
    with pytest.raises(UserError, match="default, demo, dinov2, published, tiny"):
        load_config(source)


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_config("tiny").training.epochs = 5  # type: ignore[misc]


def test_every_key_is_explained() -> None:
    assert [key.name for key in KEYS if not key.meaning] == []
    assert len({key.name for key in KEYS}) == len(KEYS)


def test_the_description_gives_type_and_default() -> None:
    described = {key.name: key for key in KEYS}
    assert described["training.epochs"].default == "200"
    assert described["training.device"].kind == '"auto" | "cpu" | "cuda"'
    assert described["model.levels[].index"].default == "required"
    assert described["data.version"].kind == "string | null"
