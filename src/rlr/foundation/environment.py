"""The `.env` file: where the services are, for every command that runs beside it."""

import os
from pathlib import Path

from rlr.foundation.errors import UserError

DEFAULT_FILE = Path(".env")
ENV_FILE_VARIABLE = "RLR_ENV_FILE"


def read_env_file(named: str | None) -> None:
    """Add the variables of a file to the environment; those that are set already win.

    Args:
        named: The file; None: `.env` of the working directory, if it is there. The null device
            means no file at all.

    Raises:
        UserError: A file that was named is missing, or a line is not NAME=VALUE.
    """
    if named == os.devnull or (named is None and not DEFAULT_FILE.is_file()):
        return
    path = Path(named) if named else DEFAULT_FILE
    from dotenv.parser import parse_stream

    try:
        with path.open(encoding="utf-8") as file:
            for binding in parse_stream(file):
                if binding.error or (binding.key and binding.value is None):
                    raise UserError(
                        f"{path}, line {binding.original.line}: NAME=VALUE is expected; mend it."
                    )
                if binding.key:
                    os.environ.setdefault(binding.key, binding.value or "")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UserError(
            f"The file of variables {path} cannot be read ({reason}); name another with "
            f"--env-file or {ENV_FILE_VARIABLE}."
        ) from error
