"""Reading foreign JSON: what is missing or of another type is nothing, never an exception."""

import json
from collections.abc import Mapping
from datetime import datetime

from ingest.connectors.confluence_records import NEVER, Group, Person, Readers

Json = Mapping[str, object]
_NOTHING: Json = {}


def at(node: object, *path: str) -> object:
    """The value at a path of keys; None if there is none."""
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def text_at(node: object, *path: str) -> str:
    """The text or number at a path as text; empty if there is none."""
    value = at(node, *path)
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def count_at(node: object, *path: str) -> int:
    """The whole number at a path, which some answers write as text; 0 if there is none."""
    digits = text_at(node, *path)
    return int(digits) if digits.isdecimal() else 0


def rows_at(node: object, *path: str) -> list[Json]:
    """The objects of the list at a path."""
    value = at(node, *path)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def object_of(text: str) -> Json | None:
    """The JSON object that a text holds, a bare list as its `results`; None if it holds something else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list):
        return {"results": value}
    return value if isinstance(value, dict) else None


def time_at(node: object, *path: str) -> datetime:
    """The ISO time at a path; the epoch if there is none."""
    try:
        moment = datetime.fromisoformat(text_at(node, *path))
    except ValueError:
        return NEVER
    return moment if moment.tzinfo else NEVER


def person_of(node: Json) -> Person:
    """A user of either API."""
    return Person(
        key=text_at(node, "accountId") or text_at(node, "userKey") or text_at(node, "username"),
        name=text_at(node, "displayName") or text_at(node, "publicName"),
        username=text_at(node, "username"),
        email=text_at(node, "email"),
    )


def group_of(node: Json, *, by_id: bool) -> Group:
    """A group of either API."""
    return Group(key=text_at(node, "id") if by_id else text_at(node, "name"))


def subjects_of(restrictions: object, *, by_id: bool) -> tuple[Readers | None, bool]:
    """The readers a v1 `restrictions` object names (None: no restriction), and whether it names all of them.

    A layer stays a layer even if every subject in it is unknown to us: dropping it would open the page.
    """
    people, groups = rows_at(restrictions, "user", "results"), rows_at(restrictions, "group", "results")
    is_whole = not any(_is_cut(at(restrictions, kind)) for kind in ("user", "group"))
    named = Readers(
        people=tuple(each for each in map(person_of, people) if each.key),
        groups=tuple(each for each in (group_of(row, by_id=by_id) for row in groups) if each.key),
    )
    return (named if people or groups else None), is_whole


def has_restrictions(node: object) -> bool:
    """Did the API expand the restrictions here at all? An absent list is not an empty one."""
    subjects = at(node, "restrictions", "read", "restrictions")
    return all(isinstance(at(subjects, kind, "results"), list) for kind in ("user", "group"))


def _is_cut(listing: object) -> bool:
    size, limit = count_at(listing, "size"), count_at(listing, "limit")
    return bool(at(listing, "_links", "next")) or (limit > 0 and size >= limit)
