"""The HTTP side: paths, tokens, namespaces, faults."""

import json
import re
import sys
import threading
from collections.abc import Callable
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from kubeflow_api.checking import RefusedError, check_document
from kubeflow_api.engine import Course, pod_of
from kubeflow_api.faults import DROP, LOGIN, LOST, TIMEOUT, Fault
from kubeflow_api.store import Document, StatusError, Store, page, workflow_of

BASE = "/apis/v2beta1"
Query = dict[str, str]
MOST = 200  # entries on a page


class KubeflowApi(ThreadingHTTPServer):
    """A running double.

    Attributes:
        store: What it remembers.
        requests: Method and path of each request.
        tokens: Tokens that let in; empty: everybody may.
        namespaces: Namespaces that it serves; empty: it serves one user.
        shows_logs: Whether it hands out logs.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = Store()
        self.requests: list[str] = []
        self.tokens: set[str] = set()
        self.namespaces: set[str] = set()
        self.shows_logs = True
        self.before: Callable[[str], None] = lambda _request: None
        self._faults: list[Fault] = []
        self._closing = threading.Event()
        self._lock = threading.RLock()

    @property
    def address(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.server_port}"

    def go(self, course: Course) -> None:
        """Let the runs that begin from now on go so."""
        self.store.course = course

    def fail(
        self,
        kind: int | str,
        times: int | None = None,
        where: str = "",
        method: str = "",
        after: int = 0,
    ) -> None:
        """Let requests fail from now on."""
        self._faults.append(Fault(kind, times, where, method, after))

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._faults.clear()

    def stop(self) -> None:
        """Stop, and let go of the requests that hang."""
        self._closing.set()
        self.shutdown()
        self.server_close()

    def fault_of(self, method: str, path: str) -> Fault | None:
        """Return what is to go wrong with a request."""
        return next((fault for fault in self._faults if fault.strikes(method, path)), None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have gone, which is what the faults make them do."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang(self) -> None:
        """Wait for the end of the server."""
        self._closing.wait(60)

    def answer(self, method: str, path: str, query: Query, body: Any) -> Document | str:
        """Return the answer to a request that was let in."""
        with self._lock:
            for wanted, pattern, action in ROUTES:
                found = re.fullmatch(pattern, path)
                if wanted == method and found:
                    return action(self, query, body, *map(unquote, found.groups()))
        raise StatusError(404, "Not Found")

    def own(self, namespace: str | None) -> None:
        """Refuse a namespace that is not served."""
        if not self.namespaces:
            if namespace:
                raise StatusError(400, "In single-user mode, there are no namespaces")
        elif not namespace:
            raise StatusError(400, "A namespace is needed in multi-user mode")
        elif namespace not in self.namespaces:
            raise StatusError(403, f"User is not authorized in the namespace {namespace}")


class _Handler(BaseHTTPRequestHandler):
    server: KubeflowApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        where = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(where.query).items()}
        self.server.requests.append(f"{method} {where.path}")
        self.server.before(f"{method} {where.path}")
        fault = self.server.fault_of(method, where.path)
        try:
            if fault and fault.kind != LOST:
                self._fail(fault)
                return
            self._require_token()
            answer = self.server.answer(method, where.path, query, self._read(body))
            if fault:
                self.close_connection = True
                return
        except StatusError as failure:
            self._refuse(failure.status, str(failure))
        except RefusedError as refusal:
            self._refuse(400, str(refusal))
        else:
            self._send(200, answer)

    def _read(self, body: bytes) -> Any:
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            return _uploaded_file(kind, body)
        return json.loads(body) if body else None

    def _require_token(self) -> None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if self.server.tokens and (scheme != "Bearer" or token not in self.server.tokens):
            raise StatusError(401, "Request header error: there is no user identity header.")

    def _fail(self, fault: Fault) -> None:
        if fault.kind == TIMEOUT:
            self.server.hang()
            self.close_connection = True
        elif fault.kind == DROP:
            self.close_connection = True
        elif fault.kind == LOGIN:
            self._send(200, "<html>Log in</html>", "text/html")
        else:
            self._refuse(int(fault.kind), "The test wants it so")

    def _refuse(self, status: int, words: str) -> None:
        self._send(status, {"error": words, "code": 2, "message": words, "details": []})

    def _send(self, status: int, answer: Document | str, kind: str = "") -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        kind = kind or ("text/plain" if isinstance(answer, str) else "application/json")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


def _uploaded_file(kind: str, body: bytes) -> str:
    message = BytesParser(_class=EmailMessage, policy=HTTP).parsebytes(
        f"Content-Type: {kind}\r\n\r\n".encode() + body
    )
    parts = {
        part.get_param("name", header="content-disposition"): part for part in message.iter_parts()
    }
    if set(parts) != {"uploadfile"}:
        raise RefusedError(f"an upload has one field, uploadfile, not {sorted(map(str, parts))}")
    content = parts["uploadfile"].get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode("utf-8")


def _checked(answer: Document, kind: str) -> Document:
    """Return an answer that the real server could give, too."""
    check_document(answer, kind, "answer")
    return answer


def _health(api: KubeflowApi, _query: Query, _body: None) -> Document:
    return _checked({"multi_user": bool(api.namespaces)}, "V2beta1GetHealthzResponse")


def _listed(kind: str, model: str) -> Callable[..., Document]:
    """Return what lists one kind of things; those of other namespaces are not told."""

    def act(api: KubeflowApi, query: Query, _body: None, *parent: str) -> Document:
        if kind in ("experiments", "pipelines") or (
            kind in ("runs", "recurring") and "experiment_id" not in query
        ):
            api.own(query.get("namespace"))
        entries = list(getattr(api.store, kind).values())
        if query.get("namespace"):
            entries = [one for one in entries if _namespace(api, one) == query["namespace"]]
        if query.get("experiment_id"):
            entries = [one for one in entries if one["experiment_id"] == query["experiment_id"]]
        if parent:
            entries = [one for one in entries if one["pipeline_id"] == parent[0]]
        size = min(int(query.get("page_size") or 20), MOST)
        shown, total, token = page(
            entries,
            size,
            query.get("page_token", ""),
            query.get("sort_by", ""),
            query.get("filter", ""),
        )
        answer: Document = {"total_size": total}
        if shown:  # an empty list is left out by protobuf
            answer[_plural(kind)] = shown
        if token:
            answer["next_page_token"] = token
        return _checked(answer, model)

    return act


def _namespace(api: KubeflowApi, entry: Document) -> str | None:
    experiment = api.store.experiments.get(entry.get("experiment_id", ""), entry)
    return experiment.get("namespace")


def _plural(kind: str) -> str:
    return {"versions": "pipeline_versions", "recurring": "recurringRuns"}.get(kind, kind)


def _one(kind: str, model: str) -> Callable[..., Document]:
    def act(api: KubeflowApi, _query: Query, _body: None, *ids: str) -> Document:
        entry = getattr(api.store, kind).get(ids[-1])
        if entry is None:
            raise StatusError(404, f"{ids[-1]} not found")
        return _checked(entry, model)

    return act


def _made(method: str, model: str) -> Callable[..., Document]:
    def act(api: KubeflowApi, _query: Query, body: Document) -> Document:
        check_document(body, model)
        if model in ("V2beta1Experiment", "V2beta1Pipeline"):
            api.own(body.get("namespace"))
        return _checked(getattr(api.store, method)(body), model)

    return act


def _run(api: KubeflowApi, _query: Query, _body: None, run_id: str) -> Document:
    return _checked(api.store.look_at_run(run_id), "V2beta1Run")


def _switched(on: bool) -> Callable[..., Document]:
    def act(api: KubeflowApi, _query: Query, _body: None, recurring_run_id: str) -> Document:
        api.store.switch_recurring_run(recurring_run_id, on)
        return {}

    return act


def _deleted(api: KubeflowApi, _query: Query, _body: None, recurring_run_id: str) -> Document:
    api.store.delete_recurring_run(recurring_run_id)
    return {}


def _upload(api: KubeflowApi, query: Query, body: str) -> Document:
    api.own(query.get("namespace"))
    api.store.read_package(body)  # nothing is made of what is no pipeline
    words = {key: query[key] for key in ("description", "namespace") if key in query}
    made = api.store.add_pipeline({"display_name": query.get("name"), **words})
    words.pop("namespace", None)
    api.store.add_version(made["pipeline_id"], query["name"], body, words)
    return _checked(made, "V2beta1Pipeline")


def _upload_version(api: KubeflowApi, query: Query, body: str) -> Document:
    words = {key: query[key] for key in ("description",) if key in query}
    made = api.store.add_version(query.get("pipelineid", ""), query.get("name", ""), body, words)
    return _checked(made, "V2beta1PipelineVersion")


def _log(api: KubeflowApi, _query: Query, _body: None, run_id: str, pod: str) -> str:
    if not api.shows_logs:
        raise StatusError(500, "failed to get pod")
    workflow = workflow_of(run_id)
    for step, log in api.store.course.logs.items():
        if pod in (pod_of(workflow, step), pod_of(workflow, step, 1)):
            return log
    return ""


PIPELINES = f"{BASE}/pipelines"
ROUTES: list[tuple[str, str, Callable[..., Document | str]]] = [
    ("GET", f"{BASE}/healthz", _health),
    ("GET", f"{BASE}/experiments", _listed("experiments", "V2beta1ListExperimentsResponse")),
    ("POST", f"{BASE}/experiments", _made("add_experiment", "V2beta1Experiment")),
    ("GET", f"{BASE}/experiments/([^/:]+)", _one("experiments", "V2beta1Experiment")),
    ("GET", PIPELINES, _listed("pipelines", "V2beta1ListPipelinesResponse")),
    ("POST", PIPELINES, _made("add_pipeline", "V2beta1Pipeline")),
    ("POST", f"{PIPELINES}/upload", _upload),
    ("POST", f"{PIPELINES}/upload_version", _upload_version),
    ("GET", f"{PIPELINES}/([^/:]+)", _one("pipelines", "V2beta1Pipeline")),
    (
        "GET",
        f"{PIPELINES}/([^/:]+)/versions",
        _listed("versions", "V2beta1ListPipelineVersionsResponse"),
    ),
    ("GET", f"{PIPELINES}/([^/]+)/versions/([^/]+)", _one("versions", "V2beta1PipelineVersion")),
    ("GET", f"{BASE}/runs", _listed("runs", "V2beta1ListRunsResponse")),
    ("POST", f"{BASE}/runs", _made("add_run", "V2beta1Run")),
    ("GET", f"{BASE}/runs/([^/:]+)", _run),
    ("GET", f"{BASE}/recurringruns", _listed("recurring", "V2beta1ListRecurringRunsResponse")),
    ("POST", f"{BASE}/recurringruns", _made("add_recurring_run", "V2beta1RecurringRun")),
    ("GET", f"{BASE}/recurringruns/([^/:]+)", _one("recurring", "V2beta1RecurringRun")),
    ("DELETE", f"{BASE}/recurringruns/([^/:]+)", _deleted),
    ("POST", f"{BASE}/recurringruns/([^/:]+):enable", _switched(on=True)),
    ("POST", f"{BASE}/recurringruns/([^/:]+):disable", _switched(on=False)),
    ("GET", "/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", _log),
]
