"""A double of the API server of Kubeflow Pipelines (v2beta1), for tests alone.

No such server can be had on a developer's machine. This one has no engine: a run goes through the
states that a test has written down, one a look. But it keeps its state, and is stricter than the
real one: each body is held against the models of `kfp_server_api`, unknown fields and wrong types
refused, and each pipeline against the protobufs of kfp-pipeline-spec and kfp-kubernetes. What it
answers is held against the models, too. The product never imports it.
"""

from kubeflow_api.server import KubeflowApi

__all__ = ["KubeflowApi"]
