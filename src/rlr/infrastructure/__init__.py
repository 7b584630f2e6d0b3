"""What stands beside the package: its container images, and the services of one machine."""
