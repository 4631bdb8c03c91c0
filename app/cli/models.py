"""`footnote models`: which models run here, are their files untouched, and in which format are they fastest."""

import typer

from app.cli.running import global_options, run

models_app = typer.Typer(help="List, verify and tune the models.", no_args_is_help=True)


@models_app.command("list")
def list_models(context: typer.Context) -> None:
    """Show the embedder and the chat model that the configuration names."""
    run(_list(global_options(context).settings()))


@models_app.command()
def verify(context: typer.Context) -> None:
    """Compare the model files with the digests they must have."""
    run(_verify(global_options(context).settings()))


@models_app.command()
def tune(context: typer.Context) -> None:
    """Measure the formats the chat model can run in on this machine, and keep the fastest."""
    run(_tune(global_options(context).settings()))
