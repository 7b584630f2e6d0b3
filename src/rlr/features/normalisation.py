"""Whether images are given to a backbone as it was trained to see them."""

import logging

import timm

from rlr.config.features import FeaturesConfig
from rlr.features.weights import WeightsSource

logger = logging.getLogger("rlr")
NEAR = 0.005  # half of 0.01: the values are written with two or three digits


def tell_mismatch(config: FeaturesConfig, source: WeightsSource) -> None:
    """Warn where the images' normalisation, or the options, are not those of the weights.

    Args:
        config: What is about to be used.
        source: Where the weights came from; random ones were trained on nothing.
    """
    if source.origin == "random":
        return
    record = source.entry.record if source.entry else None
    known = timm.get_pretrained_cfg(config.backbone.name)
    whose = "the weights in the store" if record else f"timm's {config.backbone.name}"
    made = {"mean": (record or known).mean, "std": (record or known).std}
    given = {"mean": config.preprocessing.mean, "std": config.preprocessing.std}
    for key, values in made.items():
        pairs = zip(values, given[key], strict=True)
        if any(abs(one - other) > NEAR for one, other in pairs):
            logger.warning(
                "features.preprocessing.%s is %s, but %s were made with %s; change one of the two "
                "unless you know better.",
                key,
                _listed(given[key]),
                whose,
                _listed(values),
            )
    options = config.backbone.options
    for key, value in (record.options if record else {}).items():
        if options.get(key) != value:
            logger.warning(
                "features.backbone.options: %s were made with %s: %s; set it likewise.",
                whose,
                key,
                value,
            )


def _listed(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"
