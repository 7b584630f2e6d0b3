"""`rlr schedule`: what runs when, on a cluster or on this machine."""

import typer

from rlr.cli.schedule import cluster, file, local

app = typer.Typer(name="schedule", help="Schedules: check them, bring them to a cluster, run here.")
app.command()(file.validate)
app.command()(file.schema)
app.command()(cluster.plan)
app.command()(cluster.apply)
app.command()(local.status)
app.command()(local.run)

__all__ = ["app"]
