"""What goes wrong between here and Kubeflow, each told in one sentence."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rlr.foundation.errors import MachineError, RlrError, UserError
from rlr.orchestration.kubeflow.access import (
    CA_VARIABLE,
    ENDPOINT_VARIABLE,
    NAMESPACE_VARIABLE,
    TOKEN_VARIABLE,
)

CONFLICT = 409
WORDS = 300  # characters of the server's own explanation

ADVICE = {
    400: "correct what was given",
    401: f"set {TOKEN_VARIABLE}, or name a file with --token-file",
    403: f"ask for the right, or name your own namespace with --namespace or {NAMESPACE_VARIABLE}",
    404: f"see `rlr pipeline runs` for what is there, or correct {ENDPOINT_VARIABLE}",
    CONFLICT: "try again",
    429: "it is busy; try again later",
}
# The user gave something wrong; every other status is the machine's.
OF_THE_USER = (400, 401, 403, 404)


class NoApiError(Exception):
    """What answers is a page for people."""


class ConflictError(MachineError):
    """Somebody else has made the same thing in the same moment."""


@contextmanager
def explained(address: str, action: str, doubt: str = "") -> Iterator[None]:
    """Turn a failure of the API into one sentence.

    Args:
        address: Where Kubeflow is, without a password.
        action: What it was to do, as in `start the run`.
        doubt: What is not known when no answer comes, as a clause.

    Raises:
        UserError: It refuses what the user gave.
        ConflictError: The thing is there already.
        MachineError: It failed, does not answer or was lost.
    """
    import kfp_server_api
    import urllib3

    where = f"Kubeflow at {address}"
    try:
        yield
    except RlrError:
        raise
    except NoApiError as error:
        raise UserError(
            f"{where} is a page for people, not the API: is there a login in front of it? Give a "
            "token, or go in with --port-forward."
        ) from error
    except kfp_server_api.ApiException as error:
        raise _refusal(where, action, error) from error
    except urllib3.exceptions.HTTPError as error:
        raise MachineError(f"{where} {_loss(error)}{doubt}.") from error
    except (OSError, ValueError, TypeError) as error:
        words = " ".join(str(error).split())[:WORDS] or type(error).__name__
        raise MachineError(f"{where} could not {action}: {words}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries from saying again what a sentence says."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _refusal(where: str, action: str, error: Any) -> RlrError:
    if not error.status:
        return MachineError(f"{where} could not be asked to {action}: {_own_words(error)}.")
    words = f"{where} did not {action}: status {error.status}, {_own_words(error)}"
    advice = ADVICE.get(error.status, "see the log of its API server, or try again")
    if error.status == CONFLICT:
        return ConflictError(f"{words}; {advice}.")
    kind = UserError if error.status in OF_THE_USER else MachineError
    return kind(f"{words}; {advice}.")


def _own_words(error: Any) -> str:
    """Return what the server says itself, on one line."""
    words = error.reason or "no reason"
    try:
        document = json.loads(error.body or "")
    except ValueError:
        document = None
    if isinstance(document, dict):
        words = document.get("error") or document.get("message") or words
    return " ".join(str(words).split())[:WORDS].rstrip(".")


def _loss(error: Exception) -> str:
    from urllib3 import exceptions

    reason = getattr(error, "reason", None) or error
    advice = f"; start it, or correct {ENDPOINT_VARIABLE} or --endpoint"
    if isinstance(reason, exceptions.SSLError):
        return (
            "has a certificate that is not trusted; name its authority with --ca-certificate or "
            f"{CA_VARIABLE}"
        )
    if isinstance(reason, exceptions.NameResolutionError):
        return f"cannot be found under that name{advice}"
    if isinstance(reason, exceptions.NewConnectionError):
        return f"does not answer (connection refused){advice}"
    if isinstance(reason, exceptions.TimeoutError):
        return "did not answer in time; try again, or wait longer with --request-timeout"
    return "broke off the connection; try again"
