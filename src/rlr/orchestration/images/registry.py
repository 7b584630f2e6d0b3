"""Asking a registry which digest a tag has: the OCI distribution API.

Credentials are those of `docker login`. They go to the registry and to the token server that it
names, and nowhere else.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.images.reference import DIGEST, DOCKER_HUB, ImageReference, is_loopback

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
DOCKER_HUB_API = "registry-1.docker.io"
REFUSED = (401, 403)
CLIENT = "rlr"


def find_digest(image: ImageReference, timeout: float) -> str:
    """Return the digest that a registry has for an image's tag.

    Args:
        image: With registry and tag.
        timeout: Seconds to wait for each answer.

    Raises:
        UserError: The registry has no such image, or refuses access.
        MachineError: It does not answer, or answers nonsense.
    """
    import requests

    with _explained(image), requests.Session() as session:
        session.headers["Accept"] = ", ".join(MANIFESTS)
        session.auth = _nobody  # or requests would look for some in ~/.netrc
        page = f"{_address(image)}/v2/{image.repository}/manifests/{image.tag}"
        answer = session.head(page, timeout=timeout, allow_redirects=True)
        if answer.status_code == 401:
            session.auth = _Header(_authorise(image, answer, timeout))
            answer = session.head(page, timeout=timeout, allow_redirects=True)
        _require_manifest(image, answer)
        return _digest_of(answer, session, page, timeout)


def _address(image: ImageReference) -> str:
    host = DOCKER_HUB_API if image.registry == DOCKER_HUB else image.registry
    return f"{'http' if image.is_local else 'https'}://{host}"


def _require_manifest(image: ImageReference, answer: "Response") -> None:
    name = f"{image.repository}:{image.tag}"
    if answer.status_code in REFUSED:
        raise UserError(
            f"The registry {image.registry} refuses access to {name} (status "
            f"{answer.status_code}); run `docker login {image.registry}`."
        )
    if answer.status_code == 404:
        raise UserError(f"The registry {image.registry} has no image {name}; push it first.")
    if not answer.ok:
        raise MachineError(
            f"The registry {image.registry} failed when asked for {name}: status "
            f"{answer.status_code}, {answer.reason}."
        )


def _digest_of(answer: "Response", session: "Session", page: str, timeout: float) -> str:
    digest = str(answer.headers.get("Docker-Content-Digest", ""))
    if DIGEST.fullmatch(digest):
        return digest
    # The header is no more than recommended; the digest is that of the manifest's bytes.
    manifest = session.get(page, timeout=timeout)
    manifest.raise_for_status()
    return f"sha256:{hashlib.sha256(manifest.content).hexdigest()}"


def _authorise(image: ImageReference, refusal: "Response", timeout: float) -> str:
    """Return the header that answers a registry's challenge."""
    from requests.auth import _basic_auth_str
    from requests.utils import parse_dict_header

    scheme, _, rest = refusal.headers.get("WWW-Authenticate", "").partition(" ")
    credentials = _credentials(image)
    if scheme.lower() == "bearer":
        token = _fetch_token(image, parse_dict_header(rest), credentials, timeout)
        return f"Bearer {token}"
    if scheme.lower() == "basic" and "username" in credentials:
        return str(_basic_auth_str(credentials["username"], credentials["password"]))
    _require_manifest(image, refusal)
    raise AssertionError("a refusal is no manifest")


def _fetch_token(
    image: ImageReference,
    challenge: Mapping[str, str],
    credentials: Mapping[str, str],
    limit: float,
) -> str:
    import requests

    realm = challenge.get("realm", "")
    where = urlsplit(realm)
    if where.scheme != "https" and not is_loopback(where.hostname or ""):
        raise UserError(
            f"The registry {image.registry} sends credentials to {realm or 'nowhere'}, which is "
            "not https; name the image by its digest instead."
        )
    question = {name: challenge[name] for name in ("service", "scope") if name in challenge}
    if "identitytoken" in credentials:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credentials["identitytoken"],
            "client_id": CLIENT,
        }
        answer = requests.post(realm, data=question | form, timeout=limit)
    else:
        known = "username" in credentials
        pair = (credentials["username"], credentials["password"]) if known else _nobody
        answer = requests.get(realm, params=question, auth=pair, timeout=limit)
    _require_manifest(image, answer)
    document: dict[str, Any] = answer.json()
    return str(document.get("token") or document["access_token"])


def _credentials(image: ImageReference) -> Mapping[str, str]:
    """Return what `docker login` has stored for a registry: nothing, a pair, or a token."""
    from docker import auth
    from docker.errors import DockerException

    try:
        found = auth.resolve_authconfig(auth.load_config(), registry=image.registry) or {}
    except (DockerException, ValueError) as error:
        raise UserError(
            f"Docker's credentials for {image.registry} cannot be read; run `docker login "
            f"{image.registry}` again."
        ) from error
    return {key.lower(): value for key, value in found.items()}  # a helper writes them otherwise


def _nobody(request: "PreparedRequest") -> "PreparedRequest":
    return request


class _Header:
    """Puts an authorisation into each request."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: "PreparedRequest") -> "PreparedRequest":
        request.headers["Authorization"] = self._value
        return request


@contextmanager
def _explained(image: ImageReference) -> Iterator[None]:
    import requests

    try:
        yield
    except requests.Timeout as error:
        raise MachineError(
            f"The registry {image.registry} does not answer in time; try again, or name the image "
            "by its digest."
        ) from error
    except requests.RequestException as error:
        raise MachineError(
            f"The registry {image.registry} cannot be asked ({type(error).__name__}); start it, or "
            "name the image by its digest."
        ) from error
    except (KeyError, ValueError) as error:
        raise MachineError(
            f"The registry {image.registry} gave no token, but something else; name the image by "
            "its digest."
        ) from error
