"""The database of the tracking server: brought to the schema of the MLflow that is installed."""

from collections.abc import Iterator
from contextlib import contextmanager

from rlr.foundation.errors import MachineError, UserError
from rlr.foundation.network import without_password

DATABASE_VARIABLE = "MLFLOW_BACKEND_STORE_URI"
LOCK = 0x524C52  # any number that all of us use: "RLR"


def upgrade_database(uri: str) -> None:
    """Make the tables of an empty database, or bring those that are there up to date.

    Several may call this at once, as replicas do when they start: on PostgreSQL one of them works,
    and the others wait and find it done.

    Args:
        uri: SQLAlchemy's address of the database.

    Raises:
        UserError: It is no address of a database.
        MachineError: The database does not answer, or refuses.
    """
    from mlflow.db import commands
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        with _alone(uri):
            commands.main(["upgrade", uri], standalone_mode=False)
    except (ArgumentError, NoSuchModuleError) as error:
        raise UserError(
            f"{DATABASE_VARIABLE} is no address of a database; write postgresql://USER@HOST/NAME."
        ) from error
    except (SQLAlchemyError, MlflowException) as error:
        shown = without_password(uri)
        reason = " ".join(str(error).replace(uri, shown).split())[:300]
        raise MachineError(f"The database {shown} was not upgraded: {reason}") from error


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Hold PostgreSQL's lock for as long as the block lasts; other databases have none to hold."""
    from sqlalchemy import create_engine, text

    engine = create_engine(uri)
    try:
        if engine.dialect.name != "postgresql":
            yield
            return
        with engine.connect() as connection:
            # Of the session: it goes with the connection, however this process ends.
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            yield
    finally:
        engine.dispose()
