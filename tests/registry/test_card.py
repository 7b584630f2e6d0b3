"""The model card: what it says, that both forms say it, and that it breaks on nothing."""

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from fixtures.versions import gate_result, make_version, write_gate

from rlr.config import Config, load_config
from rlr.config.gate import GateConfig
from rlr.config.registry import RegistryConfig
from rlr.registry.card import log_card, write_card
from rlr.registry.card.intervals import image_intervals
from rlr.registry.gate_results import attach_gate_result

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATA = "0a" * 16 + ".dir"
NASTY = "Bolts | nuts, <script>alert(1)</script> [here](http://x) _now_ & `then`"
THRESHOLD = {"value": 0.5, "rate": 0.01, "n": 4, "class_n": 4, "method": "pooled"}


def share(count: int, n: int) -> dict[str, Any]:
    return {"count": count, "n": n, "rate": count / n, "low": 0.01, "high": 0.9}


def decided(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "threshold": {**THRESHOLD, "attainable": False, "note": ""},
        "target_rate": 0.01,
        "false_alarms": share(1, 8),
        "found": share(3, 4),
    }


def scores() -> pd.DataFrame:
    """Return scores of two classes; of the second all defects score above all normal images."""
    draws = np.random.default_rng(0)
    rows = []
    for name, gap in (("bolt", 0.5), ("nut", 50.0)):
        for place in range(12):
            label = "good" if place < 8 else "scratch"
            score = draws.normal() + (gap if place >= 8 else 0.0)
            rows.append((f"{name}/{place}.png", name, label, score))
    return pd.DataFrame(rows, columns=["path", "class", "label", "image_score"])


@pytest.fixture
def config(settings: RegistryConfig) -> Config:
    return load_config("tiny").model_copy(update={"registry": settings})


@pytest.fixture
def version(client: "MlflowClient", settings: RegistryConfig, tmp_path: Path) -> str:
    """Make a version whose run holds what a training and an evaluation leave."""
    number = make_version(client, settings, data_version=DATA, floors="fail: too low")
    run_id = client.get_model_version(settings.model_name, number).run_id
    words = {"card": {"intended_use": NASTY, "gone": 1}, "data": {"licence": "CC BY 4.0"}}
    metrics = {"image_auroc": 0.75, "image_ap": 0.5, "aupro_0.30": None, "pixel_auroc": 0.9}
    documents = {
        "config.yaml": json.dumps(words),
        "training/result.json": json.dumps(
            {
                "classes": ["bolt", "nut"],
                "backbone": {"weights_origin": "random"},
                "images": {"train": 40, "validation": 8},
                "unjudged": {"admitted": 5, "held_back": 1, "champion": "models:/rlr/1"},
                "thresholds": {"per_class": {"bolt": decided("bolt")["threshold"]}},
            }
        ),
        "evaluation/result.json": json.dumps(
            {
                "data_version": DATA,
                "confidence": 0.95,
                "images": {"normal": 16, "defective": 8, "unjudged": 2},
                "decisions": [decided("bolt"), decided("nut"), decided("All classes, each")],
                "pixel_notes": ["nut: no masks"],
            }
        ),
        "evaluation/metrics.json": json.dumps(
            {
                "default": {
                    "per_class": {"bolt": metrics, "nut": metrics},
                    "mean": metrics,
                    "pooled": metrics,
                }
            }
        ),
    }
    for path, text in documents.items():
        client.log_text(run_id, text, path)
    scores().to_parquet(tmp_path / "scores.parquet")
    client.log_artifact(run_id, str(tmp_path / "scores.parquet"), "evaluation")
    return f"models:/{settings.model_name}/{number}"


def plain(page: str) -> str:
    """Return the words of a page."""
    body = page[page.index("<main>") :]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_both_forms_say_what_is_stored(
    version: str, client: "MlflowClient", config: Config, tmp_path: Path
) -> None:
    name, number = version.removeprefix("models:/").split("/")
    folder = write_gate(tmp_path / "gate", gate_result(config.registry, number, "7", "reject"))
    attach_gate_result(client, name, number, folder, config.registry)
    assert write_card(client, config, version, tmp_path / "card") == version
    markdown = (tmp_path / "card/card.md").read_text()
    page = (tmp_path / "card/card.html").read_text()
    for word in (
        "CC BY 4.0",
        DATA,
        "Nobody has told (card.owner).",
        "1 of 8 = 12.5 % [1.0 %, 90.0 %]",
        "Few normal test images (below 30), so wide intervals: bolt (8), nut (8).",
        "so the scores of all classes were pooled: bolt (4).",
        "5 training images were judged by nobody",
        "2 test images were judged by nobody",
        "nut: no masks",
        "Outcome: reject, against",
        f"rlr reproduce {version}",
    ):
        assert word in markdown
        assert word in plain(page)
    assert "backbone's weights are random" in markdown.partition("## ")[0]
    assert "The model is below its floors (too low)." in html.unescape(page.partition("<main>")[0])
    assert '<svg class="lineage"' in page
    assert "](lineage.svg)" in markdown
    assert (tmp_path / "card/lineage.svg").is_file()


def test_words_of_people_stay_words(
    version: str, client: "MlflowClient", config: Config, tmp_path: Path
) -> None:
    write_card(client, config, version, tmp_path)
    page = (tmp_path / "card.html").read_text()
    assert "<script>" not in page
    assert NASTY in plain(page)
    (row,) = (
        line
        for line in (tmp_path / "card.md").read_text().splitlines()
        if line.startswith("| Intended use")
    )
    assert row == (
        r"| Intended use | Bolts \| nuts, \<script\>alert(1)\</script\> [here\](http://x) \_now\_ "
        r"& \`then\` |"
    )


def test_the_words_of_the_configuration_go_first(
    version: str, client: "MlflowClient", settings: RegistryConfig, tmp_path: Path
) -> None:
    own = load_config("tiny", ["card.owner=Ada", "card.limits=[wet parts]", "data.licence=MIT"])
    write_card(client, own.model_copy(update={"registry": settings}), version, tmp_path)
    markdown = (tmp_path / "card.md").read_text()
    assert "| Owner | Ada |" in markdown
    assert "- wet parts" in markdown
    assert "| Licence | MIT |" in markdown
    assert "Bolts" in markdown


def test_tables_are_tables(
    version: str, client: "MlflowClient", config: Config, tmp_path: Path
) -> None:
    write_card(client, config, version, tmp_path)
    lines = (tmp_path / "card.md").read_text().splitlines()
    heads = [place for place, line in enumerate(lines) if line.startswith("| ---")]
    assert len(heads) == 5
    for place in heads:
        assert lines[place - 2] == ""  # or it would belong to the paragraph before
        end = next(at for at in range(place, len(lines)) if not lines[at])
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in lines[place - 1 : end]}
        assert len(widths) == 1


def test_a_version_of_which_nothing_is_stored_has_a_card(
    client: "MlflowClient", config: Config, settings: RegistryConfig, tmp_path: Path
) -> None:
    number = make_version(client, settings)
    version = f"models:/{settings.model_name}/{number}"
    write_card(client, config, version, tmp_path)
    markdown = (tmp_path / "card.md").read_text()
    assert "No evaluation is stored" in markdown
    assert "| Data version | unknown |" in markdown
    assert "The gate has not judged this version." in markdown
    assert "git checkout" not in markdown


def test_a_card_is_kept_with_the_run(
    version: str, client: "MlflowClient", config: Config, rlr: Callable[..., Any]
) -> None:
    place = log_card(client, config, version)
    run_id = client.get_model_version(*version.removeprefix("models:/").split("/")).run_id
    assert place == "card/1"
    assert len(client.list_artifacts(run_id, place)) == 3


def test_intervals_are_those_of_the_plain_bootstrap() -> None:
    frame = scores()
    found = image_intervals(frame, DATA, GateConfig(draws=4000))
    low, high = found["bolt"]["image_auroc"]
    own = frame[frame["class"] == "bolt"]
    good, bad = (
        own[own["label"] == label]["image_score"].to_numpy() for label in ("good", "scratch")
    )
    draws = np.random.default_rng(1)
    # One fewer than there are, as the gate draws them; the area is the share of pairs in order.
    normal, defective = draws.choice(good, (4000, 7)), draws.choice(bad, (4000, 3))
    areas = (defective[:, :, None] > normal[:, None, :]).mean(axis=(1, 2))
    step = 1.001 / (7 * 3)  # of an area from so few pairs
    assert (low, high) == pytest.approx(tuple(np.quantile(areas, [0.025, 0.975])), abs=step)
    assert found["nut"]["image_auroc"] == pytest.approx((1.0, 1.0), abs=1e-12)


def test_a_class_without_defects_has_no_interval() -> None:
    frame = scores()
    frame = frame[(frame["class"] == "nut") | (frame["label"] == "good")]
    assert list(image_intervals(frame, DATA, GateConfig(draws=100))) == ["nut"]
