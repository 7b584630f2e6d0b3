"""S3, PostgreSQL and MLflow on this machine: started, asked and stopped by one command."""

from rlr.infrastructure.services.stack import DEFAULT_ENV_FILE, Status, down, status, up

__all__ = ["DEFAULT_ENV_FILE", "Status", "down", "status", "up"]
