"""`rlr pipeline upload / submit / runs / logs`: the pipeline on a cluster."""

from collections.abc import Callable

from rlr.cli.remote.logs import logs
from rlr.cli.remote.runs import runs
from rlr.cli.remote.submit import submit
from rlr.cli.remote.upload import upload

verbs: tuple[Callable[..., None], ...] = (upload, submit, runs, logs)
