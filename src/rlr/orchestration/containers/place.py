"""Every step in its image, by Kubeflow's DockerRunner.

What a step gets is what its pod gets on a cluster: the image, the variables of the secrets, no
root, no root file system to write, no capability. What a pod gets from volumes it gets from
folders of this machine, under the same paths.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from rlr.backbones import STORE_VARIABLE
from rlr.cache.place import VARIABLE as FEATURES_VARIABLE
from rlr.config import Config
from rlr.config.quantity import bytes_of
from rlr.data.versions.materialise import CACHE_VARIABLE
from rlr.data.versions.remote import REMOTE_VARIABLE
from rlr.orchestration.cluster import IMAGE_PIPELINE, IMAGE_TRAIN, Needs, secret_variables
from rlr.orchestration.containers.audit import container_faults
from rlr.orchestration.containers.daemon import daemon_explained, docker_client
from rlr.orchestration.containers.images import Image, find_image
from rlr.orchestration.containers.mounts import (
    backbone_store,
    data_cache,
    data_remote,
    feature_cache,
    give,
    shares_of,
)
from rlr.orchestration.containers.watch import RUN_LABEL, Seen, Watch, write_record
from rlr.orchestration.outputs import read_outputs
from rlr.orchestration.project import Project
from rlr.orchestration.reporting import FAILURE_FILE, RUN_NAME
from rlr.registry.server import tracking_uri

if TYPE_CHECKING:
    from docker import DockerClient
    from kfp.dsl import PipelineTask
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

TERMINATED = 128 + signal.SIGTERM


class Containers:
    """Every step a container of its own."""

    name = "docker"

    def __init__(
        self,
        settings: Config,
        project: Project,
        image_pipeline: str | None = None,
        image_train: str | None = None,
    ) -> None:
        """Find the images, before anything is started.

        Args:
            settings: The configuration of the run, its paths absolute or of this working directory.
            project: The checkout.
            image_pipeline: Image of the light steps; None: `rlr-pipeline:VERSION`.
            image_train: Image of the heavy steps; None: `rlr-train:VERSION`.

        Raises:
            UserError: An image is not there, or would run as root.
            MachineError: The daemon does not answer.
        """
        with docker_client() as client, daemon_explained():
            self.light, self.heavy = (
                find_image(client, reference, option, project.root)
                for reference, option in (
                    (image_pipeline or IMAGE_PIPELINE, "--image-pipeline"),
                    (image_train or IMAGE_TRAIN, "--image-train"),
                )
            )
        self._settings = settings
        self._shares = shares_of(settings)
        self._variables = self._known_variables()
        self._seen: list[Seen] = []

    @property
    def images(self) -> dict[str, Image]:
        """The images by their reference."""
        return {image.reference: image for image in (self.light, self.heavy)}

    def prepare(self, task: "PipelineTask", needs: Needs) -> "PipelineTask":
        """Give a step its image, and the variables that the secrets hold on a cluster."""
        image = self.heavy if needs.heavy else self.light
        task.set_container_image(image.reference)
        task.set_env_variable("RLR_IMAGE", str(image))
        wanted = secret_variables(needs) + ((CACHE_VARIABLE,) if needs.data else ())
        wanted += (STORE_VARIABLE, FEATURES_VARIABLE) if needs.heavy else ()
        for name in wanted:
            if self._variables.get(name):
                task.set_env_variable(name, self._variables[name])
        return task

    @contextmanager
    def opened(self, folder: Path) -> Iterator[Any]:
        """Yield Kubeflow's DockerRunner; afterwards no container of the run is alive."""
        from kfp import local

        owner = self._owner()
        self._shares.hand_over(owner)
        if owner:
            give(folder, owner)
        folder.chmod(0o700)
        run = f"{folder.name}-{os.urandom(4).hex()}"
        with docker_client() as client, daemon_explained(), _terminated_as_interrupted():
            watch = Watch(client, run)
            try:
                yield local.DockerRunner(**self._arguments(folder, run))
            finally:
                _stop_all(client, run)
                watch.close()
                self._seen = watch.seen
                write_record(folder, self._seen)

    def why_failed(self, folder: Path) -> str:
        """Return how the containers ended that did not end well, or left nothing."""
        left = read_outputs(folder)
        badly = [one.ending() for one in self._seen if one.exit_status != 0]
        early = [one for one in self._seen if one.exit_status == 0 and one.step not in left]
        return "; ".join([*badly, *(f"{one.ending()} before it was done" for one in early)])

    def faults(self, spec: "PipelineSpec", folder: Path) -> list[str]:
        """Return what the daemon has told that does not belong to a success."""
        return container_faults(spec, read_outputs(folder), self.images, self._seen)

    def _arguments(self, folder: Path, run: str) -> dict[str, Any]:
        """Return the arguments of every container; the run's folder is mounted by the runner."""
        from docker.types import DeviceRequest

        settings = self._settings.containers
        gpus = DeviceRequest(count=-1, capabilities=[["gpu"]])
        return {
            "mounts": self._shares.mounts(),
            "working_dir": str(Path.cwd()),  # what is named by a relative path is found
            "environment": {name: os.environ[name] for name in (FAILURE_FILE, RUN_NAME)},
            "labels": {RUN_LABEL: run},
            "user": self._user(),
            "read_only": True,
            "tmpfs": {"/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={bytes_of(settings.tmp)}"},  # noqa: S108
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "shm_size": bytes_of(settings.shared_memory),
            "network_mode": settings.network,
            "init": True,  # reaps what a step leaves, and lets the shell around it be signalled
            "device_requests": [gpus] if settings.gpus else None,
        }

    def _user(self) -> str:
        """Return who the steps run as: whoever runs this, or the image's user in place of root."""
        if os.geteuid() == 0:
            return self.heavy.user
        return f"{os.geteuid()}:{os.getegid()}"

    def _owner(self) -> tuple[int, int] | None:
        """Return who is to own what is written; None: it is this process's user anyway."""
        if os.geteuid() != 0:
            return None
        user, _, group = self._user().partition(":")
        return int(user), int(group or user)

    def _known_variables(self) -> dict[str, str]:
        """Return this process's variables, with what is found by other ways on this machine."""
        found = {
            **os.environ,
            CACHE_VARIABLE: str(data_cache(self._settings)),
            FEATURES_VARIABLE: self._feature_cache(),
            STORE_VARIABLE: self._shared_store(),
            "MLFLOW_TRACKING_URI": tracking_uri(self._settings.registry),
        }
        remote = data_remote(self._settings)
        return {**found, REMOTE_VARIABLE: remote} if remote else found

    def _feature_cache(self) -> str:
        """Return the folder of cached features, where features are kept on disk at all."""
        settings = self._settings
        return str(feature_cache(settings)) if settings.features.cache == "disk" else ""

    def _shared_store(self) -> str:
        """Return this machine's store of weights, or nothing: an image may have one of its own."""
        store = backbone_store(self._settings)
        return str(store) if store in self._shares.readable else ""


def _stop_all(client: "DockerClient", run: str) -> None:
    """End what is still alive; after a run that came to its end there is nothing."""
    from docker.errors import APIError

    for container in client.containers.list(filters={"label": f"{RUN_LABEL}={run}"}):
        with suppress(APIError):  # it ended by itself just now
            container.kill()


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end the run as an interrupt does, for its containers outlive this process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
