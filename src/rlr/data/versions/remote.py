"""The remote that holds the files of data versions: a folder, an S3 bucket, whatever DVC knows."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.data.versions.snapshot import DVC_FOLDER
from rlr.foundation.errors import MachineError, RlrError, UserError

REMOTE_VARIABLE = "RLR_DATA_REMOTE"


@dataclass(frozen=True)
class Remote:
    """An open remote.

    Attributes:
        url: What messages call it.
        odb: DVC's object database at that place.
    """

    url: str
    odb: Any

    def key(self, md5: str) -> str:
        """Return where an object lies in the remote."""
        return str(self.odb.oid_to_path(md5))


def open_remote(url: str | None) -> Remote:
    """Open a remote.

    Credentials come from the standard AWS variables, the endpoint from AWS_ENDPOINT_URL.

    Args:
        url: Folder or URL; None: the variable RLR_DATA_REMOTE, else the default remote of the
            nearest `.dvc/config` in the working directory or above it.

    Raises:
        UserError: None is configured, or DVC does not know such a URL.
    """
    from dvc.config import ConfigError
    from dvc.data_cloud import Remote as DvcRemote
    from dvc.fs import get_cloud_fs

    url = url or os.environ.get(REMOTE_VARIABLE) or None
    config, name = ({}, None) if url else _default_remote()
    try:
        wanted = {"name": name} if name else {"url": _absolute(str(url))}
        kind, settings, path = get_cloud_fs(config, **wanted)
        # With `verify` DVC would read back each object it has sent, one by one; `pull` looks at
        # every file anyway.
        odb = DvcRemote(name or "rlr", path, kind(**settings), **settings | {"verify": False}).odb
    except (ConfigError, ImportError) as error:
        words = " ".join(str(error).split())
        raise UserError(
            f"The data remote {url or name} cannot be used ({words}); name a folder or an s3:// "
            "URL (data.remote)."
        ) from error
    return Remote(url or str(config["remote"][name]["url"]), odb)


def remote_name(url: str | None) -> str | None:
    """Return what messages would call a remote, without opening it; None: none is configured.

    Args:
        url: As for `open_remote`.
    """
    named = url or os.environ.get(REMOTE_VARIABLE)
    if named:
        return _absolute(named)
    try:
        config, name = _default_remote()
    except UserError:
        return None
    return str(config["remote"][name]["url"])


@contextmanager
def reaching(remote: Remote) -> Iterator[None]:
    """Turn what a remote's library raises into one sentence."""
    try:
        yield
    except RlrError:
        raise
    except Exception as error:
        raise explain(remote, error) from error


def explain(remote: Remote, error: BaseException) -> RlrError:
    """Return the sentence for a failed access to a remote."""
    number = getattr(error, "errno", None)
    words = _words(error)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return MachineError("The disk is full; free some space and run again.")
    if isinstance(error, PermissionError) or "Credentials" in type(error).__name__:
        return UserError(
            f"The data remote {remote.url} refuses access ({words}); check its permissions, or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    if isinstance(error, FileNotFoundError):
        return UserError(f"The data remote {remote.url} does not exist ({words}); create it.")
    return MachineError(
        f"The data remote {remote.url} cannot be reached ({words}); try again, or name another "
        "(data.remote)."
    )


def _words(error: BaseException) -> str:
    """The first cause knows most: what is raised for a refused S3 request says "None"."""
    while error.__cause__:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__


def _absolute(url: str) -> str:
    return url if "://" in url else os.path.abspath(os.path.expanduser(url))


def _default_remote() -> tuple[dict[str, Any], str]:
    from dvc.config import Config, ConfigError

    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / DVC_FOLDER / "config").is_file():
            try:
                config = Config(str(folder / DVC_FOLDER))
            except ConfigError as error:
                raise UserError(f"{folder / DVC_FOLDER / 'config'}: {error}; mend it.") from error
            name = config["core"].get("remote")
            if name:
                return config, name
            break
    raise UserError(
        f"No data remote is configured: set data.remote or {REMOTE_VARIABLE} to a folder or an "
        "s3:// URL, or run inside of a checkout with a default DVC remote."
    )
