"""`footnote reindex`: another embedder's index, built beside the live one and put in its place."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.running import global_options, run
from app.settings import Settings
from ingest.reindexing import Reindexed, drop_retired, reindex, roll_back
from kb.catalogue import Catalogue


def reindex_command(
    context: typer.Context,
    *,
    goes_back: Annotated[
        bool, typer.Option("--rollback", help="Put the index that was live before in its place again.")
    ] = False,
) -> None:
    """Build the index of the embedder that the settings name, while questions go on; then switch to it.

    Killed, it goes on where it was. The old index stays for a day.
    """
    settings = global_options(context).settings()
    done = run(_reindex(settings, goes_back=goes_back))
    name, number = done.generation.embedder_name, done.generation.id
    if done.was_live:
        typer.echo(f"nothing to do: the index is built with {name} (generation {number})")
    else:
        typer.echo(f"generation {number} ({name}) is live; {done.built_count} documents were built for it")
        if not goes_back:
            typer.echo("the one before is kept for a day: footnote reindex --rollback goes back to it")


async def _reindex(settings: Settings, *, goes_back: bool) -> Reindexed:
    console = Console(stderr=True)
    columns = (TextColumn("building the index"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn())
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
            bar = bars.add_task("", total=None)

            def told(built: int, left: int) -> None:
                bars.update(bar, completed=built, total=built + left)

            work = roll_back if goes_back else reindex
            done = await work(settings, catalogue, told=told)
        await drop_retired(settings, catalogue)
    return done
