"""`data.dvc`: the data version that a checkout works with."""

from pathlib import Path

import yaml

from rlr.data.versions.snapshot import require_version, take_snapshot
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError

PIN_FILE = "data.dvc"
FOLDER = "data"


def find_pin() -> Path | None:
    """Return the nearest folder, from the working directory upwards, with a `data.dvc`."""
    here = Path.cwd()
    return next((path for path in (here, *here.parents) if (path / PIN_FILE).is_file()), None)


def pinned_version(project: Path) -> str:
    """Return the data version that the `data.dvc` of a checkout pins.

    Raises:
        UserError: The file is missing, or pins no folder.
    """
    file = Path(project) / PIN_FILE
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        version = document["outs"][0]["md5"]
    except FileNotFoundError as error:
        raise UserError(f"{file} is missing; write it with `rlr data publish --pin`.") from error
    except (yaml.YAMLError, KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(f"{file} pins no data; write it with `rlr data publish --pin`.") from error
    return require_version(str(version), str(file))


def pin(root: Path, project: Path) -> str:
    """Write the `data.dvc` of a checkout, as `dvc add data` would for these files.

    Args:
        root: Folder with the data.
        project: Root of the checkout.

    Returns:
        The data version.
    """
    snapshot = take_snapshot(root)
    output = {
        "md5": snapshot.version,
        "size": snapshot.size,
        "nfiles": len(snapshot.objects),
        "hash": "md5",
        "path": FOLDER,
    }
    with atomic_file(Path(project) / PIN_FILE) as temporary:
        temporary.write_text(yaml.safe_dump({"outs": [output]}, sort_keys=False), encoding="utf-8")
    return snapshot.version
