"""A generated data set on disk: made once, known again, and never written over other files."""

from pathlib import Path

from rlr.config.data import SyntheticConfig
from rlr.data.versions import data_version
from rlr.data.workplace import workplace
from rlr.foundation.errors import UserError


def generate_set(config: SyntheticConfig, folder: Path) -> tuple[str, bool]:
    """Generate the synthetic inspection set, unless the folder holds it already.

    Args:
        config: Seed, size and numbers of images.
        folder: The folder to create; it appears when it is complete.

    Returns:
        Its data version, and whether anything was written.

    Raises:
        UserError: The folder holds something else, which is left alone.
    """
    from rlr.data.synthetic import generate

    folder = Path(folder)
    with workplace(folder) as files:
        fresh = files / "set"  # `generate` puts its unfinished work beside it
        generate(config, fresh)
        version = data_version(fresh)
        if not folder.exists() or not any(folder.iterdir()):
            fresh.rename(folder)
            return version, True
    if data_version(folder) != version:
        raise UserError(
            f"{folder} holds other files than `rlr data synth` makes with this configuration; "
            "move it away or name another folder."
        )
    return version, False
