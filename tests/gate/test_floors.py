from typing import Any

import pytest

from rlr.config.registry import FloorsConfig
from rlr.gate.floors import judge

NONE = {"image_auroc": None}


def _metrics(**mean: float | None) -> dict[str, Any]:
    per_class = {
        "bolt": {"image_auroc": 0.9},
        "cable": {"image_auroc": 0.7},
        "felt": {"image_auroc": None},
    }
    return {"default": {"mean": mean, "per_class": per_class, "pooled": {}}}


@pytest.mark.parametrize(
    ("floors", "mean", "reasons"),
    [
        ({"image_auroc": 0.6}, {"image_auroc": 0.6}, []),
        ({"image_auroc": 0.6}, {"image_auroc": 0.59}, ["mean image_auroc 0.5900 is below 0.6"]),
        ({"image_auroc": 0.6}, {"image_auroc": None}, ["undefined"]),
        ({"image_auroc": 0.6}, {}, ["undefined"]),
        (NONE, {"image_auroc": 0.1}, []),
        ({**NONE, "aupro": 0.5}, {"aupro_0.30": 0.4, "aupro_0.05": 0.9}, ["mean aupro_0.30"]),
        ({**NONE, "aupro": 0.5}, {"aupro_0.05": 0.9, "aupro_0.30": 0.4}, []),
        ({**NONE, "aupro": 0.5}, {"image_auroc": 0.9}, ["mean aupro is undefined"]),
        ({**NONE, "worst_class_image_auroc": 0.7}, {}, []),
        ({**NONE, "worst_class_image_auroc": 0.8}, {}, ["image_auroc of cable 0.7000"]),
        (
            {"image_auroc": 0.6, "pixel_auroc": 0.9},
            {"image_auroc": 0.5, "pixel_auroc": 0.8},
            ["mean image_auroc", "mean pixel_auroc"],
        ),
    ],
)
def test_floors(
    floors: dict[str, float | None], mean: dict[str, float | None], reasons: list[str]
) -> None:
    verdict = judge(_metrics(**mean), FloorsConfig(**floors))
    assert verdict.hold is not bool(reasons)
    assert len(verdict.reasons) == len(reasons)
    for told, expected in zip(verdict.reasons, reasons, strict=True):
        assert expected in told
    assert str(verdict).startswith("fail: " if reasons else "hold")


def test_only_the_default_protocol_counts() -> None:
    metrics = {"published": {"mean": {"image_auroc": 0.99}}}
    assert not judge(metrics, FloorsConfig(image_auroc=0.6)).hold


def test_a_class_without_a_value_does_not_hide_that_no_class_has_one() -> None:
    metrics = {"default": {"per_class": {"bolt": {"image_auroc": None}}}}
    verdict = judge(metrics, FloorsConfig(image_auroc=None, worst_class_image_auroc=0.1))
    assert verdict.reasons == ["image_auroc of every class is undefined, and its floor is 0.1"]
