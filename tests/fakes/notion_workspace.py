"""A Notion workspace as a connection sees it: pages, databases, rows and blocks that are edited, moved and lost."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.fakes.notion_json import Json, runs, title_property

ROOT = {"type": "workspace", "workspace": True}


@dataclass
class Thing:
    """A page, block, database or data source. `body` holds the fields of the API but times, trash and children."""

    id: str
    kind: str
    body: Json
    parent: Json
    created: datetime
    edited: datetime
    children: list[str] = field(default_factory=list)
    is_trashed: bool = False
    is_shared: bool = True


class Workspace:
    """Everything, with a clock of its own. Ids are counted, so that a test reads the same every time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
        self.things: dict[str, Thing] = {}
        self.users: dict[str, Json] = {}
        # What search does not list although it is shared.
        self.unsearchable: set[str] = set()
        self.templates: dict[str, list[str]] = {}
        # Data source → its rows in order of creation.
        self.rows: dict[str, list[str]] = {}
        self.workspace_id = str(UUID(int=0xF00D))
        self._count = 0

    def wait(self, **time: float) -> None:
        """Time passes."""
        self.now += timedelta(**time)

    def add_page(self, title: str, *blocks: Json, parent: str = "", properties: Json | None = None) -> str:
        """A page in the workspace, in another page, in a block, or a row of a data source. Returns its id."""
        place = self._place(parent)
        body = {
            "properties": {"Name" if place["type"] == "data_source_id" else "title": title_property(title)}
            | (properties or {}),
            "url": f"https://www.notion.so/{'-'.join(title.split())}-",
        }
        page = self._add("page", body, place)
        page.body["url"] += page.id.replace("-", "")
        if place["type"] == "data_source_id":
            self.rows[place["data_source_id"]].append(page.id)
        elif parent:
            shell = self._add("block", {"type": "child_page", "child_page": {"title": title}}, place, thing_id=page.id)
            self.things[parent].children.append(shell.id)
        self.write(page.id, *blocks)
        return page.id

    def add_database(self, title: str, *sources: tuple[str, Json], parent: str = "", description: str = "") -> str:
        """A database with data sources (name, columns); none makes it look like a view of another one."""
        place = self._place(parent)
        about = {"title": runs(title), "description": runs(description), "is_inline": bool(parent)}
        database = self._add("database", about | {"data_sources": [], "url": ""}, place)
        database.body["url"] = f"https://www.notion.so/{database.id.replace('-', '')}"
        if parent:
            body = {"type": "child_database", "child_database": {"title": title}}
            self.things[parent].children.append(self._add("block", body, place, thing_id=database.id).id)
        for name, columns in sources:
            self.add_source(database.id, name, columns)
        return database.id

    def add_source(self, database_id: str, name: str, columns: Json | None = None) -> str:
        """One more data source of a database."""
        database = self.things[database_id]
        named = {"Name": {"id": "title", "name": "Name", "type": "title", "title": {}}} | (columns or {})
        about = {"title": runs(name), "description": [], "properties": named, "url": database.body["url"]}
        about["database_parent"] = database.parent
        source = self._add("data_source", about, {"type": "database_id", "database_id": database_id})
        database.body["data_sources"].append({"id": source.id, "name": name})
        self.rows[source.id] = []
        return source.id

    def source_of(self, database_id: str) -> str:
        """The first data source of a database."""
        return str(self.things[database_id].body["data_sources"][0]["id"])

    def write(self, thing_id: str, *blocks: Json) -> None:
        """Replace what is inside a page or block. Pages and databases inside it stay, before the new blocks."""
        thing = self.things[thing_id]
        kept = [each for each in thing.children if self._is_document(each)]
        thing.children = kept + self._add_blocks(thing_id, blocks)
        self.touch(thing_id)

    def edit_block(self, block_id: str, content: str) -> None:
        """Change a block's text; its id stays."""
        found = self.things[block_id]
        found.body[found.body["type"]]["rich_text"] = runs(content)
        self.touch(block_id)

    def edit_properties(self, page_id: str, **values: Json) -> None:
        """Change properties of a page."""
        self.things[page_id].body["properties"] |= values
        self.touch(page_id)

    def touch(self, thing_id: str) -> None:
        """Everything up to the page was edited now."""
        thing = self.things.get(thing_id)
        while thing is not None:
            thing.edited = self.now
            if thing.kind != "block":
                return
            thing = self.things.get(str(thing.parent.get(str(thing.parent["type"]))))

    def trash(self, thing_id: str) -> None:
        """Into the trash. Nothing else is told so, not even what stands in it."""
        self.things[thing_id].is_trashed = True

    def restore(self, thing_id: str) -> None:
        """Out of the trash, with its old time."""
        self.things[thing_id].is_trashed = False

    def set_shared(self, thing_id: str, is_shared: bool) -> None:
        """Share or no longer share something, and all that stands in it, with the connection."""
        for each in self._inside(thing_id):
            self.things[each].is_shared = is_shared

    def move(self, page_id: str, parent: str) -> None:
        """To another parent. The page's time does not move."""
        for thing in self.things.values():
            thing.children = [each for each in thing.children if each != page_id]
        self.things[page_id].parent = self._place(parent)
        if parent:
            self.things[parent].children.append(page_id)

    def blocks_of(self, thing_id: str) -> list[str]:
        """Ids of the blocks directly inside."""
        return list(self.things[thing_id].children)

    def is_visible(self, thing_id: str) -> bool:
        """Does the API give it to the connection?"""
        thing = self.things.get(thing_id)
        return thing is not None and thing.is_shared

    def is_below_trash(self, thing_id: str) -> bool:
        """Is anything that it stands in in the trash? Search leaves such things out."""
        thing = self.things.get(thing_id)
        while thing is not None:
            if thing.is_trashed:
                return True
            around = thing.parent.get("database_id") or thing.parent.get(str(thing.parent["type"]))
            thing = self.things.get(str(around))
        return False

    def _place(self, parent: str) -> Json:
        if not parent:
            return dict(ROOT)
        thing = self.things[parent]
        if thing.kind == "data_source":
            database_id = thing.parent["database_id"]
            return {"type": "data_source_id", "data_source_id": parent, "database_id": database_id}
        return {"type": f"{thing.kind}_id", f"{thing.kind}_id": parent}

    def _is_document(self, thing_id: str) -> bool:
        return self.things[thing_id].kind in {"page", "database"}

    def _add_blocks(self, parent: str, blocks: Iterable[Json]) -> list[str]:
        ids = []
        for each in blocks:
            body = {name: content for name, content in each.items() if name != "children"}
            added = self._add("block", body, self._place(parent), thing_id=each.get("id", ""))
            added.children = self._add_blocks(added.id, each["children"])
            ids.append(added.id)
        return ids

    def _add(self, kind: str, body: Json, parent: Json, *, thing_id: str = "") -> Thing:
        if thing_id in self.things and kind == "block":
            # A page among blocks is a block of the same id.
            self.things[thing_id].body["shell"] = body
            return self.things[thing_id]
        self._count += 1
        new_id = thing_id or str(UUID(int=(0xA << 124) + self._count))
        thing = Thing(id=new_id, kind=kind, body=body, parent=parent, created=self.now, edited=self.now)
        self.things[new_id] = thing
        return thing

    def _inside(self, thing_id: str) -> list[str]:
        found, waiting = [], [thing_id]
        while waiting:
            each = waiting.pop()
            found.append(each)
            waiting += self.things[each].children
            waiting += self.rows.get(each, [])
            waiting += [source["id"] for source in self.things[each].body.get("data_sources", [])]
        return found
