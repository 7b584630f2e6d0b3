"""A training on several nodes: a TrainJob of Kubeflow Trainer, from its making to its model."""
