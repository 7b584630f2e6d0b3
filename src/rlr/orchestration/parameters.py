"""What a user may change when a pipeline is started, without compiling it again."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rlr.config import Config, load_config
from rlr.config.load import DEFAULT_PRESET, preset_names
from rlr.foundation.errors import UserError

CONFIGURED_SEED = -1  # a pipeline parameter has no null


@dataclass(frozen=True)
class Parameters:
    """Parameters of a pipeline.

    Attributes:
        config: Name of a preset, or a YAML document.
        overrides: `key=value` each.
        data_version: Data version; "": what lies in `data.root`.
        seed: Seed; -1: that of the configuration.
        force: Whether to train whatever is new; the retraining pipeline alone knows it.
    """

    config: str = DEFAULT_PRESET
    overrides: tuple[str, ...] = ()
    data_version: str = ""
    seed: int = CONFIGURED_SEED
    force: bool = False

    def as_arguments(self) -> dict[str, Any]:
        """Return the parameters as Kubeflow takes them; `force` only where it is given."""
        values = {**asdict(self), "overrides": list(self.overrides)}
        return {name: value for name, value in values.items() if name != "force" or value}

    def at_home(self) -> "Parameters":
        """Return these parameters with the images named by their absolute path on this machine.

        So is the folder where new ones arrive.
        """
        settings = self.resolve()
        here = [f"data.root={json.dumps(str(Path(settings.data.root).absolute()))}"]
        source = settings.retraining.source
        if source and "://" not in source:
            here.append(
                f"retraining.source={json.dumps(str(Path(source).expanduser().absolute()))}"
            )
        return replace(self, overrides=(*self.overrides, *here))

    def resolve(self) -> Config:
        """Return the complete configuration that they mean.

        Raises:
            UserError: A key or a value is refused.
        """
        return resolve(self.config, self.overrides, self.data_version, self.seed)


def refuse_unknown(given: Collection[str], known: Collection[str], name: str) -> None:
    """Raise a UserError if a pipeline does not know a parameter that it is given.

    Args:
        given: Names of the parameters.
        known: Names that the pipeline knows.
        name: Name of the pipeline.
    """
    strange = sorted(set(given) - set(known))
    if strange:
        raise UserError(f"The pipeline {name} has no parameter '{strange[0]}'; leave it out.")


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
