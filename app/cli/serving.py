"""`footnote serve`: the chat page and the REST endpoint, with the sources kept current."""

from typing import Annotated

import typer

from app.cli.running import global_options, run
from app.settings import Settings
from kb.logs import configure_logging


def serve(
    context: typer.Context,
    *,
    host: Annotated[str | None, typer.Option(help="Address to bind; default: as configured.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; default: as configured.")] = None,
    json_logs: Annotated[bool, typer.Option(help="Log JSON lines instead of plain ones.")] = False,
) -> None:
    """Serve the chat page and the REST endpoint until Ctrl-C."""
    settings = with_address(global_options(context).settings(), host=host, port=port)
    configure_logging(level=global_options(context).log_level or "info", as_json=json_logs)
    run(serve_until_stopped(settings))


def with_address(settings: Settings, *, host: str | None, port: int | None) -> Settings:
    """The settings with another address to bind."""
    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return settings.model_copy(update={"server": settings.server.model_copy(update=changes)})


async def serve_until_stopped(settings: Settings) -> None:
    """Serve, and say where. Raises ConfigError if the address may not be bound."""
    from app.main import serve as serve_app

    await serve_app(settings, on_ready=lambda url: typer.echo(f"Footnote is at {url} — press Ctrl-C to stop"))
    typer.echo("stopped")
