"""Asking a service whether it is there, before a client of it tries for minutes."""

import http.client
import urllib.error
import urllib.request

# Something answers; whether we may in, or where it keeps its page, the client will learn.
REFUSALS = (401, 403, 404)


def why_silent(address: str, timeout: float) -> str | None:
    """Return why a service does not answer, or None where it does.

    Args:
        address: Page to ask for, http or https.
        timeout: Seconds to wait.
    """
    try:
        with urllib.request.urlopen(address, timeout=timeout):  # noqa: S310 - http(s) only
            return None
    except urllib.error.HTTPError as error:
        return None if error.code in REFUSALS else f"status {error.code}, {error.reason}"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


def without_password(address: str) -> str:
    """Return an address as it may stand in a log.

    Example:
        >>> without_password("postgresql://me:word@host/db")
        'postgresql://host/db'
    """
    scheme, separator, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
