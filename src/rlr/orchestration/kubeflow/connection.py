"""The way into Kubeflow: a client that has been answered once."""

import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from rlr.foundation.errors import UserError
from rlr.foundation.network import without_password
from rlr.orchestration.kubeflow.access import NAMESPACE_VARIABLE, UI_VARIABLE, Access
from rlr.orchestration.kubeflow.failures import explained, quiet
from rlr.orchestration.kubeflow.forward import forwarded

if TYPE_CHECKING:
    from rlr.orchestration.kubeflow.client import KubeflowClient

INSTALLED_IN = "kubeflow"  # its namespace, and that of the pods where it serves one user


@dataclass(frozen=True)
class Kubeflow:
    """A Kubeflow that has answered.

    Attributes:
        client: Its client.
        address: Where it is, without a password.
        ui: Address of its pages; None: not known.
        namespace: The user's namespace; None: it serves one user.
        namespace_of_pods: Where the pods of runs are.
    """

    client: "KubeflowClient"
    address: str
    ui: str | None
    namespace: str | None
    namespace_of_pods: str

    @contextmanager
    def asked_to(self, action: str, doubt: str = "") -> Iterator["KubeflowClient"]:
        """Yield the client; what fails in the block is told in one sentence.

        Args:
            action: What it is to do, as in `start the run`.
            doubt: What is not known when no answer comes, as a clause.
        """
        # The client prints links for notebooks.
        with explained(self.address, action, doubt), redirect_stdout(StringIO()), quiet():
            yield self.client

    def page_of_run(self, run_id: str) -> str | None:
        """Return the page of a run."""
        return f"{self.ui}/#/runs/details/{run_id}" if self.ui else None


@contextmanager
def connect(access: Access) -> Iterator[Kubeflow]:
    """Yield Kubeflow, once it is known to answer; a port-forward lasts as long as the block.

    Args:
        access: How to get there.

    Raises:
        UserError: No address is named, or it lets nobody in so.
        MachineError: It does not answer.
    """
    with _address(access) as address:
        name = without_password(address)
        with explained(name, "let rlr in"), quiet():
            client = _client(access, address)
            several = bool(client.get_kfp_healthz().multi_user)
        namespace = _namespace(access, client, name) if several else None
        shown = os.environ.get(UI_VARIABLE) or (None if access.port_forward else name)
        ui = shown and without_password(shown.rstrip("/"))
        pods = namespace or access.user_namespace() or INSTALLED_IN
        yield Kubeflow(client, name, ui, namespace, pods)


def _address(access: Access) -> AbstractContextManager[str]:
    if access.port_forward:
        return forwarded(access.port_forward, access.request_timeout)
    return _named(access.address())


@contextmanager
def _named(address: str) -> Iterator[str]:
    yield address


def _client(access: Access, address: str) -> "KubeflowClient":
    from kfp.client import ServiceAccountTokenVolumeCredentials

    from rlr.orchestration.kubeflow.client import KubeflowClient

    settings: dict[str, Any] = {"host": address, "ssl_ca_cert": access.authority()}
    token, file = access.token(), access.service_account_token()
    if token:
        settings["existing_token"] = token
    elif file:
        settings["credentials"] = ServiceAccountTokenVolumeCredentials(path=str(file))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of servers before 2.0
        return KubeflowClient(access.request_timeout, **settings)


def _namespace(access: Access, client: "KubeflowClient", name: str) -> str:
    """Return the user's namespace: the one named, that of kfp's own settings, or the pod's."""
    namespace = access.user_namespace() or client.get_user_namespace()
    if not namespace:
        raise UserError(
            f"Kubeflow at {name} serves several users; name your namespace with --namespace or "
            f"{NAMESPACE_VARIABLE}."
        )
    return str(namespace)
