"""The `footnote` command."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import (
    asking,
    backing_up,
    calibrating,
    checkup,
    demo,
    evaluating,
    keys,
    reindexing,
    replaying,
    serving,
    starting,
    syncing,
)
from app.cli.models import models_app
from app.cli.running import GlobalOptions, run_command
from kb.logs import configure_logging
from kb.settings import CONFIG_NAME

app = typer.Typer(
    name="footnote",
    help="Answers from your team's own pages, every sentence footnoted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def global_options(
    context: typer.Context,
    *,
    config: Annotated[Path, typer.Option(help="The configuration file.")] = Path(CONFIG_NAME),
    data_dir: Annotated[
        Path | None, typer.Option("--data", help="Directory for everything stored; overrides the file.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error. Default: warning; while serving, info.")
    ] = None,
) -> None:
    """Options before the command's name."""
    if log_level is not None and log_level.lower() not in {"debug", "info", "warning", "error"}:
        raise typer.BadParameter("choose debug, info, warning or error", param_hint="--log-level")
    configure_logging(level=log_level or "warning", as_json=False)
    context.obj = GlobalOptions(config=config, data_dir=data_dir, log_level=log_level)


app.command()(starting.init)
app.command()(syncing.sync)
app.command()(asking.ask)
app.command()(asking.search)
app.command()(replaying.replay)
app.command()(serving.serve)
app.command()(syncing.status)
app.command()(syncing.retry)
app.command("backup")(backing_up.backup_command)
app.command("restore")(backing_up.restore_command)
app.command("reindex")(reindexing.reindex_command)
app.command()(demo.demo)
app.command("eval")(evaluating.evaluate)
app.command()(calibrating.calibrate)
app.command()(asking.check)
app.command()(checkup.doctor)
app.add_typer(models_app, name="models")
app.add_typer(keys.keys_app, name="keys")


def main() -> None:
    """Entry point of the command."""
    run_command(app)
