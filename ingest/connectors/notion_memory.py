"""What one sync of a Notion source has to tell the next: the checkpoint's value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.connectors.notion_records import Kind
from ingest.parsing.notion_json import Json, object_at, objects_at, plain_id, text_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A page or database that exists and is not stored: not read yet, failed, or skipped at `version` for `reason`."""

    kind: Kind
    title: str
    version: str = ""
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class Memory:
    """`waiting` by id: what was found once is never forgotten, even if no list names it again.

    `databases`: database id → ids of its data sources, as search may leave them out. `views`: ids of blocks that are
    views of databases elsewhere.
    """

    workspace: str = ""
    waiting: dict[str, Waiting] = field(default_factory=dict)
    databases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    views: set[str] = field(default_factory=set)

    def forget_source(self, source_id: str) -> None:
        """A data source is gone."""
        kept = {each: tuple(one for one in sources if one != source_id) for each, sources in self.databases.items()}
        self.databases = {each: sources for each, sources in kept.items() if sources}

    def dump(self) -> str:
        """As a checkpoint's value."""
        waiting = [
            {"id": each, "kind": one.kind, "title": one.title, "version": one.version, "reason": one.reason}
            for each, one in sorted(self.waiting.items())
        ]
        databases = {each: list(sources) for each, sources in sorted(self.databases.items())}
        about = {"workspace": self.workspace, "waiting": waiting, "databases": databases, "views": sorted(self.views)}
        return json.dumps(about, ensure_ascii=False, separators=(",", ":"))


def load_memory(value: str | None) -> Memory:
    """From a checkpoint's value. What cannot be read is forgotten: then it is found again."""
    try:
        stored = json.loads(value or "{}")
    except ValueError:
        return Memory()
    about: Json = stored if isinstance(stored, Mapping) else {}
    waiting = {
        plain_id(each.get("id")): Waiting(
            kind="database" if text_at(each, "kind") == "database" else "page",
            title=text_at(each, "title"),
            version=text_at(each, "version"),
            reason=text_at(each, "reason"),
        )
        for each in objects_at(about, "waiting")
    }
    databases = object_at(about, "databases")
    views = about.get("views")
    return Memory(
        workspace=text_at(about, "workspace"),
        waiting={each: one for each, one in waiting.items() if each},
        databases={plain_id(each): _ids(databases.get(each)) for each in databases if plain_id(each)},
        views=set(_ids(views)),
    )


def _ids(value: object) -> tuple[str, ...]:
    return tuple(filter(None, map(plain_id, value))) if isinstance(value, list) else ()
