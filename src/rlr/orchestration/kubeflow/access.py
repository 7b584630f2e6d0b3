"""How a user gets to Kubeflow: the address, the proof of who asks, the namespace."""

import os
from dataclasses import dataclass
from pathlib import Path

from rlr.foundation.errors import UserError
from rlr.foundation.network import without_password

# The first three are read by the kfp library and command alike.
ENDPOINT_VARIABLE = "KF_PIPELINES_ENDPOINT"
UI_VARIABLE = "KF_PIPELINES_UI_ENDPOINT"
SERVICE_ACCOUNT_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"
TOKEN_VARIABLE = "KF_PIPELINES_TOKEN"  # noqa: S105 - a name
NAMESPACE_VARIABLE = "KF_PIPELINES_NAMESPACE"
CA_VARIABLE = "KF_PIPELINES_CA_CERTIFICATE"

PROJECTED_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")


@dataclass(frozen=True)
class Access:
    """How to get to Kubeflow.

    Attributes:
        endpoint: Address of the API; None: the variable KF_PIPELINES_ENDPOINT.
        namespace: The user's namespace, where Kubeflow serves several; None: the variable
            KF_PIPELINES_NAMESPACE.
        token_file: File with a token, read anew for each request; None: a token in
            KF_PIPELINES_TOKEN, else a service account's.
        ca_certificate: File with the authority that signed the server's certificate; None: the
            variable KF_PIPELINES_CA_CERTIFICATE.
        port_forward: NAMESPACE/SERVICE, or NAMESPACE/SERVICE:PORT, to reach through kubectl in
            the place of an endpoint.
        request_timeout: Seconds to wait for each answer.
    """

    endpoint: str | None = None
    namespace: str | None = None
    token_file: Path | None = None
    ca_certificate: Path | None = None
    port_forward: str | None = None
    request_timeout: float = 30.0

    def address(self) -> str:
        """Return the address of the API.

        Raises:
            UserError: None is named, or it is not of HTTP.
        """
        address = self.endpoint or os.environ.get(ENDPOINT_VARIABLE)
        if not address:
            raise UserError(
                f"No cluster is named; set {ENDPOINT_VARIABLE}, or give --endpoint or "
                "--port-forward."
            )
        if not address.startswith(("http://", "https://")):
            raise UserError(
                f"The endpoint must begin with http:// or https://, unlike "
                f"{without_password(address)}."
            )
        return address.rstrip("/")

    def user_namespace(self) -> str | None:
        """Return the namespace that the user has named."""
        return self.namespace or os.environ.get(NAMESPACE_VARIABLE) or None

    def authority(self) -> str | None:
        """Return the file of the certificate authority, where one is named.

        Raises:
            UserError: It is not there.
        """
        named = self.ca_certificate or os.environ.get(CA_VARIABLE)
        if not named:
            return None
        if not Path(named).is_file():
            raise UserError(f"The CA certificate {named} is not a file; name another.")
        return str(named)

    def token(self) -> str | None:
        """Return the token of the environment, which a token file goes before."""
        return None if self.token_file else os.environ.get(TOKEN_VARIABLE) or None

    def service_account_token(self) -> Path | None:
        """Return the file that holds a token, where there is one.

        Raises:
            UserError: The file that is named is not there, or empty.
        """
        named = self.token_file or os.environ.get(SERVICE_ACCOUNT_VARIABLE)
        if named is None and not self.token() and PROJECTED_TOKEN.is_file():
            return PROJECTED_TOKEN
        if not named:
            return None
        try:
            empty = not Path(named).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise UserError(f"The token file {named} cannot be read ({reason}).") from error
        if empty:
            raise UserError(f"The token file {named} is empty; put a token into it.")
        return Path(named)
