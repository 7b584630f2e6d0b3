"""`rlr doctor`: whether this machine can do what a configuration asks."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import RenderableType


def doctor(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check versions, device, weights, services and disk; exit status 1 where something fails."""
    from rlr.cli.health import run_checks
    from rlr.foundation.progress import track

    looks = run_checks(read_config(config, overrides))
    checks = [asdict(check) for check in track(looks, "Looking")]
    healthy = all(check["status"] != "fail" for check in checks)
    emit({"healthy": healthy, "checks": checks}, as_json, _render)
    if not healthy:
        raise typer.Exit(1)


def _render(document: Mapping[str, Any]) -> "Iterator[RenderableType]":
    rows = [(check["status"], check["name"], check["sentence"]) for check in document["checks"]]
    yield table(("", "check", "finding"), rows)
    if not document["healthy"]:
        yield "Something that this configuration needs does not work."
