"""Real test images are opened for what is reported; everything else needs a reason, and counts."""

from pathlib import Path

import pytest
from quality.openings import Opening, enter, read_ledger, reason_of

from rlr.config import load_config
from rlr.foundation.errors import UserError

BACKBONE = "features.backbone.name=resnet18"


def an_opening(seed: int) -> Opening:
    return Opening(
        "2026-01-01T00:00:00Z", "rlr published", "0" * 64, seed, 5, "why", ["a"], "1" * 64
    )


def test_the_published_recipe_may_be_opened_with_any_backbone_and_length() -> None:
    config = load_config("published", [BACKBONE, "training.epochs=15", "training.threads=1"])
    assert reason_of(config, None) == "published: reported"


@pytest.mark.parametrize(
    ("preset", "override", "key"),
    [
        ("published", "training.batch_size=8", "training.batch_size"),
        ("published", "training.precision=bf16", "training.precision"),
        ("published", "features.preprocessing.height=320", "features.preprocessing.height"),
        ("published", "detection.smoothing_sigma=2.0", "detection.smoothing_sigma"),
    ],
)
def test_another_recipe_is_refused_and_told_where_it_differs(
    preset: str, override: str, key: str
) -> None:
    config = load_config(preset, [override])
    with pytest.raises(UserError, match=rf"it differs in {key}\).*--reason TEXT"):
        reason_of(config, None)
    assert reason_of(config, "asked for") == "asked for"


def test_a_configuration_of_another_name_is_refused() -> None:
    with pytest.raises(UserError, match="the configuration tiny is another; measure it on a dev"):
        reason_of(load_config("tiny"), None)


def test_the_ledger_counts(tmp_path: Path) -> None:
    ledger = tmp_path / "results" / "openings.json"
    assert read_ledger(ledger) == []
    for seed in (0, 1):
        enter(an_opening(seed), ledger)
    assert [one["seed"] for one in read_ledger(ledger)] == [0, 1]
    assert '"count": 2' in ledger.read_text()


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    ledger = tmp_path / "openings.json"
    ledger.write_text('{"openings": 3}')
    with pytest.raises(UserError, match="no ledger of openings"):
        enter(an_opening(0), ledger)
    assert ledger.read_text() == '{"openings": 3}'
