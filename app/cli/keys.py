"""`footnote keys`: API keys for the REST endpoint."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from pydantic import ValidationError

from app.auth import SCOPES, new_key
from app.cli.asking import As
from app.cli.printing import make_console, print_table
from app.cli.running import global_options, run
from app.settings import Settings, SiteTable
from kb.catalogue import Catalogue
from kb.catalogue.records import StoredKey
from kb.errors import ConfigError

keys_app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)


@keys_app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    scopes: Annotated[str, typer.Option(help=f"Comma-separated, of: {', '.join(SCOPES)}.")] = "ask,search",
    email: As = None,
    days: Annotated[int | None, typer.Option(min=1, help="Expires after so many days; default: never.")] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="Whose pages may use it, as https://HOST; can be repeated. Default: none.")
    ] = None,
) -> None:
    """Make a key and print it: this is the only time it is shown."""
    wanted = tuple(dict.fromkeys(scope.strip() for scope in scopes.split(",") if scope.strip()))
    if not wanted or (unknown := set(wanted) - set(SCOPES)):
        wrong = ", ".join(sorted(unknown)) if wanted else "none given"
        raise ConfigError(f"no such scope: {wrong}; choose of {', '.join(SCOPES)}")
    settings = global_options(context).settings()
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    origins = tuple(_plain_origin(each) for each in origin or ())
    key = new_key()
    stored = StoredKey(
        key_id=key.key_id,
        tenant=settings.tenant,
        name=name,
        secret_sha256=key.secret_sha256,
        scopes=wanted,
        email=email,
        created_at=datetime.now(UTC),
        expires_at=expires_at,
        revoked_at=None,
        origins=origins,
    )
    run(_add(settings, stored))
    typer.echo(key.text)


@keys_app.command("list")
def list_keys(context: typer.Context) -> None:
    """Show the keys: never their secrets, which are not stored."""
    settings = global_options(context).settings()
    run(_list(settings))


@keys_app.command()
def revoke(
    context: typer.Context, key_id: Annotated[str, typer.Argument(help="As shown by `footnote keys list`.")]
) -> None:
    """Make a key useless at once."""
    settings = global_options(context).settings()
    run(_revoke(settings, key_id))
    typer.echo(f"revoked {key_id}")


def _plain_origin(text: str) -> str:
    try:
        return SiteTable(id="key", origins=(text.rstrip("/"),)).origins[0]
    except ValidationError:
        raise ConfigError(f"--origin {text!r}: write it as https://HOST, without a path") from None


async def _add(settings: Settings, key: StoredKey) -> None:
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        await catalogue.keys.add(key)


async def _list(settings: Settings) -> None:
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        keys = await catalogue.keys.list(settings.tenant)
    columns = ("key", "name", "scopes", "asks as", "created", "expires", "state")
    print_table(make_console(), columns, [_row(key) for key in keys])


def _row(key: StoredKey) -> tuple[str, ...]:
    expires = f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never"
    state = "active"
    if key.revoked_at:
        state = "revoked"
    elif key.expires_at and key.expires_at <= datetime.now(UTC):
        state = "expired"
    row = (key.key_id, key.name, ", ".join(key.scopes), key.email or "anyone", f"{key.created_at:%Y-%m-%d}")
    return (*row, expires, state)


async def _revoke(settings: Settings, key_id: str) -> None:
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        if not await catalogue.keys.revoke(settings.tenant, key_id):
            raise ConfigError(f"no active key {key_id!r}; `footnote keys list` shows them")
