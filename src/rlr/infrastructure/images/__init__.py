"""The container images of the project: their names, building them, seeing which are there."""
