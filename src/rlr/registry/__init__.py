"""Runs, metrics and model versions in MLflow. Nothing here imports torch."""
