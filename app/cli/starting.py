"""`footnote init`: a configuration to start from."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.running import global_options
from kb.errors import ConfigError

_TEMPLATE = """\
# Footnote's configuration. Every key has a default except the sources: see docs/configuration.md.
# Tokens do not belong here: set FOOTNOTE_<SOURCE ID>_TOKEN in the environment.

data_dir = "data"

[[sources]]
id = "docs"
kind = "folder"
path = {path}
# Who may read these files: "everyone", e-mails, or "group:NAME". A file's front matter can narrow it.
audience = {audience}
"""


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A folder of Markdown or HTML files to answer from.")] = Path("docs"),
    *,
    audience: Annotated[
        list[str] | None, typer.Option(help="Who may read it; repeat for several. Default: everyone.")
    ] = None,
) -> None:
    """Write a footnote.toml for a folder of files. An existing file is never overwritten."""
    path = global_options(context).config
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder: name one that holds Markdown or HTML files")
    text = _TEMPLATE.format(
        path=json.dumps(_relative(folder, path), ensure_ascii=False),
        audience=json.dumps(audience or ["everyone"], ensure_ascii=False),
    )
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} exists already; edit it, or write another with --config") from None
    except OSError as exc:
        raise ConfigError(f"cannot write {path}: {exc.strerror}") from exc
    typer.echo(f'wrote {path}\nnext: footnote sync, then footnote ask "…" or footnote serve')


def _relative(folder: Path, config: Path) -> str:
    """The folder as seen from the configuration file, so that both can move together."""
    home = config.absolute().parent
    absolute = folder.absolute()
    return f"./{absolute.relative_to(home)}" if absolute.is_relative_to(home) else str(absolute)
