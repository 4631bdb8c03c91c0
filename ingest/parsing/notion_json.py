"""Reading Notion's JSON without trusting its shape: fields come and go without notice, so nothing here ever raises."""

import re
from collections.abc import Mapping
from typing import TypeAlias

Json: TypeAlias = Mapping[str, object]

_HEX = re.compile(r"[0-9a-f]{32}")
_EMPTY: Json = {}


def at(value: object, *path: str) -> object:
    """The value below `path`; None if any step is missing."""
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def text_at(value: object, *path: str) -> str:
    """The string below `path`; empty if there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def object_at(value: object, *path: str) -> Json:
    """The object below `path`; empty if there is none."""
    found = at(value, *path)
    return found if isinstance(found, Mapping) else _EMPTY


def objects_at(value: object, *path: str) -> list[Json]:
    """The objects of the list below `path`; other members are left out."""
    found = at(value, *path)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def plain_id(text: object) -> str:
    """An id as 32 hexadecimal digits, as the links have it; empty if it is none. The API writes it with dashes."""
    digits = text.replace("-", "").lower() if isinstance(text, str) else ""
    return digits if _HEX.fullmatch(digits) else ""


def id_in_link(link: str) -> str:
    """The id of the page that a Notion link leads to, whatever its host; empty if there is none.

    The last 32 digits of the path, or `?p=` for a page shown beside a database; `?v=` names a view and `#` a block.
    """
    address = link.partition("#")[0]
    path, _, query = address.partition("?")
    peeked = [value for name, _, value in (part.partition("=") for part in query.split("&")) if name == "p"]
    for candidate in (*peeked, path.rstrip("/").rpartition("/")[2]):
        if (found := plain_id(candidate)) or (found := plain_id(candidate.replace("-", "")[-32:])):
            return found
    return ""
