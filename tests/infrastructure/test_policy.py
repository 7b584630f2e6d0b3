"""Each rule of the policy, on a manifest that breaks it and nothing else."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlr.foundation.errors import UserError
from rlr.infrastructure.manifests import check_manifests, read_external, read_manifests

EXTERNAL = frozenset({("Secret", "keys"), ("ServiceAccount", "nobody")})
SOUND = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: server}
spec:
  template:
    metadata: {labels: {app: server}}
    spec:
      serviceAccountName: nobody
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: main
          image: hub/server:1.2.3
          env:
            - {name: LEVEL, value: info}
            - {name: API_TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}
          resources:
            requests: {cpu: 100m, memory: 1Gi}
            limits: {cpu: 100m, memory: 1Gi}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          startupProbe: {tcpSocket: {port: 1}}
          readinessProbe: {tcpSocket: {port: 1}}
          livenessProbe: {tcpSocket: {port: 1}}
          volumeMounts: [{name: tmp, mountPath: /tmp}]
      volumes: [{name: tmp, emptyDir: {sizeLimit: 1Gi}}]
---
apiVersion: v1
kind: Namespace
metadata: {name: n, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: Service
metadata: {name: server}
spec: {selector: {app: server}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: server}
spec: {selector: {matchLabels: {app: server}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: own}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: own, namespace: n}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {bucket: "s3://bucket"}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  jobTemplate:
    spec:
      activeDeadlineSeconds: 60
      template:
        spec:
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 10001
            seccompProfile: {type: RuntimeDefault}
          containers:
            - name: main
              image: work@sha256:1111111111111111111111111111111111111111111111111111111111111111
              resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities: {drop: [ALL]}
              volumeMounts: [{name: tmp, mountPath: /tmp}]
          volumes: [{name: tmp, emptyDir: {sizeLimit: 1Gi}}]
"""

Break = Callable[[dict[str, Any]], object]


def sound() -> dict[str, dict[str, Any]]:
    """Return the sound manifests by their kind."""
    return {m["kind"]: copy.deepcopy(m) for m in yaml.safe_load_all(SOUND)}


def pod(m: dict[str, Any]) -> dict[str, Any]:
    return m["Deployment"]["spec"]["template"]["spec"]


def box(m: dict[str, Any]) -> dict[str, Any]:
    return pod(m)["containers"][0]


def test_what_is_sound_passes() -> None:
    assert check_manifests(list(sound().values()), EXTERNAL) == []


BROKEN: list[tuple[str, str, Break]] = [
    ("image", "latest", lambda m: box(m).update(image="hub/server:latest")),
    ("image", "can change", lambda m: box(m).update(image="hub/server")),
    ("image", "can change", lambda m: box(m).update(image="hub:5000/server")),
    ("image", "can change", lambda m: box(m).update(image="postgres:17")),
    ("image", "can change", lambda m: box(m).update(image="server:latest-1.2")),
    ("image", "can change", lambda m: box(m).update(image="server@sha256:12")),
    ("limits", "no cpu in requests", lambda m: box(m)["resources"]["requests"].pop("cpu")),
    ("limits", "no memory in limits", lambda m: box(m)["resources"]["limits"].pop("memory")),
    ("user", "may run as root", lambda m: pod(m)["securityContext"].pop("runAsNonRoot")),
    ("user", "may run as root", lambda m: pod(m)["securityContext"].update(runAsUser=0)),
    ("user", "may run as root", lambda m: box(m)["securityContext"].update(runAsUser=0)),
    ("privileges", "is privileged", lambda m: box(m)["securityContext"].update(privileged=True)),
    (
        "privileges",
        "escalate",
        lambda m: box(m)["securityContext"].pop("allowPrivilegeEscalation"),
    ),
    ("privileges", "drop ALL", lambda m: box(m)["securityContext"].pop("capabilities")),
    (
        "privileges",
        "adds capabilities",
        lambda m: box(m)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
    ),
    ("privileges", "seccomp", lambda m: pod(m)["securityContext"].pop("seccompProfile")),
    ("host", "hostNetwork", lambda m: pod(m).update(hostNetwork=True)),
    ("host", "hostPID", lambda m: pod(m).update(hostPID=True)),
    (
        "host",
        "path of the node",
        lambda m: pod(m)["volumes"].append({"name": "h", "hostPath": {"path": "/"}}),
    ),
    ("host", "port of the node", lambda m: box(m).update(ports=[{"hostPort": 80}])),
    (
        "read-only root",
        "can be written",
        lambda m: box(m)["securityContext"].pop("readOnlyRootFilesystem"),
    ),
    ("scratch", "no emptyDir at /tmp", lambda m: box(m).update(volumeMounts=[])),
    ("size limit", "no sizeLimit", lambda m: pod(m)["volumes"][0].update(emptyDir={})),
    ("token", "token", lambda m: pod(m).pop("automountServiceAccountToken")),
    ("probes", "no readinessProbe", lambda m: box(m).pop("readinessProbe")),
    ("probes", "no livenessProbe", lambda m: box(m).pop("livenessProbe")),
    ("probes", "no startupProbe", lambda m: box(m).pop("startupProbe")),
    (
        "deadline",
        "activeDeadlineSeconds",
        lambda m: m["CronJob"]["spec"]["jobTemplate"]["spec"].pop("activeDeadlineSeconds"),
    ),
    (
        "secrets",
        "API_TOKEN stands",
        lambda m: box(m)["env"].append({"name": "API_TOKEN", "value": "t0k3n"}),
    ),
    (
        "secrets",
        "URI holds a password",
        lambda m: box(m)["env"].append({"name": "URI", "value": "postgresql://u:p@h/d"}),
    ),
    ("secrets", "command line", lambda m: box(m).update(args=["--uri=http://u:p@h"])),
    ("secrets", "values stand", lambda m: m["Namespace"].update(SECRET)),
    ("secrets", "belongs into", lambda m: m["ConfigMap"]["data"].update(DB_PASSWORD="x")),
    ("secrets", "belongs into", lambda m: m["ConfigMap"]["data"].update(uri="s3://a:b@c")),
    ("namespace", "is missing", lambda m: m["Namespace"]["metadata"].pop("labels")),
    (
        "namespace",
        "is baseline",
        lambda m: m["Namespace"]["metadata"].update(
            labels={"pod-security.kubernetes.io/enforce": "baseline"}
        ),
    ),
    ("rights", "gives all verbs", lambda m: m["Role"]["rules"][0].update(verbs=["*"])),
    ("rights", "gives all resources", lambda m: m["Role"]["rules"][0].update(resources=["*"])),
    (
        "rights",
        "token is mounted",
        lambda m: m["ServiceAccount"].pop("automountServiceAccountToken"),
    ),
    (
        "references",
        "Secret other is neither",
        lambda m: box(m)["env"][1]["valueFrom"]["secretKeyRef"].update(name="other"),
    ),
    (
        "references",
        "ConfigMap other",
        lambda m: box(m).update(envFrom=[{"configMapRef": {"name": "other"}}]),
    ),
    ("references", "ServiceAccount other", lambda m: pod(m).update(serviceAccountName="other")),
    (
        "references",
        "PersistentVolumeClaim other",
        lambda m: pod(m)["volumes"].append(
            {"name": "v", "persistentVolumeClaim": {"claimName": "other"}}
        ),
    ),
    ("references", "Secret pull", lambda m: pod(m).update(imagePullSecrets=[{"name": "pull"}])),
    ("references", "Role other", lambda m: m["RoleBinding"]["roleRef"].update(name="other")),
    (
        "references",
        "ServiceAccount other",
        lambda m: m["RoleBinding"]["subjects"][0].update(name="other"),
    ),
    (
        "references",
        "Secret s3",
        lambda m: m["ConfigMap"]["data"].update(
            providers="s3: {default: {credentials: {secretRef: {secretName: s3}}}}"
        ),
    ),
    (
        "references",
        "matches no pod",
        lambda m: m["Service"]["spec"].update(selector={"app": "other"}),
    ),
    (
        "references",
        "matches no pod",
        lambda m: m["PodDisruptionBudget"]["spec"]["selector"].update(matchLabels={"app": "x"}),
    ),
    ("form", "not of the form", lambda m: m["Deployment"]["spec"].pop("template")),
    ("form", "not of the form", lambda m: m["Service"].pop("metadata")),
]
SECRET = {"kind": "Secret", "stringData": {"a": "b"}}


@pytest.mark.parametrize(("rule", "words", "damage"), BROKEN)
def test_what_breaks_a_rule_is_found_and_nothing_else(rule: str, words: str, damage: Break) -> None:
    manifests = sound()
    damage(manifests)
    findings = check_manifests(list(manifests.values()), EXTERNAL)
    assert {finding.rule for finding in findings} == {rule}, findings
    assert any(words in finding.fault for finding in findings), findings


def test_every_rule_is_broken_here() -> None:
    from rlr.infrastructure.manifests.objects import OBJECT_RULES
    from rlr.infrastructure.manifests.pods import POD_RULES

    elsewhere = {"train job"}  # tests/orchestration/team
    assert {*POD_RULES, *OBJECT_RULES} - elsewhere <= {rule for rule, _, _ in BROKEN}


def test_containers_that_run_first_are_looked_at_too() -> None:
    manifests = sound()
    pod(manifests)["initContainers"] = [{"name": "first", "image": "x:latest"}]
    findings = check_manifests(list(manifests.values()), EXTERNAL)
    assert {"image", "limits", "privileges", "scratch"} <= {finding.rule for finding in findings}
    assert "probes" not in {finding.rule for finding in findings}


def test_an_optional_reference_may_be_missing() -> None:
    manifests = sound()
    reference = box(manifests)["env"][1]["valueFrom"]["secretKeyRef"]
    reference.update(name="other", optional=True)
    assert check_manifests(list(manifests.values()), EXTERNAL) == []


def test_a_variable_may_take_its_value_from_another() -> None:
    manifests = sound()
    box(manifests)["env"].append({"name": "OTHER_TOKEN", "value": "$(API_TOKEN)"})
    assert check_manifests(list(manifests.values()), EXTERNAL) == []


@pytest.mark.parametrize(
    "image",
    ["rlr:0.1.0", "h:5000/a/b:v2.3", "minio:RELEASE.2025-04-22T22-12-26Z", f"x@sha256:{64 * 'a'}"],
)
def test_an_exact_image_passes(image: str) -> None:
    manifests = sound()
    box(manifests)["image"] = image
    assert check_manifests(list(manifests.values()), EXTERNAL) == []


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stdin: not valid YAML"):
        read_manifests([("stdin", "[1")])
    with pytest.raises(UserError, match="is no mapping"):
        read_manifests([("stdin", "hello")])
    file = tmp_path / "external.yaml"
    file.write_text("Secret: one")
    with pytest.raises(UserError, match="lists of names"):
        read_external(file)
    with pytest.raises(UserError, match="not a readable YAML file"):
        read_external(tmp_path / "none")


def test_a_list_is_its_items() -> None:
    text = yaml.safe_dump({"kind": "List", "items": list(sound().values())})
    assert len(read_manifests([("list", text)])) == len(sound())
