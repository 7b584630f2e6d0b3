"""`rlr config`."""

import json

import yaml

from rlr.cli.options import DEFAULT_CONFIG
from rlr.config import Config, load_config
from rlr.config.load import DEFAULT_PRESET


def test_the_default_of_the_commands_is_that_of_the_loader() -> None:
    assert DEFAULT_CONFIG == DEFAULT_PRESET


def test_show_prints_a_document_that_can_be_used_as_a_file(rlr, tmp_path) -> None:
    shown = rlr("config", "show", "--config", "tiny", "--set", "training.epochs=7").stdout
    (tmp_path / "mine.yaml").write_text(shown)
    expected = load_config("tiny", ["training.epochs=7"])
    assert load_config(str(tmp_path / "mine.yaml")) == expected
    assert list(yaml.safe_load(shown)) == list(Config.model_fields)


def test_show_json_is_the_resolved_configuration(rlr) -> None:
    document = json.loads(rlr("config", "show", "--config", "demo", "--json").stdout)
    assert document["config"] == load_config("demo").model_dump(mode="json")


def test_schema_lists_every_key(rlr) -> None:
    shown = rlr("config", "schema").stdout
    assert "training.optimizer.learning_rate" in shown
    assert "model.levels[].index" in shown


def test_schema_json_is_a_json_schema(rlr) -> None:
    document = json.loads(rlr("config", "schema", "--json").stdout)
    assert document["type"] == "object"
    assert document["additionalProperties"] is False
    assert set(document["properties"]) == set(Config.model_fields)


def test_validate_tells_two_spellings_of_one_configuration_apart_from_two(rlr) -> None:
    def digest(*words: str) -> str:
        return str(json.loads(rlr("config", "validate", "--json", *words).stdout)["digest"])

    assert digest() == digest("--set", "training.epochs=200")
    assert digest() != digest("--set", "training.epochs=201")
