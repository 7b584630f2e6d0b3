"""The noun that the verbs hang on, and the options that they share."""

from typing import Annotated

import typer

app = typer.Typer(
    name="registry", help="Registry: versions, promotion, rollback, and their audit trail."
)

ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; recorded in the audit trail.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")
]
# For whoever puts --dry-run everywhere.
NothingToWriteOption = Annotated[
    bool, typer.Option("--dry-run", help="Accepted, and without effect: this only reads.")
]
VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="Number, @ALIAS, or models:/NAME/VERSION.")
]
