"""What two versions differ in: figures, settings, data, code, thresholds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.gate.floors import PROTOCOL
from rlr.registry.audit.trail import read_trail
from rlr.registry.facts import PACKAGE_TAG
from rlr.registry.overview import version_number
from rlr.registry.package import fetch_description
from rlr.registry.promotion.moving import find_version
from rlr.registry.references import DATA_TAG
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

CODE = ("code_version", "commit", "dirty", "lock_sha256", "image", "python")
DATA = (DATA_TAG, "manifest_sha256")
HARDWARE = "hardware."

Pair = dict[str, Any]  # {"a": ..., "b": ...}


def compare_versions(
    client: "MlflowClient", settings: RegistryConfig, first: str, second: str
) -> dict[str, Any]:
    """Return what differs between two versions; what is the same is left out.

    Args:
        client: Client of the registry.
        settings: Name of the registered model, how long requests may take.
        first: A number, @ALIAS, or models:/NAME/VERSION.
        second: The same.

    Returns:
        {data, code, configuration, thresholds: {name: {a, b}}, metrics: {name: {a, b,
        difference}}}. Each model was measured by its own evaluation: `same_images` says whether
        that was on the same data version.

    Raises:
        UserError: There is no such version.
        MachineError: The server failed.
    """
    with explained(client.tracking_uri):
        trail = read_trail(client, settings.model_name)
        numbers = [version_number(trail, reference) for reference in (first, second)]
        versions = [find_version(trail, number) for number in numbers]
        runs = [client.get_run(version.run_id) for version in versions]
        addresses = [f"models:/{trail.model}/{number}" for number in numbers]
        descriptions = [_description(address) for address in addresses]
    tags = [{**run.data.tags, **version.tags} for run, version in zip(runs, versions, strict=True)]
    return {
        "model": trail.model,
        "a": numbers[0],
        "b": numbers[1],
        "same_images": tags[0].get(DATA_TAG) == tags[1].get(DATA_TAG),
        "metrics": _metrics(runs),
        "thresholds": _differences(*(_thresholds(one) for one in descriptions)),
        "configuration": _differences(*(dict(run.data.params) for run in runs)),
        "data": _differences(*({n: t[n] for n in DATA if n in t} for t in tags)),
        "code": _differences(*({n: v for n, v in t.items() if _is_code(n)} for t in tags)),
    }


def _metrics(runs: list["Run"]) -> dict[str, Pair]:
    found = {}
    for name, pair in _differences(*(dict(run.data.metrics) for run in runs)).items():
        if not name.startswith(f"{PROTOCOL}."):
            continue
        a, b = pair["a"], pair["b"]
        found[name] = {**pair, "difference": None if a is None or b is None else b - a}
    return found


def _thresholds(description: Mapping[str, Any]) -> dict[str, float]:
    thresholds = description.get("thresholds", {})
    named = {"rate": thresholds.get("rate"), "overall": _value(thresholds.get("overall"))}
    for name, threshold in thresholds.get("per_class", {}).items():
        named[f"per_class.{name}"] = _value(threshold)
    return {name: value for name, value in named.items() if value is not None}


def _value(threshold: Mapping[str, Any] | None) -> float | None:
    return threshold.get("value") if threshold else None


def _description(address: str) -> dict[str, Any]:
    """Return the detector.json of a version, or nothing where its artifact cannot be read."""
    from mlflow.exceptions import MlflowException

    try:
        return fetch_description(address)
    except (MlflowException, OSError, KeyError, ValueError):
        return {}


def _is_code(name: str) -> bool:
    return name in CODE or name.startswith((PACKAGE_TAG, HARDWARE))


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Pair]:
    names = sorted({*a, *b})
    return {n: {"a": a.get(n), "b": b.get(n)} for n in names if a.get(n) != b.get(n)}
