"""What a step's pod gets on a cluster: image, resources, scheduling, secrets, retries.

A pipeline says what each step needs; here stands what that means in Kubernetes. On one machine
it means nothing: there the steps run as they are, with `on_this_machine`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlr import __version__
from rlr.config.pipeline import PipelineConfig
from rlr.data.versions.materialise import CACHE_VARIABLE
from rlr.infrastructure.images.names import reference
from rlr.orchestration.team.settings import TEAM_VARIABLE, WORK, TeamSettings

if TYPE_CHECKING:
    from kfp.dsl import PipelineTask

IMAGE_PIPELINE = reference("pipeline")
IMAGE_TRAIN = reference("train")

# The key in the secret and the environment variable are of the same name.
S3_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
S3_OPTIONAL_KEYS = ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "RLR_DATA_REMOTE")
MLFLOW_KEYS = ("MLFLOW_TRACKING_URI",)
MLFLOW_OPTIONAL_KEYS = (
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)
WEBHOOK_KEYS = ("RLR_WEBHOOK_URL",)

# Where things are in the images.
SCRATCH = "/tmp"  # noqa: S108 - a mount, not a file
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a mount, not a file
CACHE = "/cache"

# The admission policy in `infra/k8s/admission` and the network policies go by these.
LABELS = {
    "app.kubernetes.io/name": "rlr",
    "app.kubernetes.io/part-of": "rlr",
    "app.kubernetes.io/managed-by": "kubeflow-pipelines",
    "app.kubernetes.io/version": __version__,
}


@dataclass(frozen=True)
class Needs:
    """What a step needs to run.

    Attributes:
        heavy: The image with torch, a node with an accelerator, more processor and memory.
        shared_memory: A /dev/shm larger than a container's 64 MB.
        data: The credentials of the data remote.
        tracking: The address and credentials of the tracking server.
        webhook: The webhook's address, where there is one.
        team: What a step must know and mount to start a training on several nodes.
        retry: Whether a failure may be of the machine: pods are evicted, services restart.
    """

    heavy: bool = False
    shared_memory: bool = False
    data: bool = False
    tracking: bool = False
    webhook: bool = False
    team: bool = False
    retry: bool = True


Prepare = Callable[["PipelineTask", Needs], "PipelineTask"]


def secret_variables(needs: Needs) -> tuple[str, ...]:
    """Return the names of the variables that the secrets hold for a step."""
    return (
        *((*S3_KEYS, *S3_OPTIONAL_KEYS) if needs.data else ()),
        *((*MLFLOW_KEYS, *MLFLOW_OPTIONAL_KEYS) if needs.tracking else ()),
        *(WEBHOOK_KEYS if needs.webhook else ()),
    )


def on_this_machine(task: "PipelineTask", _needs: Needs) -> "PipelineTask":
    """Leave a step as it is."""
    return task


@dataclass(frozen=True)
class Cluster:
    """Gives steps what they need on a cluster.

    Attributes:
        settings: Resources, scheduling and secrets.
        image_pipeline: Image of the steps that are not heavy.
        image_train: Image of the heavy steps.
    """

    settings: PipelineConfig
    image_pipeline: str = IMAGE_PIPELINE
    image_train: str = IMAGE_TRAIN

    def prepare(self, task: "PipelineTask", needs: Needs) -> "PipelineTask":
        """Give a step what it needs."""
        self._set_image(task, self.image_train if needs.heavy else self.image_pipeline)
        self._set_identity(task)
        self._set_resources(task, needs)
        if needs.heavy:
            self._place_on_accelerator_nodes(task)
        self._mount_volumes(task, needs)
        if needs.team:
            self._hand_out_team(task)
        if needs.retry and self.settings.retries:
            wait = f"{self.settings.retry_seconds}s"
            task.set_retry(self.settings.retries, backoff_duration=wait, backoff_factor=2.0)
        if not self.settings.cache:
            task.set_caching_options(False)
        self._hand_out_secrets(task, needs)
        return task

    def _set_image(self, task: "PipelineTask", image: str) -> None:
        from kfp import kubernetes

        task.set_container_image(image)
        task.set_env_variable("RLR_IMAGE", image)
        kubernetes.set_timeout(task, self.settings.timeout_seconds)
        kubernetes.set_image_pull_policy(task, self.settings.image_pull_policy)
        if self.settings.image_pull_secret:
            kubernetes.set_image_pull_secrets(task, [self.settings.image_pull_secret])

    def _set_identity(self, task: "PipelineTask") -> None:
        """Say as whom a step runs, and by which labels it is known.

        Kubeflow itself forbids escalation, drops all capabilities and sets the seccomp profile.
        A read-only root cannot be said in a pipeline: `infra/k8s/admission` sees to it.
        """
        from kfp import kubernetes

        user = self.settings.user
        kubernetes.set_security_context(
            task, run_as_user=user, run_as_group=user, run_as_non_root=True
        )
        # Every step has as many: Kubeflow makes one template for all that have the same number.
        for label, value in {**LABELS, "app.kubernetes.io/component": task.name}.items():
            kubernetes.add_pod_label(task, label, value)

    def _set_resources(self, task: "PipelineTask", needs: Needs) -> None:
        settings = self.settings
        task.set_cpu_limit(settings.cpu if needs.heavy else settings.light_cpu)
        task.set_memory_limit(settings.memory if needs.heavy else settings.light_memory)
        task.set_cpu_request(settings.cpu_request if needs.heavy else settings.light_cpu_request)
        task.set_memory_request(
            settings.memory_request if needs.heavy else settings.light_memory_request
        )
        if needs.heavy and settings.accelerator_count:
            task.set_accelerator_type(settings.accelerator)
            task.set_accelerator_limit(settings.accelerator_count)

    def _place_on_accelerator_nodes(self, task: "PipelineTask") -> None:
        from kfp import kubernetes

        for label, value in self.settings.node_selector.items():
            kubernetes.add_node_selector(task, label, value)
        taint = self.settings.toleration
        if taint:
            kubernetes.add_toleration(task, key=taint, operator="Exists", effect="NoSchedule")

    def _mount_volumes(self, task: "PipelineTask", needs: Needs) -> None:
        settings = self.settings
        _mount_empty(task, "scratch", SCRATCH, settings.scratch)
        if needs.shared_memory:
            _mount_empty(task, "shared-memory", SHARED_MEMORY, settings.shared_memory, "Memory")
        if needs.data:
            task.set_env_variable(CACHE_VARIABLE, CACHE)
            if settings.cache_claim:
                _mount_claim(task, settings.cache_claim, CACHE)
            else:
                _mount_empty(task, "cache", CACHE, settings.cache_size)

    def _hand_out_team(self, task: "PipelineTask") -> None:
        """Tell a step what the nodes of a training get, as it was when this was compiled."""
        team = TeamSettings(image=self.image_train, pipeline=self.settings)
        task.set_env_variable(TEAM_VARIABLE, team.model_dump_json())
        _mount_claim(task, self.settings.distributed.claim, WORK)

    def _hand_out_secrets(self, task: "PipelineTask", needs: Needs) -> None:
        settings = self.settings
        if needs.data and settings.s3_secret:
            _use_secret(task, settings.s3_secret, S3_KEYS, S3_OPTIONAL_KEYS)
        if needs.tracking and settings.mlflow_secret:
            _use_secret(task, settings.mlflow_secret, MLFLOW_KEYS, MLFLOW_OPTIONAL_KEYS)
        if needs.webhook and settings.webhook_secret:
            _use_secret(task, settings.webhook_secret, (), WEBHOOK_KEYS)


def _mount_empty(
    task: "PipelineTask", name: str, path: str, size: str, medium: str | None = None
) -> None:
    from kfp import kubernetes

    kubernetes.empty_dir_mount(
        task, volume_name=name, mount_path=path, medium=medium, size_limit=size
    )


def _mount_claim(task: "PipelineTask", claim: str, path: str) -> None:
    from kfp import kubernetes

    kubernetes.mount_pvc(task, pvc_name=claim, mount_path=path)


def _use_secret(
    task: "PipelineTask", secret: str, required: tuple[str, ...], optional: tuple[str, ...]
) -> None:
    from kfp import kubernetes

    for keys, may_be_absent in ((required, False), (optional, True)):
        if keys:
            variables = {key: key for key in keys}
            kubernetes.use_secret_as_env(task, secret, variables, optional=may_be_absent)
