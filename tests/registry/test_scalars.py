import math

import pytest

from rlr.registry.scalars import flatten_metrics, flatten_settings


def test_metrics_are_flat_and_finite() -> None:
    metrics = {
        "default": {
            "mean": {"image_auroc": 0.5, "n": 3},
            "per_class": {"kabel (1)": {"aupro_0.30": None, "pixel_ap": math.nan}},
        },
        "published": {"pooled": {"image_ap": math.inf}},
    }
    finite, undefined = flatten_metrics(metrics)
    assert finite == {"default.mean.image_auroc": 0.5, "default.mean.n": 3.0}
    assert undefined == [
        "default.per_class.kabel _1_.aupro_0.30",
        "default.per_class.kabel _1_.pixel_ap",
        "published.pooled.image_ap",
    ]


@pytest.mark.parametrize("value", ["resnet18", True, [1, 2]])
def test_what_is_no_number_is_no_metric(value: object) -> None:
    assert flatten_metrics({"a": value}) == ({}, [])


def test_settings_are_flat_text() -> None:
    flat = flatten_settings({"a": {"b": None, "c": [{"d": 1}], "e": "x"}, "f": 0.1})
    assert flat == {"a.b": "null", "a.c": '[{"d": 1}]', "a.e": "x", "f": "0.1"}
