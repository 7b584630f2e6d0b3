"""Whether the backbone's weights can be had."""

from pathlib import Path
from typing import TYPE_CHECKING

from rlr.cli.health.check import Finding, missing

if TYPE_CHECKING:
    from rlr.config.features import BackboneConfig


def check_weights(backbone: "BackboneConfig") -> Finding:
    """Look for the weights that a configuration names, without loading or fetching them."""
    if backbone.weights == "random":
        return "warn", f"{backbone.name} with random weights: for trying things out, not for use."
    if backbone.weights == "packaged":
        return _look_into_package(backbone.name)
    if backbone.weights in ("hub", "store"):
        return _look_into_store(backbone)
    path = Path(backbone.weights)
    if path.is_file():
        return "ok", f"{backbone.name} from {path} ({path.stat().st_size / 1e6:.0f} MB)."
    return "fail", f"{path} is missing; name a file that is there in features.backbone.weights."


def _look_into_package(name: str) -> Finding:
    from rlr.backbones import packaged_names, packaged_weights

    if packaged_weights(name):
        return "ok", f"{name} from the package."
    there = ", ".join(packaged_names()) or "none"
    return "fail", f"The package has no weights of {name} (it has {there}); name another backbone."


def _look_into_store(backbone: "BackboneConfig") -> Finding:
    from rlr.backbones import open_weights_store

    store = open_weights_store(backbone)
    entry = store.find(backbone.name, of_the_hub=backbone.weights == "hub")
    if entry is not None:
        damage = entry.damage()
        if damage:
            return "fail", f"{entry.weights} is damaged ({damage}); bring it again."
        size, digest = entry.record.bytes / 1e6, entry.record.sha256[:12]
        return "ok", f"{entry.record.name} from {entry.folder} ({size:.0f} MB, sha256 {digest})."
    if backbone.weights == "store":
        return "fail", (
            f"{store.folder} has no weights of {backbone.name}; bring them with `rlr backbone "
            "fetch` or `rlr backbone import`."
        )
    if missing("timm", "huggingface_hub"):
        return "ok", f"{backbone.name} from the hub; timm is not installed, so nothing needs it."
    return _look_into_cache(backbone.name)


def _look_into_cache(name: str) -> Finding:
    import timm
    from huggingface_hub import try_to_load_from_cache

    if not timm.is_model(name):
        return "fail", f"timm has no model {name}; `timm.list_models()` names all."
    origin = timm.get_pretrained_cfg(name)
    if origin is None or not origin.hf_hub_id:
        return "fail", f"The hub has no weights of {name}; name a file or another model."
    for file in ("model.safetensors", "pytorch_model.bin"):
        if isinstance(try_to_load_from_cache(origin.hf_hub_id, file), str):
            return "ok", f"{name} is in the hub's cache on this machine."
    return "warn", (
        f"{name} is not in the hub's cache: the first use downloads it; without a network, bring "
        "it with `rlr backbone import`, or name a local file in features.backbone.weights."
    )
