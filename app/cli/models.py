"""`footnote models`: which models run here, are their files untouched, and in which format are they fastest."""

from pathlib import Path
from typing import Annotated

import typer

from app.chat_models.base import Tunable
from app.chat_models.model_lock import add_model, fetch_model, read_lock, verify_model
from app.cli.printing import make_console, print_table
from app.cli.running import OUR_MISTAKE, global_options, run
from app.settings import Settings
from app.wiring import build_chat_model
from kb.errors import ConfigError, ModelError
from kb.http import HttpClients
from kb.wiring import build_embedder

models_app = typer.Typer(help="List, verify and tune the models.", no_args_is_help=True)


@models_app.command("list")
def list_models(context: typer.Context) -> None:
    """Show the embedder and the chat model that the configuration names."""
    run(_list(global_options(context).settings()))


@models_app.command()
def add(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="A GGUF file, or its https address.")],
    name: Annotated[
        str | None, typer.Option(help="What `[chat_model] model` calls it; default: its file's name.")
    ] = None,
    template: Annotated[str | None, typer.Option(help="How turns are marked; default: as the file suggests.")] = None,
) -> None:
    """Take a chat model into the lock: size and digest are measured now and verified at every start."""
    run(_add(global_options(context).settings(), source, name=name, template=template))


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


async def _add(settings: Settings, source: str, *, name: str | None, template: str | None) -> None:
    models = settings.data_dir / "models"
    is_url = source.startswith(("https://", "http://"))
    file = await fetch_model(models, source, http=HttpClients()) if is_url else Path(source)
    entry = add_model(models, file, source=source, name=name, template=template)
    typer.echo(f"added {entry.name}: {entry.bytes:,} bytes, sha256 {entry.sha256}")
    typer.echo(f"  licence {entry.license}, template {entry.template}, trained for {entry.context_tokens:,} tokens")
    typer.echo(f'use it: [chat_model] kind = "llama_cpp", model = "{entry.name}"')


async def _list(settings: Settings) -> None:
    embedder, chat_model = build_embedder(settings), build_chat_model(settings)
    about = f"{embedder.dimension} dimensions, passages up to {embedder.max_tokens} tokens"
    health = await chat_model.health()
    rows = [
        ("embedder", settings.embedder.kind, embedder.name, about),
        ("chat model", settings.chat_model.kind, chat_model.name, health.detail),
    ]
    for entry in read_lock(settings.data_dir / "models"):
        about = f"{entry.bytes / 1e6:,.0f} MB, {entry.license}, {entry.template}, sha256 {entry.sha256[:12]}…"
        rows.append(("added", "llama_cpp", entry.name, about))
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
    for entry in read_lock(settings.data_dir / "models"):
        problem = verify_model(entry)
        is_fine = is_fine and problem is None
        typer.echo(f"{entry.name}: {problem or f'sha256 {entry.sha256} (as locked)'}", err=problem is not None)
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
