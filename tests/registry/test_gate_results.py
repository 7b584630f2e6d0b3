"""Gate results: stored with the version that they are about, and believed only as attached."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixtures.versions import detector_digest, gate_result, make_version, write_gate

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import UserError
from rlr.registry.gate_results import attach_gate_result, read_gate_result

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture
def version(client: "MlflowClient", settings: RegistryConfig) -> str:
    return make_version(client, settings)


def test_what_was_attached_is_read(
    client: "MlflowClient", settings: RegistryConfig, version: str, tmp_path: Path
) -> None:
    name = settings.model_name
    assert read_gate_result(client, name, version, settings) is None
    result = gate_result(settings, version, None, "reject")
    attach_gate_result(client, name, version, write_gate(tmp_path / "gate", result), settings)
    stored = read_gate_result(client, name, version, settings)
    assert stored is not None
    assert stored.result == result
    entry = client.get_model_version(name, version)
    assert entry.tags["gate_outcome"] == "reject"
    assert entry.tags["gate_champion"] == "none"
    assert entry.tags["gate_sha256"] == stored.sha256
    assert stored.place == entry.tags["gate_artifact"] == f"gate/none-{stored.sha256[:12]}"
    files = [file.path for file in client.list_artifacts(entry.run_id, stored.place)]
    assert sorted(files) == [f"{stored.place}/gate.html", f"{stored.place}/gate.json"]


def test_the_newest_counts_and_the_older_stays(
    client: "MlflowClient", settings: RegistryConfig, version: str, tmp_path: Path
) -> None:
    name = settings.model_name
    for champion in (None, "7"):
        folder = write_gate(tmp_path / f"{champion}", gate_result(settings, version, champion))
        attach_gate_result(client, name, version, folder, settings)
    stored = read_gate_result(client, name, version, settings)
    assert stored is not None
    assert stored.result.champion is not None
    assert stored.result.champion.sha256 == detector_digest(7)
    assert stored.place.startswith("gate/7-")
    run_id = client.get_model_version(name, version).run_id
    assert len(client.list_artifacts(run_id, "gate")) == 2


def test_a_result_about_another_model_is_refused(
    client: "MlflowClient", settings: RegistryConfig, version: str, tmp_path: Path
) -> None:
    folder = write_gate(tmp_path / "gate", gate_result(settings, "99", None))
    with pytest.raises(UserError, match="about another model"):
        attach_gate_result(client, settings.model_name, version, folder, settings)
    assert read_gate_result(client, settings.model_name, version, settings) is None


def test_a_result_that_was_attached_half_is_not_believed_and_finished_by_the_next(
    client: "MlflowClient",
    settings: RegistryConfig,
    version: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = settings.model_name
    rejected = write_gate(tmp_path / "first", gate_result(settings, version, None, "reject"))
    attach_gate_result(client, name, version, rejected, settings)
    promoted = write_gate(tmp_path / "second", gate_result(settings, version, None))
    set_tag = client.set_model_version_tag

    def die_at_the_digest(name: str, version: str, key: str, value: str) -> None:
        if key == "gate_sha256":
            raise KeyboardInterrupt
        set_tag(name, version, key, value)

    with monkeypatch.context() as patch:
        patch.setattr(client, "set_model_version_tag", die_at_the_digest)
        with pytest.raises(KeyboardInterrupt):
            attach_gate_result(client, name, version, promoted, settings)
    with pytest.raises(UserError, match="not what was attached; judge it anew: rlr gate"):
        read_gate_result(client, name, version, settings)
    attach_gate_result(client, name, version, promoted, settings)
    stored = read_gate_result(client, name, version, settings)
    assert stored is not None
    assert stored.result.outcome == "promote"


def test_an_artifact_that_was_altered_or_removed_is_told(
    client: "MlflowClient", settings: RegistryConfig, version: str, tmp_path: Path
) -> None:
    name = settings.model_name
    folder = write_gate(tmp_path / "gate", gate_result(settings, version, None, "reject"))
    attach_gate_result(client, name, version, folder, settings)
    entry = client.get_model_version(name, version)
    run = client.get_run(entry.run_id)
    file = Path(run.info.artifact_uri.removeprefix("file://")) / entry.tags["gate_artifact"]
    file = file / "gate.json"
    file.write_text(file.read_text().replace("reject", "promote"))
    with pytest.raises(UserError, match="not what was attached"):
        read_gate_result(client, name, version, settings)
    file.unlink()
    with pytest.raises(UserError, match="is missing"):
        read_gate_result(client, name, version, settings)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"format_version": 2}, "no gate result of this release"), ({"extra": 1}, "extra")],
)
def test_other_formats_are_told(
    client: "MlflowClient",
    settings: RegistryConfig,
    version: str,
    tmp_path: Path,
    change: dict[str, int],
    sentence: str,
) -> None:
    folder = write_gate(tmp_path / "gate", gate_result(settings, version, None), **change)
    with pytest.raises(UserError, match=sentence):
        attach_gate_result(client, settings.model_name, version, folder, settings)


def test_a_folder_without_a_result_is_told(
    client: "MlflowClient", settings: RegistryConfig, version: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"gate\.json cannot be read"):
        attach_gate_result(client, settings.model_name, version, tmp_path, settings)
