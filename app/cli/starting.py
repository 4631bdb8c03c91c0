"""`footnote init`: a configuration to start from, for a folder of files, a Confluence site or a Notion workspace."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from app.cli.running import global_options
from kb.errors import ConfigError

_HEAD = """\
# Footnote's configuration. Every key has a default except the sources: see docs/configuration.md.
# Tokens do not belong here: set FOOTNOTE_<SOURCE ID>_TOKEN in the environment, or FOOTNOTE_<SOURCE ID>_TOKEN_FILE.

data_dir = "data"          # everything Footnote stores; relative to this file
"""
_FOLDER = """
[[sources]]
id = "docs"
kind = "folder"            # a tree of Markdown and HTML files
path = {path}
# Who may read these files: "everyone", e-mails, or "group:NAME". A file's front matter can narrow it.
audience = {audience}
"""
_CONFLUENCE = """
[[sources]]
id = "wiki"                # its token: FOOTNOTE_WIKI_TOKEN
kind = "confluence"
url = {url}
deployment = {deployment}  # "cloud" or "datacenter"
{email}spaces = {spaces}   # keys of the spaces to read; empty: all that the token sees
"""
_NOTION = """
[[sources]]
id = "notion"              # its token: FOOTNOTE_NOTION_TOKEN
kind = "notion"
# Notion does not say who may read a page: everything the token sees is shown to these.
audience = {audience}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The tables to write, and what must be done before the first sync."""

    tables: str
    first: str = ""


def init(
    context: typer.Context,
    place: Annotated[
        str | None, typer.Argument(help="A folder of Markdown or HTML files, a Confluence site's address, or `notion`.")
    ] = None,
    *,
    audience: Annotated[
        list[str] | None, typer.Option(help="Folder, notion: who may read it; repeat for several. Default: everyone.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Confluence Cloud: the token's account.")] = None,
    space: Annotated[list[str] | None, typer.Option(help="Confluence: a space's key; repeat for several.")] = None,
) -> None:
    """Write a footnote.toml, asking on a terminal for what is not given. An existing file is never overwritten."""
    path = global_options(context).config
    if path.exists():
        raise ConfigError(f"{path} exists already; edit it, or write another with --config")
    place = place or _ask("Where are your pages? A folder, a Confluence site's address, or notion", "docs")
    if place.startswith(("https://", "http://")):
        chosen = _confluence(place, email=email, spaces=space or [])
    elif place.lower() == "notion" and not Path(place).is_dir():
        chosen = _notion(audience or ["everyone"])
    else:
        chosen = _folder(Path(place).expanduser(), audience or ["everyone"], config=path)
    _write(path, _HEAD + chosen.tables)
    typer.echo(f'wrote {path}\nnext: {chosen.first}footnote sync, then footnote ask "…" or footnote serve')


def _ask(question: str, default: str) -> str:
    """A person's answer on a terminal; the default where there is nobody to ask."""
    if not sys.stdin.isatty():
        return default
    answer: str = typer.prompt(question, default=default)
    return answer.strip()


def _folder(folder: Path, audience: list[str], *, config: Path) -> Chosen:
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder: name one that holds Markdown or HTML files")
    return Chosen(tables=_FOLDER.format(path=_toml(_relative(folder, config)), audience=_toml(audience)))


def _confluence(url: str, *, email: str | None, spaces: list[str]) -> Chosen:
    is_cloud = ".atlassian.net" in url
    if is_cloud and email is None:
        email = _ask("E-mail address of the token's account", "")
    tables = _CONFLUENCE.format(
        url=_toml(url),
        deployment=_toml("cloud" if is_cloud else "datacenter"),
        email=f"email = {_toml(email)}\n" if email else "",
        spaces=_toml(spaces),
    )
    return Chosen(tables=tables, first="export FOOTNOTE_WIKI_TOKEN=…, ")


def _notion(audience: list[str]) -> Chosen:
    return Chosen(tables=_NOTION.format(audience=_toml(audience)), first="export FOOTNOTE_NOTION_TOKEN=…, ")


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} exists already; edit it, or write another with --config") from None
    except OSError as exc:
        raise ConfigError(f"cannot write {path}: {exc.strerror}") from exc


def _toml(value: str | list[str]) -> str:
    # JSON's strings and lists are TOML's too.
    return json.dumps(value, ensure_ascii=False)


def _relative(folder: Path, config: Path) -> str:
    """The folder as seen from the configuration file, so that both can move together."""
    home = config.absolute().parent
    absolute = folder.absolute()
    return f"./{absolute.relative_to(home)}" if absolute.is_relative_to(home) else str(absolute)
