"""Each rule alone, their precedence, and what the document says."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.gate import (
    NO_FLOORS,
    contribute,
    draw_images,
    draw_maps,
    draw_rows,
    evidence,
    quick,
    score_images,
)

from rlr.config.gate import GateConfig
from rlr.config.registry import FloorsConfig
from rlr.foundation.documents import dump_json
from rlr.gate.comparison import compare
from rlr.gate.contributions import Contributions
from rlr.gate.decide import decide
from rlr.gate.evidence import Evidence
from rlr.gate.result import Finding, GateResult

SIZES = {"bolt": (20, 20), "cable": (20, 20)}
ROWS = draw_rows(SIZES)
BAD = ROWS["defective"].to_numpy()
IMAGES_ONLY = quick(primary=["image_auroc"])


def scored(strength: float, seed: int = 0, rows: pd.DataFrame = ROWS) -> Contributions:
    rng = np.random.default_rng(seed)
    return score_images(rows, rng.standard_normal(len(rows)) + strength * rows["defective"])


def of(result: GateResult, rule: str) -> list[Finding]:
    return [finding for finding in result.findings if finding.rule == rule]


def test_without_a_champion_floors_and_limits_decide() -> None:
    alone = evidence(scored(3.0), None)
    assert decide(alone, IMAGES_ONLY, FloorsConfig(image_auroc=0.6)).outcome == "promote"
    rejected = decide(alone, IMAGES_ONLY, FloorsConfig(image_auroc=0.999))
    assert rejected.outcome == "reject"
    assert rejected.reasons == [
        f"A floor does not hold: mean image_auroc {rejected.mean['image_auroc'].candidate:.4f} "
        "is below 0.999."
    ]
    assert rejected.champion is None
    assert rejected.primary is None


def test_a_floor_rejects_the_better_of_two() -> None:
    pair = evidence(scored(1.0), scored(0.0, 1))
    assert decide(pair, IMAGES_ONLY, NO_FLOORS).outcome == "promote"
    assert decide(pair, IMAGES_ONLY, FloorsConfig(image_auroc=0.99)).outcome == "reject"


@pytest.mark.parametrize(
    ("keys", "measured", "outcome"),
    [
        ({}, {}, "promote"),
        ({"seconds_per_image": 0.1}, {"seconds_per_image": 0.09}, "promote"),
        ({"seconds_per_image": 0.1}, {"seconds_per_image": 0.11}, "reject"),
        ({"seconds_per_image": 0.1}, {}, "inconclusive"),
        ({"artifact_mebibytes": 2.0}, {"artifact_bytes": 2 * 2**20}, "promote"),
        ({"artifact_mebibytes": 2.0}, {"artifact_bytes": 2 * 2**20 + 1}, "reject"),
        ({}, {"export_parity": True}, "promote"),
        ({}, {"export_parity": False}, "reject"),
    ],
)
def test_budgets(keys: dict[str, Any], measured: dict[str, Any], outcome: str) -> None:
    pair = evidence(scored(2.0), scored(0.0, 1), **measured)
    assert decide(pair, quick(primary=["image_auroc"], **keys), NO_FLOORS).outcome == outcome


@pytest.mark.parametrize(
    ("called", "keys", "outcome"),
    [
        (0, {}, "promote"),  # 0 of 40: the interval ends at 8.8 %, above the limit of 6 %
        (0, {"false_positive_proof": "below"}, "inconclusive"),
        (0, {"false_positive_proof": "below", "false_positive_rate": 0.09}, "promote"),
        (2, {}, "promote"),  # 5 %
        (3, {}, "inconclusive"),  # 7.5 %, from 1.6 %
        (8, {}, "reject"),  # 20 %, from 9.1 %
        (8, {"false_positive_rate": 0.1}, "inconclusive"),
        (8, {"false_positive_tolerance": 0.2}, "promote"),
    ],
)
def test_false_alarms(called: int, keys: dict[str, Any], outcome: str) -> None:
    ours = scored(2.0)
    flags = np.zeros(len(ROWS), bool)
    normal = np.flatnonzero(~BAD)
    flags[normal[:: len(normal) // max(called, 1)][:called]] = True
    ours = replace(ours, frame=ours.frame.assign(is_anomalous=flags | BAD))
    found = decide(
        evidence(ours, scored(0.0, 1)), quick(primary=["image_auroc"], **keys), NO_FLOORS
    )
    assert found.outcome == outcome
    overall = of(found, "false_positive_rate")[0]
    assert (overall.values["count"], overall.values["n"]) == (called, 40)


def test_false_alarms_of_one_class_that_the_mean_hides() -> None:
    rows = draw_rows(dict.fromkeys("abcdefgh", (40, 2)))
    ours = scored(4.0, rows=rows)
    alarms = (rows["class"] == "c") & ~rows["defective"] & (rows.index % 3 == 0)
    ours = replace(ours, frame=ours.frame.assign(is_anomalous=alarms))
    result = decide(evidence(ours, None), IMAGES_ONLY, NO_FLOORS)
    overall, of_class = of(result, "false_positive_rate")
    assert overall.outcome == "promote"
    assert (of_class.subject, of_class.outcome) == ("c", "reject")


def test_a_class_that_looks_worse_leaves_the_gate_undecided() -> None:
    theirs = np.random.default_rng(3).standard_normal(len(ROWS)) + 2.0 * BAD
    ours = theirs + 1.5 * (BAD & (ROWS["class"] == "cable"))
    missed = np.flatnonzero(BAD & (ROWS["class"] == "bolt"))[:2]
    ours[missed] -= 3.0
    result = decide(
        evidence(score_images(ROWS, ours), score_images(ROWS, theirs)), IMAGES_ONLY, NO_FLOORS
    )
    (finding,) = of(result, "class")
    assert (finding.subject, finding.outcome) == ("bolt", "inconclusive")
    assert result.outcome != "promote"
    wider = quick(primary=["image_auroc"], class_margin=0.2)
    assert (
        of(
            decide(
                evidence(score_images(ROWS, ours), score_images(ROWS, theirs)), wider, NO_FLOORS
            ),
            "class",
        )[0].outcome
        == "promote"
    )


@pytest.mark.parametrize(
    ("preset", "outcome"), [("improve", "inconclusive"), ("refresh", "promote")]
)
def test_the_very_same_model(preset: Any, outcome: str) -> None:
    same = scored(1.5)
    result = decide(evidence(same, same), quick(preset=preset, primary=["image_auroc"]), NO_FLOORS)
    assert result.outcome == outcome
    assert result.primary is not None
    assert "exactly the same" in result.primary.flag
    assert result.primary.difference is not None
    assert result.primary.difference.upper == 0.0


@pytest.mark.parametrize(("images", "outcome"), [(20, "inconclusive"), (250, "promote")])
def test_two_that_make_no_mistake_are_no_proof(images: int, outcome: str) -> None:
    """Both at 1.0: what so few images do not rule out is more than the margin of refresh."""
    rows = draw_rows({"bolt": (images, images), "cable": (images, images)})
    perfect = [scored(100.0, seed, rows) for seed in (1, 2)]
    assert perfect[0].mean["image_auroc"] == perfect[1].mean["image_auroc"] == 1.0
    settings = quick(primary=["image_auroc"], preset="refresh")
    result = decide(evidence(*perfect), settings, NO_FLOORS)
    assert result.outcome == outcome
    flag = result.mean["image_auroc"].flag
    assert "no image tells the models apart" in flag
    improve = decide(evidence(*perfect), IMAGES_ONLY, NO_FLOORS)
    assert improve.outcome == "inconclusive"


def test_refresh_takes_an_equal_model_and_not_a_worse_one() -> None:
    rows = draw_rows({"bolt": (300, 300)})
    rng = np.random.default_rng(4)
    theirs = rng.standard_normal(600) + 2.0 * rows["defective"].to_numpy()
    settings = quick(preset="refresh", primary=["image_auroc"], class_margin=0.2)
    for loss, outcome in ((0.0, "promote"), (1.0, "reject")):
        ours = theirs + 0.05 * rng.standard_normal(600) - loss * rows["defective"].to_numpy()
        pair = evidence(score_images(rows, ours), score_images(rows, theirs))
        assert decide(pair, settings, NO_FLOORS).outcome == outcome


def test_new_classes_count_against_floors_only() -> None:
    ours, theirs = scored(2.0), scored(0.0, 1)
    bolt_is_bad = ours.frame["class"] == "bolt"
    ours = score_images(
        ROWS, np.where(bolt_is_bad, -1.0, 1.0) * ours.scores
    )  # worse than nothing on bolt
    known = frozenset({"cable"})
    pair = evidence(ours, theirs, champion_classes=known)
    result = decide(pair, IMAGES_ONLY, NO_FLOORS)
    assert result.outcome == "promote"
    assert result.new_classes == ["bolt"]
    assert result.left_out == {"bolt": "the champion does not know it"}
    assert result.per_class["bolt"]["image_auroc"].difference is None
    assert result.mean["image_auroc"].candidate == ours.per_class["cable"]["image_auroc"]
    floored = decide(pair, IMAGES_ONLY, FloorsConfig(image_auroc=None, worst_class_image_auroc=0.5))
    assert floored.outcome == "reject"
    assert decide(evidence(ours, theirs), IMAGES_ONLY, NO_FLOORS).outcome == "reject"
    nothing = decide(evidence(ours, theirs, champion_classes=frozenset()), IMAGES_ONLY, NO_FLOORS)
    assert nothing.outcome == "inconclusive"


def test_a_class_with_one_defective_image_is_left_out_and_said_so() -> None:
    rows = draw_rows({"bolt": (20, 20), "cable": (20, 1)})
    result = decide(evidence(scored(3.0, rows=rows), scored(0.0, 1, rows)), IMAGES_ONLY, NO_FLOORS)
    assert result.left_out == {"cable": "1 defective test images, gate.least_images is 2"}
    assert result.outcome == "promote"


def test_classes_without_masks_have_no_aupro_but_count() -> None:
    rng = np.random.default_rng(6)
    masked = draw_images(rng, {"bolt": (8, 8)}, side=16)
    bare = draw_images(rng, {"cable": (8, 8)}, side=16, unmasked=8)
    rows = pd.concat([masked.rows, bare.rows], ignore_index=True)
    images = replace(masked, rows=rows, masks=np.concatenate([masked.masks, bare.masks]))
    pair = evidence(*(contribute(images, draw_maps(rng, images, s)) for s in (3.0, 1.0)))
    found = compare(pair, quick())
    assert found is not None
    assert "aupro_0.30" not in found.classes["cable"]
    assert found.primary_metrics == ["image_auroc", "aupro_0.30"]
    aupro = found.classes["bolt"]["aupro_0.30"].estimate
    assert found.mean["aupro_0.30"].estimate == pytest.approx(aupro)
    image = np.mean([one["image_auroc"].estimate for one in found.classes.values()])
    assert found.primary is not None
    assert found.primary.estimate == pytest.approx((aupro + image) / 2)


def test_without_any_mask_the_rest_of_the_primary_metrics_decides() -> None:
    result = decide(evidence(scored(2.0), scored(0.0, 1)), quick(), NO_FLOORS)
    assert result.outcome == "promote"
    assert result.facts["primary_metrics_undefined"] == ["aupro_0.30"]
    (finding,) = of(result, "primary")
    assert finding.subject == "image_auroc"


def seeds(spread: float, count: int) -> Evidence:
    ours, theirs = scored(1.2), scored(0.4, 1)
    further = []
    for place in range(count - 1):
        sign = 1 if place % 2 else -1
        further.append(
            {
                name: {metric: (value or 0.0) + sign * spread for metric, value in values.items()}
                for name, values in ours.per_class.items()
            }
        )
    return evidence(ours, theirs, further_seeds=tuple(further))


def test_the_luck_of_seeds_widens_the_interval() -> None:
    alone, close, wide = (
        decide(seeds(spread, count), IMAGES_ONLY, NO_FLOORS).mean["image_auroc"].difference
        for spread, count in ((0.0, 1), (0.001, 3), (0.1, 3))
    )
    assert alone is not None
    assert close is not None
    assert wide is not None
    assert alone.estimate == close.estimate == wide.estimate
    assert close.lower == pytest.approx(alone.lower, abs=0.01)
    # s = 0.1, t with two degrees of freedom: 4.30 sqrt(2) 0.1 alone
    assert wide.upper - wide.lower > 2 * 0.6
    assert decide(seeds(0.0, 1), IMAGES_ONLY, NO_FLOORS).outcome == "promote"
    assert decide(seeds(0.1, 3), IMAGES_ONLY, NO_FLOORS).outcome != "promote"


def test_the_document() -> None:
    result = decide(evidence(scored(1.0), scored(0.9, 1)), quick(disagreements=3), NO_FLOORS)
    again = decide(evidence(scored(1.0), scored(0.9, 1)), quick(disagreements=3), NO_FLOORS)
    text = dump_json(result.model_dump(mode="json"))
    assert text == dump_json(again.model_dump(mode="json"))
    assert GateResult.model_validate(json.loads(text)) == result
    assert result.settings["gate"]["draws"] == 200
    assert len(result.disagreements) == 3
    gaps = [abs(d["candidate_placement"] - d["champion_placement"]) for d in result.disagreements]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.3


def test_models_that_saw_other_images_are_refused() -> None:
    ours = scored(1.0)
    other = replace(ours, frame=ours.frame.iloc[::-1].reset_index(drop=True))
    with pytest.raises(ValueError, match="not run on the same images"):
        decide(evidence(ours, other), IMAGES_ONLY, NO_FLOORS)


def test_margins_of_the_presets() -> None:
    assert GateConfig().primary_margin == 0.0
    assert GateConfig(preset="refresh").primary_margin == -0.01
    assert GateConfig(preset="refresh", margin=-0.02).primary_margin == -0.02
    with pytest.raises(ValueError, match="named twice"):
        GateConfig(primary=["aupro", "aupro"])
