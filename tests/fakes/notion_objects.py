"""Things of the fake workspace as Notion's API answers them."""

from datetime import datetime
from urllib.parse import unquote

from tests.fakes.notion_json import Json
from tests.fakes.notion_workspace import Thing, Workspace

MOST_REFERENCES = 25
BOT = {"object": "user", "id": "0f0f0f0f-0000-4000-8000-000000000001"}
_MANY = frozenset({"relation", "people"})


def minute(moment: datetime) -> str:
    """Pages, blocks and data sources: rounded down to the minute."""
    return moment.strftime("%Y-%m-%dT%H:%M:00.000Z")


def exact(moment: datetime) -> str:
    """Databases: to the millisecond, with an offset."""
    return moment.isoformat(timespec="milliseconds")


def answer_of(workspace: Workspace, thing: Thing) -> Json:
    """The object, by its kind."""
    common = {"id": thing.id, "parent": thing.parent, "in_trash": thing.is_trashed}
    if thing.kind == "database":
        times = {"created_time": exact(thing.created), "last_edited_time": exact(thing.edited)}
        return {"object": "database", **common, **times, **_without_shell(thing.body), "icon": None, "cover": None}
    stamps = {"created_time": minute(thing.created), "last_edited_time": minute(thing.edited)}
    people = {"created_by": BOT, "last_edited_by": BOT}
    if thing.kind == "block":
        inside = {"has_children": has_children(workspace, thing)}
        return {"object": "block", **common, **stamps, **people, **inside, **thing.body}
    body = _without_shell(thing.body)
    if thing.kind == "page":
        body["properties"] = {name: _first_references(each) for name, each in body["properties"].items()}
        common |= {"is_archived": False, "is_locked": False}
    return {"object": thing.kind, **common, **stamps, **people, **body, "cover": None, "icon": None, "public_url": None}


def block_of(workspace: Workspace, thing: Thing) -> Json:
    """Anything as the block that stands among its parent's blocks."""
    if thing.kind == "block":
        return answer_of(workspace, thing)
    shell = Thing(
        id=thing.id,
        kind="block",
        # A page that was at the top has none before it is moved.
        body=thing.body.get("shell", {"type": "child_page", "child_page": {"title": "moved"}}),
        parent=thing.parent,
        created=thing.created,
        edited=thing.edited,
        children=thing.children if thing.kind == "page" else [],
        is_trashed=thing.is_trashed,
    )
    return answer_of(workspace, shell)


def has_children(workspace: Workspace, thing: Thing) -> bool:
    """A synced copy has what its original has."""
    original = original_of(thing)
    return bool(thing.children) or original is not None


def original_of(thing: Thing) -> str | None:
    """The id of the block that a synced copy shows."""
    source = thing.body.get("synced_block", {}).get("synced_from")
    return source["block_id"] if source else None


def property_items(thing: Thing, property_id: str) -> list[Json]:
    """All members of a property, one object each."""
    for each in thing.body["properties"].values():
        # Ids are written as they stand in a path, encoded.
        if unquote(each["id"]) == property_id:
            kind = each["type"]
            return [{"object": "property_item", "id": property_id, "type": kind, kind: member} for member in each[kind]]
    return []


def _first_references(prop: Json) -> Json:
    kind = prop["type"]
    if kind not in _MANY:
        return prop
    more = {"has_more": len(prop[kind]) > MOST_REFERENCES} if kind == "relation" else {}
    return prop | {kind: prop[kind][:MOST_REFERENCES]} | more


def _without_shell(body: Json) -> Json:
    return {name: each for name, each in body.items() if name != "shell"}
