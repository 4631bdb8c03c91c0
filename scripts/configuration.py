"""Writes docs/configuration.md from the settings classes, so that it cannot say anything else than they do."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.identity_settings import IssuerTable
from app.settings import Settings, SiteTable
from kb.plugins import available, load
from kb.settings import SourceTable

PLACE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
_TESTS_ONLY = {("kb.index", "memory"), ("kb.embedders", "hashing"), ("app.chat_models", "scripted")}

_INTRODUCTION = """\
# Configuration

<!-- Written by `make docs` from the settings classes; a test compares the two. -->

`footnote.toml` is looked for in the current directory; `--config FILE` names another, and `--data DIR`
overrides `data_dir`. `footnote init` writes one to start from. Relative paths start at the file. A key that
does not exist is refused, and the known ones are named.

Every key can be set by environment too, which wins over the file: `FOOTNOTE_SERVER__PORT` is `[server] port`,
`FOOTNOTE_INDEX__URL` is `[index] url`. Secrets belong there, or into a file that the environment names: the
token of the source `wiki` is `FOOTNOTE_WIKI_TOKEN`, or `FOOTNOTE_WIKI_TOKEN_FILE` with a path. `footnote status
--config` prints the settings in force, with stars in place of secrets.
"""


def render() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *_tables()]).rstrip() + "\n"


def _tables() -> Iterator[str]:
    yield from _part("Top level", "", _plain_fields(Settings))
    yield from _plugins("index", "kb.index")
    yield from _plugins("embedder", "kb.embedders")
    yield from _plugins("chat_model", "app.chat_models")
    for name, field in Settings.model_fields.items():
        if name not in {"index", "embedder", "chat_model"} and (table := _table_of(field)):
            yield from _part(f"`[{name}]`", field.description or "", _plain_fields(table))
            for inner, part in table.model_fields.items():
                if nested := _table_of(part):
                    yield from _part(f"`[{name}.{inner}]`", part.description or "", nested.model_fields.items())
    yield from _part(
        "`[[sites]]`", "One table a web site whose pages may show the chat:", SiteTable.model_fields.items()
    )
    yield from _part(
        "`[[issuers]]`", "One table a host whose signed tokens name people:", IssuerTable.model_fields.items()
    )
    yield from _part(
        "`[[sources]]`", "One table a source. Every kind has these keys:", SourceTable.model_fields.items()
    )
    for kind in available("ingest.connectors"):
        yield from _plugin("ingest.connectors", kind, f'`[[sources]]` with `kind = "{kind}"`', SourceTable.model_fields)


def _plugins(table: str, package: str) -> Iterator[str]:
    for kind in available(package):
        if (package, kind) not in _TESTS_ONLY:
            yield from _plugin(package, kind, f'`[{table}]` with `kind = "{kind}"`', ())


def _plugin(package: str, kind: str, title: str, known: Iterable[str]) -> Iterator[str]:
    config: type[BaseModel] = load(package, kind).Config
    yield from _part(
        title, "", ((name, field) for name, field in config.model_fields.items() if name not in set(known))
    )


def _part(title: str, about: str, fields: Iterable[tuple[str, FieldInfo]]) -> Iterator[str]:
    rows = [f"| `{name}` | {_default(field)} | {_cell(field.description or '')} |" for name, field in fields]
    if rows:
        yield "\n".join(
            [f"## {title}\n", *([about, ""] if about else []), "| key | default | meaning |", "|---|---|---|"]
        )
        yield "\n".join([*rows, ""])


def _plain_fields(settings: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in settings.model_fields.items():
        if _table_of(field) is None and name not in {"sources", "sites", "issuers"}:
            yield name, field


def _table_of(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ("", (), {}):
        return ""
    shown = list(value) if isinstance(value, tuple) else value
    if isinstance(shown, bool):
        return f"`{str(shown).lower()}`"
    return f'`"{shown}"`' if isinstance(shown, str | Path) else f"`{shown}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PLACE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {PLACE.name}\n")
