"""The pipeline on a cluster, by way of Kubeflow's API: upload, start, wait, list, read logs."""
