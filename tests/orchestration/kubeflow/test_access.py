"""Ways into Kubeflow: addresses, tokens, namespaces, certificates, port-forwards."""

import json
import os
import shutil
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from kubeflow_api import KubeflowApi

pytestmark = pytest.mark.usefixtures("compiled_once")

Ask = Callable[..., object]
TOKEN = "a-secret-that-nobody-may-see"
KUBECTL = """#!{python}
import json, os, sys, time
with open("{log}", "w") as file:
    json.dump({{"words": sys.argv[1:], "process": os.getpid()}}, file)
print("Forwarding from 127.0.0.1:{port} -> 8888", flush=True)
time.sleep(60)
"""


@pytest.fixture
def locked(api: KubeflowApi) -> KubeflowApi:
    """Return the double, closed to whoever has no token."""
    api.tokens = {TOKEN}
    return api


def test_the_endpoint_may_be_a_variable(
    rlr: Ask, api: KubeflowApi, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", f"{api.address}/")
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://pages.example/")
    digest = f"sha256:{'ab' * 32}"
    images = (f"--image-pipeline=r.example/p@{digest}", f"--image-train=r.example/t@{digest}")
    answer = rlr("pipeline", "submit", "short", *images, "--json")
    assert answer.status == 0, answer.stderr
    assert json.loads(answer.stdout)["url"].startswith("https://pages.example/#/runs/details/")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "No cluster is named; set KF_PIPELINES_ENDPOINT, or give --endpoint or --port-forwa"),
        (("--endpoint=host:80",), "must begin with http:// or https://, unlike host:80."),
        (("--endpoint=ftp://me:word@h",), "must begin with http:// or https://, unlike ftp://h."),
        (("--port-forward=ml-pipeline",), "takes NAMESPACE/SERVICE, as in kubeflow/ml-pipeline"),
        (("--endpoint=http://h", "--token-file=none"), "The token file none cannot be read (No su"),
        (("--endpoint=http://h", "--ca-certificate=none"), "The CA certificate none is not a fil"),
    ],
)
def test_wrong_ways_in_are_told(words: tuple[str, ...], sentence: str, rlr: Ask) -> None:
    answer = rlr("pipeline", "runs", *words)
    assert answer.status == 2
    assert sentence in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_token_may_be_in_a_variable(
    ask: Ask, locked: KubeflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KF_PIPELINES_TOKEN", TOKEN)
    assert ask("upload").status == 0
    assert ask("submit", "--wait", "--every=0.01").status == 0
    (run,) = locked.store.runs
    assert ask("logs", run).status == 0


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_token_file_is_read_anew_for_each_request(
    by: str, ask: Ask, locked: KubeflowApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kubelet does, exchange the token in the middle of a wait."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    monkeypatch.setenv("KF_PIPELINES_TOKEN", "an older one")
    words = ("--wait", "--every=0.01")
    if by == "option":
        words = (*words, f"--token-file={file}")
    else:
        monkeypatch.delenv("KF_PIPELINES_TOKEN")
        monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(file))

    def exchange(_request: str) -> None:
        """Let the next request need another token than this one."""
        locked.tokens = {file.read_text().strip()}
        file.write_text(f"token {len(locked.requests)}")

    locked.before = exchange
    answer = ask("submit", *words)
    assert answer.status == 0, answer.stderr


@pytest.mark.parametrize("verb", ["upload", "submit", "runs", "logs"])
def test_a_token_is_never_told(
    verb: str, rlr: Ask, ask: Ask, locked: KubeflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KF_PIPELINES_TOKEN", TOKEN[:-1])
    monkeypatch.setenv("RLR_DEBUG", "1")
    answer = ask(verb, *(("x",) if verb == "logs" else ()))
    assert answer.status == 2
    assert "status 401" in answer.stderr
    assert "set KF_PIPELINES_TOKEN, or name a file with --token-file" in answer.stderr
    assert TOKEN[:-1] not in answer.stderr + answer.stdout


def test_an_empty_token_file_is_refused(ask: Ask, api: KubeflowApi, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch()
    answer = ask("runs", f"--token-file={file}")
    assert answer.status == 2
    assert answer.stderr == f"rlr: The token file {file} is empty; put a token into it.\n"


@pytest.fixture
def shared_by_many(api: KubeflowApi) -> KubeflowApi:
    """Return the double, serving two namespaces."""
    api.namespaces = {"team-a", "team-b"}
    return api


@pytest.mark.parametrize("by", ["option", "variable"])
def test_everything_is_of_the_users_namespace(
    by: str, ask: Ask, shared_by_many: KubeflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--namespace=team-a",) if by == "option" else ()
    if by == "variable":
        monkeypatch.setenv("KF_PIPELINES_NAMESPACE", "team-a")
    assert ask("upload", *words).status == 0
    assert ask("submit", *words).status == 0
    store = shared_by_many.store
    for entry in (*store.pipelines.values(), *store.experiments.values()):
        assert entry["namespace"] == "team-a"
    assert len(json.loads(ask("runs", "--json", *words).stdout)["runs"]) == 1
    assert json.loads(ask("runs", "--json", "--namespace=team-b").stdout)["runs"] == []
    # The other namespace has pipelines of its own under the same name.
    assert ask("upload", "--namespace=team-b").status == 0
    assert len(store.pipelines) == 2


@pytest.mark.parametrize("verb", ["upload", "submit", "runs", "logs"])
def test_a_namespace_is_asked_for(verb: str, ask: Ask, shared_by_many: KubeflowApi) -> None:
    answer = ask(verb, *(("x",) if verb == "logs" else ()))
    assert answer.status == 2
    assert answer.stderr == (
        f"rlr: Kubeflow at {shared_by_many.address} serves several users; name your namespace "
        "with --namespace or KF_PIPELINES_NAMESPACE.\n"
    )
    assert not Path(os.environ["HOME"], ".config").exists()  # kfp's own would remember one


def test_a_foreign_namespace_is_refused(ask: Ask, shared_by_many: KubeflowApi) -> None:
    answer = ask("submit", "--namespace=team-z")
    assert answer.status == 2
    assert "status 403, User is not authorized in the namespace team-z" in answer.stderr


@pytest.fixture
def kubectl(api: KubeflowApi, no_programs: Path) -> Path:
    """Put a kubectl into PATH that leads to the double, and return the file of its words."""
    log = no_programs / "words"
    program = no_programs / "kubectl"
    program.write_text(KUBECTL.format(python=sys.executable, port=api.server_port, log=log))
    program.chmod(0o755)
    return log


def test_a_port_forward_lasts_as_long_as_the_command(
    ask: Ask, api: KubeflowApi, kubectl: Path
) -> None:
    answer = ask("submit", "--port-forward=kubeflow/ml-pipeline", "--json")
    assert answer.status == 0, answer.stderr
    assert json.loads(answer.stdout)["url"] is None  # behind it there is the API alone
    assert len(api.store.runs) == 1
    started = json.loads(kubectl.read_text())
    assert started["words"] == [
        *("port-forward", "--address", "127.0.0.1"),
        *("--namespace", "kubeflow", "service/ml-pipeline", ":8888"),
    ]
    with pytest.raises(ProcessLookupError):
        os.kill(started["process"], 0)
    assert ask("runs", "--port-forward=kubeflow/ml-pipeline-ui:80").status == 0
    assert json.loads(kubectl.read_text())["words"][-2:] == ["service/ml-pipeline-ui", ":80"]


def test_a_missing_kubectl_is_told(ask: Ask, no_programs: Path) -> None:
    answer = ask("runs", "--port-forward=kubeflow/ml-pipeline")
    assert answer.status == 2
    assert answer.stderr.startswith("rlr: kubectl is not installed, which --port-forward needs;")


def test_the_real_kubectl_without_a_cluster_is_told(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert shutil.which("kubectl")
    kubeconfig = tmp_path / "kubeconfig"
    server = {"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "c", "context": {"cluster": "c", "user": ""}}
    document = {"clusters": [server], "contexts": [context], "current-context": "c"}
    kubeconfig.write_text(json.dumps(document))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    answer = ask("runs", "--port-forward=kubeflow/ml-pipeline")
    assert answer.status == 1
    assert "rlr: kubectl did not get to kubeflow/ml-pipeline: " in answer.stderr
    assert "connection" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Return a certificate for this machine, and its key."""
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def test_a_certificate_authority_may_be_named(
    rlr: Ask, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = KubeflowApi()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    here = f"--endpoint=https://127.0.0.1:{server.server_port}"
    try:
        assert rlr("pipeline", "runs", here, f"--ca-certificate={certificate[0]}").status == 0
        refused = rlr("pipeline", "runs", here)
        monkeypatch.setenv("KF_PIPELINES_CA_CERTIFICATE", str(certificate[0]))
        assert rlr("pipeline", "runs", here).status == 0
    finally:
        server.stop()
        thread.join()
    assert refused.status == 1
    assert "has a certificate that is not trusted; name its authority with --ca-" in refused.stderr
