"""`.dvc/config`: the default remote of a checkout, which `dvc` and `rlr` both read."""

import logging
import os
from pathlib import Path
from urllib.parse import urlsplit

from rlr.data.versions.remote import open_remote, reaching
from rlr.data.versions.snapshot import DVC_FOLDER
from rlr.foundation.errors import UserError

NAME = "storage"


def set_default_remote(url: str, name: str = NAME) -> Path:
    """Make a remote the default one of a checkout, with `verify = true`.

    With it `dvc pull` looks at what it has fetched; without, it takes a damaged object for good.
    The `.dvc` folder is the nearest from the working directory upwards; where there is none, it
    is made here, with git or without. The remote is asked first: nothing is written about one
    that refuses.

    Args:
        url: Folder or URL, without credentials.
        name: What `.dvc/config` calls the remote; one of that name is replaced.

    Returns:
        The file that was written.

    Raises:
        UserError: The URL holds credentials, the remote refuses access, or does not exist.
        MachineError: The remote cannot be reached.
    """
    _refuse_credentials(url)
    _ask(url)
    from dvc.config import Config, ConfigError

    folder = _find_folder() or _make_folder(Path.cwd())
    place = url if "://" in url else os.path.abspath(os.path.expanduser(url))
    try:
        with Config(str(folder)).edit("repo") as settings:
            settings["remote"][name] = {"url": place, "verify": True}
            settings["core"] |= {"remote": name, "analytics": False}
    except ConfigError as error:
        raise UserError(f"{folder / 'config'}: {error}; mend it.") from error
    return folder / "config"


def _refuse_credentials(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme and "@" in parts.netloc:  # not repeated: it may hold a secret
        raise UserError(
            "The remote's URL holds credentials, which would land in .dvc/config; leave them out "
            "and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )


def _ask(url: str) -> None:
    store = open_remote(url)
    with reaching(store):
        try:
            store.odb.fs.ls(store.odb.path)
        except FileNotFoundError as error:
            # A missing bucket is the server's word; nothing in a bucket yet is the library's.
            if error.__cause__:
                raise


def _find_folder() -> Path | None:
    here = Path.cwd()
    places = (path / DVC_FOLDER for path in (here, *here.parents))
    return next((place for place in places if place.is_dir()), None)


def _make_folder(root: Path) -> Path:
    from dvc.repo import Repo

    words = logging.getLogger("dvc.repo.init")  # which speaks on stdout, at length
    words.disabled = True
    try:
        Repo.init(str(root), no_scm=not (root / ".git").exists()).close()
    finally:
        words.disabled = False
    return root / DVC_FOLDER
