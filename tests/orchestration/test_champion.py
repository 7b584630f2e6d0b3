"""The champion of the registry looks at unjudged images, and the run says so."""

import json
from pathlib import Path

import pytest

from rlr.config.registry import RegistryConfig
from rlr.data.manifest import Manifest
from rlr.foundation.errors import UserError
from rlr.orchestration import steps
from rlr.orchestration.review import review_images


@pytest.mark.slow
def test_a_planted_defect_is_held_back_by_the_registered_champion(
    unjudged_manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlr.config import load_config
    from rlr.registry.server import connect

    monkeypatch.chdir(tmp_path)
    store = f"sqlite:///{tmp_path}/mlflow.db"
    base = [
        f"data.root={unjudged_manifest.root}",
        "data.validation_fraction=0.3",
        f"registry.tracking_uri={store}",
        "registry.floors.image_auroc=0.0",
        "training.threads=1",
    ]
    bold = [*base, "data.assume_normal=true"]
    validated = steps.validate_data("tiny", bold, Path("dataset"))
    assert validated.passed, validated.reason
    report = json.loads(Path("dataset/validation.json").read_text())
    assert report["unjudged"]["images"] == 34
    assert 0 < report["unjudged"]["may_enter"] < 34
    assert "nobody has judged" in Path("dataset/validation.html").read_text()
    with pytest.raises(UserError, match=r"there is none \(models:/rlr@champion is not in the"):
        steps.train("tiny", bold, Path("none"), Path("dataset"))
    assert not Path("none").exists()

    trained = steps.train("tiny", base, Path("first"), Path("dataset"))
    steps.evaluate("tiny", base, Path("first"), Path("measured"), Path("dataset"))
    made = steps.register("tiny", base, Path("first"), Path("measured"))
    client = connect(RegistryConfig(tracking_uri=store))
    assert "unjudged_admitted" not in client.get_run(trained.run_id).data.tags
    client.set_registered_model_alias("rlr", "champion", made.version)

    second = steps.train("tiny", bold, Path("second"), Path("dataset"))
    result = json.loads(Path("second/result.json").read_text())
    assert result["unjudged"]["champion"] == f"models:/rlr/{made.version}"
    tags = client.get_run(second.run_id).data.tags
    assert tags["unjudged_admitted"] == str(result["unjudged"]["admitted"])
    assert tags["unjudged_held_back"] == "2"
    assert tags["unjudged_champion"] == f"models:/rlr/{made.version}"
    logged = {file.path for file in client.list_artifacts(second.run_id, "training")}
    assert {"training/held_back.csv", "training/admission.json"} <= logged

    steps.evaluate("tiny", base, Path("second"), Path("again"), Path("dataset"))
    newer = steps.register("tiny", base, Path("second"), Path("again"))
    version = client.get_model_version("rlr", newer.version)
    assert version.tags["unjudged_champion"] == f"models:/rlr/{made.version}"
    found = review_images(load_config("tiny", bold), f"models:/rlr/{newer.version}")
    assert [each.path for each in found.candidates] == [
        "rings/unlabelled/blot.png",
        "stripes/unlabelled/blot.png",
    ]
    with pytest.raises(UserError, match="has held no image back"):
        review_images(load_config("tiny", bold), made.uri)
