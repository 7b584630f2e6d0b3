"""What a user may change when a pipeline is started, without compiling it again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rlr.config import Config, load_config
from rlr.config.load import DEFAULT_PRESET, preset_names

CONFIGURED_SEED = -1  # a pipeline parameter has no null


@dataclass(frozen=True)
class Parameters:
    """Parameters of a pipeline.

    Attributes:
        config: Name of a preset, or a YAML document.
        overrides: `key=value` each.
        data_version: Data version; "": what lies in `data.root`.
        seed: Seed; -1: that of the configuration.
    """

    config: str = DEFAULT_PRESET
    overrides: tuple[str, ...] = ()
    data_version: str = ""
    seed: int = CONFIGURED_SEED

    def as_arguments(self) -> dict[str, Any]:
        """Return the parameters as Kubeflow takes them."""
        return {**asdict(self), "overrides": list(self.overrides)}

    def at_home(self) -> "Parameters":
        """Return these parameters with the images named by their absolute path on this machine."""
        root = Path(self.resolve().data.root).absolute()
        return replace(self, overrides=(*self.overrides, f"data.root={json.dumps(str(root))}"))

    def resolve(self) -> Config:
        """Return the complete configuration that they mean.

        Raises:
            UserError: A key or a value is refused.
        """
        return resolve(self.config, self.overrides, self.data_version, self.seed)


def resolve(
    config: str, overrides: Sequence[str], data_version: str = "", seed: int | None = None
) -> Config:
    """Return the complete configuration that a pipeline's parameters mean.

    Args:
        config: Name of a preset, path of a YAML file, or a YAML document.
        overrides: `key=value` each.
        data_version: Data version; "": that of the configuration.
        seed: Seed; None or a negative number: that of the configuration.

    Raises:
        UserError: A key or a value is refused.
    """
    extra = [f"data.version={data_version}"] if data_version else []
    if seed is not None and seed >= 0:
        extra.append(f"seed={seed}")
    return load_config(config, [*overrides, *extra])


def portable(source: str) -> str:
    """Return a configuration as it can travel to another machine: a preset's name, or the text.

    Args:
        source: Name of a preset, or path of a YAML file.

    Raises:
        UserError: It is neither.
    """
    if source in preset_names():
        return source
    load_config(source)
    text = source if "\n" in source or "{" in source else Path(source).read_text(encoding="utf-8")
    return text if text.endswith("\n") else f"{text}\n"
