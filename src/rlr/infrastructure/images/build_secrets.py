"""How a build reaches the package index: what the machine knows goes in as secrets of the build.

A secret is a file of single steps of the build. It is in no layer, no label and no history; here
it is handed to the client by name alone, so that it is in no command line either.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rlr.foundation.errors import UserError

# Where packages come from, for the two installers. Caches and paths of this machine stay here.
INDEX_VARIABLES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_INSECURE_HOST",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
# Each installer takes over what is said to the other.
SAME = (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_EXTRA_INDEX_URL", "UV_INDEX"))
CARRIER = "RLR_BUILD_INDEX"  # variable of the client that holds the secret
LARGEST = 500_000  # bytes that BuildKit takes as a secret


@dataclass(frozen=True)
class Secrets:
    """The secrets of a build.

    Attributes:
        ca_bundle: Certificates to trust, PEM; None: those of the base image.
        index: Settings of the package index by variable.
    """

    ca_bundle: Path | None
    index: Mapping[str, str]

    def options(self) -> list[str]:
        """Return the words that hand the secrets to the client."""
        words: list[str] = []
        if self.ca_bundle is not None:
            words += ["--secret", f"id=ca,src={self.ca_bundle}"]
        if self.index:
            words += ["--secret", f"id=index,env={CARRIER}"]
        return words

    def environment(self) -> dict[str, str]:
        """Return the environment for the client."""
        lines = "".join(f"{name}={value}\n" for name, value in self.index.items())
        return {**os.environ, **({CARRIER: lines} if lines else {})}

    def redact(self, line: str) -> str:
        """Return a line of the build without what the index settings say."""
        for value in sorted(self.index.values(), key=len, reverse=True):
            line = line.replace(value, "***")
        return line


def collect(ca_bundle: Path | None) -> Secrets:
    """Take the secrets from this machine: the bundle that is named, the index from variables.

    Raises:
        UserError: The bundle is not there, or too large.
    """
    if ca_bundle is not None:
        _check_bundle(ca_bundle)
    return Secrets(ca_bundle and ca_bundle.absolute(), _index(os.environ))


def _check_bundle(path: Path) -> None:
    if not path.is_file():
        raise UserError(
            f"The certificate bundle {path} is missing; name one that is there with --ca-bundle, "
            "or correct SSL_CERT_FILE and REQUESTS_CA_BUNDLE."
        )
    if path.stat().st_size > LARGEST:
        raise UserError(
            f"The certificate bundle {path} is larger than the {LARGEST} bytes that a build takes "
            "as a secret; name one with fewer certificates with --ca-bundle."
        )


def _index(environment: Mapping[str, str]) -> dict[str, str]:
    found = {
        name: value
        for name in INDEX_VARIABLES
        # A folder of this machine is not there inside of the build.
        if (value := environment.get(name, "").strip()) and "file:" not in value
    }
    for one, other in SAME:
        if one in found:
            found.setdefault(other, found[one])
        elif other in found:
            found[one] = found[other]
    return found
