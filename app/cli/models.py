"""`footnote models`: which models run here, are their files untouched, and in which format are they fastest."""

from typing import Annotated

import typer

from app.chat_models.base import Tunable
from app.cli.printing import make_console, print_table
from app.cli.running import OUR_MISTAKE, global_options, run
from app.settings import Settings
from app.wiring import build_chat_model
from kb.errors import ConfigError, ModelError
from kb.wiring import build_embedder

models_app = typer.Typer(help="List, verify and tune the models.", no_args_is_help=True)


@models_app.command("list")
def list_models(context: typer.Context) -> None:
    """Show the embedder and the chat model that the configuration names."""
    run(_list(global_options(context).settings()))


@models_app.command()
def verify(context: typer.Context) -> None:
    """Compare the model files with the digests they must have."""
    if not run(_verify(global_options(context).settings())):
        raise typer.Exit(OUR_MISTAKE)


@models_app.command()
def tune(
    context: typer.Context,
    report: Annotated[bool, typer.Option("--report", help="Measure nothing: show what was measured here.")] = False,
) -> None:
    """Measure the ways the chat model can be run on this machine, and keep the fastest."""
    run(_tune(global_options(context).settings(), only_report=report))


async def _list(settings: Settings) -> None:
    embedder, chat_model = build_embedder(settings), build_chat_model(settings)
    about = f"{embedder.dimension} dimensions, passages up to {embedder.max_tokens} tokens"
    health = await chat_model.health()
    rows = [
        ("embedder", settings.embedder.kind, embedder.name, about),
        ("chat model", settings.chat_model.kind, chat_model.name, health.detail),
    ]
    print_table(make_console(), ("role", "kind", "model", "about"), rows)
    await embedder.close()
    await chat_model.close()


async def _verify(settings: Settings) -> bool:
    """Both are checked even if the first is damaged."""
    is_fine = True
    for role, part in (("embedder", build_embedder(settings)), ("chat model", build_chat_model(settings))):
        try:
            typer.echo(f"{role}: {await part.verify()}")
        except ModelError as exc:
            is_fine = False
            typer.echo(f"footnote: {role}: {exc}", err=True)
        finally:
            await part.close()
    return is_fine


async def _tune(settings: Settings, *, only_report: bool) -> None:
    chat_model = build_chat_model(settings)
    try:
        if not isinstance(chat_model, Tunable):
            raise ConfigError(f"a chat model of kind {settings.chat_model.kind!r} is tuned where it is served")
        if not only_report:
            async for line in chat_model.tune():
                typer.echo(line)
        for line in chat_model.tuning_report() if only_report else ():
            typer.echo(line)
    finally:
        await chat_model.close()
