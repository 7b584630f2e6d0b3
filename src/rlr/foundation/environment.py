"""The `.env` file: where the services are, for every command that runs beside it."""

import io
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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UserError(
            f"The file of variables {path} cannot be read ({reason}); name another with "
            f"--env-file or {ENV_FILE_VARIABLE}."
        ) from error
    for name, value in _parse(path, text).items():
        os.environ.setdefault(name, value)


def _parse(path: Path, text: str) -> dict[str, str]:
    from dotenv.parser import parse_stream

    variables: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key and binding.value is None):
            # The text of a statement begins with the empty lines above it.
            empty = len(binding.original.string) - len(binding.original.string.lstrip("\n"))
            raise UserError(
                f"{path}, line {binding.original.line + empty}: NAME=VALUE is expected; mend it."
            )
        if binding.key:
            variables[binding.key] = binding.value or ""
    return variables
