"""The command `rlr`: its nouns, its log, and what a failure looks like from outside."""

import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from rlr import __version__
from rlr.cli import (
    backbone,
    benchmark,
    card,
    cluster,
    config,
    data,
    doctor,
    evaluate,
    gate,
    gc,
    images,
    lineage,
    monitor,
    pipeline,
    predict,
    register,
    registry,
    remote,
    reproduce,
    retrain,
    runs,
    schedule,
    services,
    train,
)
from rlr.foundation.environment import read_env_file
from rlr.foundation.errors import MachineError, RlrError
from rlr.foundation.threads import brief_waits

logger = logging.getLogger("rlr")

app = typer.Typer(
    name="rlr",
    help="One anomaly detector for all products: data, training, evaluation, registry, pipeline.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# A noun is a module here that imports typer and the standard library alone at its top, so that
# help is instant. A noun with verbs has an `app`; one that is a verb itself, a function.
for remote_verb in remote.verbs:
    pipeline.app.command()(remote_verb)
for group in (
    backbone,
    cluster,
    config,
    data,
    pipeline,
    schedule,
    registry,
    runs,
    images,
    services,
):
    app.add_typer(group.app)
verbs: tuple[Callable[..., None], ...] = (
    train.train,
    evaluate.evaluate,
    benchmark.benchmark,
    retrain.retrain,
    gate.gate,
    register.register,
    predict.predict,
    monitor.monitor,
    doctor.doctor,
    card.card,
    lineage.lineage,
    reproduce.reproduce,
    gc.gc,
)
for verb in verbs:
    app.command()(verb)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rlr {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[
        bool,
        typer.Option("--verbose", envvar="RLR_DEBUG", help="Log more, and show tracebacks."),
    ] = False,
    env_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            envvar="RLR_ENV_FILE",
            help="Variables of the services; without it, .env where there is one.",
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    _log_to_stderr(logging.DEBUG if verbose else logging.INFO)
    read_env_file(env_file)
    os.environ.update(brief_waits(os.environ))  # before anything loads torch


def _log_to_stderr(level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers = [handler]
    logger.setLevel(level)
    # Dependencies put handlers on the root logger; a line is not to be said twice.
    logger.propagate = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process.

    Args:
        arguments: Words after `rlr`; None: those of the process.

    Raises:
        SystemExit: Always. Status 0: done; 1: the machine or a service failed, or what was
            asked about is not in order; 2: the user's input is wrong; 130: interrupted.
    """
    try:
        app(args=arguments, prog_name="rlr")
    except Exception as error:  # the outermost frame: whatever failed is told in one sentence
        failure = _as_failure(error)
        sys.stderr.write(f"rlr: {failure}\n")
        logger.debug("Traceback:", exc_info=error)
        sys.exit(failure.exit_status)


def _as_failure(error: Exception) -> RlrError:
    if isinstance(error, RlrError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" while writing {error.filename}" if error.filename else ""
        return MachineError(f"The disk is full{where}; free some space and run again.")
    words = " ".join(str(error).split())
    return MachineError(
        f"Unexpected {type(error).__name__}: {words or 'no message'}; "
        "`rlr --verbose ...` (or RLR_DEBUG=1) shows the traceback."
    )
