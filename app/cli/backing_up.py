"""`footnote backup` and `footnote restore`."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.running import global_options, run
from ingest.restoring import back_up, restore


def backup_command(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="Where to put it; a file that is there is replaced once the new one is whole.")
    ],
) -> None:
    """Write everything stored to one file, while syncs and questions go on. Settings and models are not in it."""
    count = run(back_up(global_options(context).settings(), file.absolute()))
    typer.echo(f"{file}: {count} documents, {file.stat().st_size / 1e6:.1f} MB")


def restore_command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file made by `footnote backup`.")],
    *,
    may_replace: Annotated[bool, typer.Option("--replace", help="Set aside what is stored already.")] = False,
) -> None:
    """Put a backup in place and make its index again. Stop `footnote serve` first; no model and no source is needed."""
    done = run(restore(global_options(context).settings(), file.absolute(), may_replace=may_replace))
    typer.echo(f"{done.document_count} documents, {done.point_count} chunks in the index")
    if done.set_aside is not None:
        typer.echo(f"what was there is now {done.set_aside}")
