"""A Notion page's properties: the title, `Name: value` lines for its text, and labels to filter by."""

import math
from collections.abc import Callable, Mapping

from ingest.parsing.hygiene import one_line
from ingest.parsing.notion_json import Json, at, object_at, objects_at, plain_id, text_at
from ingest.parsing.notion_rich_text import NotionNames, date_text, line

UNTITLED = "Untitled"
LABELLED = frozenset({"select", "status", "multi_select", "people", "date"})
# The API gives no more references in a page object than these; the rest has to be asked for.
MOST_REFERENCES = 25
# Every label is stored with every chunk of a page.
MOST_LABELS = 100
LONGEST_LABEL = 200
_CURRENCIES = {"dollar": "USD", "euro": "EUR", "pound": "GBP", "yen": "JPY", "franc": "CHF", "rupee": "INR"}
_PLAIN_FORMATS = frozenset({"", "number", "number_with_commas"})


def title_of(properties: Json, names: NotionNames) -> str:
    """The title, whatever its property is called."""
    for value in properties.values():
        if text_at(value, "type") == "title":
            return line(objects_at(value, "title"), names) or UNTITLED
    return UNTITLED


def property_lines(properties: Json, names: NotionNames, *, formats: Mapping[str, str]) -> list[str]:
    """`Name: value` for every property that says something, by name. `formats`: number formats by property name."""
    lines = []
    for name in sorted(properties, key=str.casefold):
        value = object_at(properties, name)
        text = property_text(value, names, number_format=formats.get(name, ""))
        if text:
            lines.append(f"{one_line(name)}: {text}")
    return lines


def property_labels(properties: Json, names: NotionNames) -> tuple[str, ...]:
    """`Name: value` of every choice, person and day that a page is filed under."""
    labels = []
    for name in sorted(properties, key=str.casefold):
        value = object_at(properties, name)
        labels += [f"{one_line(name)}: {each}"[:LONGEST_LABEL] for each in _choices(value, names)]
    return tuple(dict.fromkeys(labels))[:MOST_LABELS]


def property_text(value: Json, names: NotionNames, *, number_format: str = "") -> str:
    """One property as one line; empty if it says nothing or is of a kind without text."""
    kind = text_at(value, "type")
    if kind == "number":
        return number_text(value.get("number"), number_format)
    read = _READERS.get(kind)
    return read(value, names) if read is not None else ""


def incomplete_properties(properties: Json) -> dict[str, str]:
    """Name → id of the properties that may have more references than a page object holds."""
    return {
        name: text_at(value, "id")
        for name, value in properties.items()
        if text_at(value, "id") and (at(value, "has_more") is True or _reference_count(value) >= MOST_REFERENCES)
    }


def nameless_people(properties: Json) -> set[str]:
    """Plain ids of the people of whom the page gives nothing but the id."""
    found = set()
    for value in properties.values():
        kind = text_at(value, "type")
        users = objects_at(value, "people") if kind == "people" else [object_at(value, kind)]
        if kind in {"people", "created_by", "last_edited_by"}:
            found |= {plain_id(user.get("id")) for user in users if not text_at(user, "name")}
    return found - {""}


def number_text(value: object, number_format: str) -> str:
    """A number as its column shows it: `25 %`, `12.5 EUR`. Zero is a value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    if number_format == "percent":
        return f"{_digits(value * 100)} %"
    unit = _CURRENCIES.get(number_format, number_format.replace("_", " "))
    return _digits(value) if number_format in _PLAIN_FORMATS else f"{_digits(value)} {unit}"


def _digits(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.12g}"


def _choices(value: Json, names: NotionNames) -> list[str]:
    kind = text_at(value, "type")
    if kind not in LABELLED:
        return []
    if kind == "date":
        return [day] if (day := text_at(value, "date", "start")[:10]) else []
    if kind == "people":
        return [person for user in objects_at(value, "people") if (person := names.person(user))]
    chosen = objects_at(value, kind) if kind == "multi_select" else [object_at(value, kind)]
    return [name for each in chosen if (name := one_line(text_at(each, "name")))]


def _reference_count(value: object) -> int:
    kind = text_at(value, "type")
    if kind == "people":
        return len(objects_at(value, "people"))
    if kind in {"title", "rich_text"}:
        return sum(text_at(run, "type") == "mention" for run in objects_at(value, kind))
    return 0


def _rich_text(value: Json, names: NotionNames) -> str:
    return line(objects_at(value, text_at(value, "type")), names)


def _checkbox(value: Json, names: NotionNames) -> str:
    is_checked = value.get("checkbox")
    return ("yes" if is_checked else "no") if isinstance(is_checked, bool) else ""


def _choice(value: Json, names: NotionNames) -> str:
    return ", ".join(_choices(value, names))


def _date(value: Json, names: NotionNames) -> str:
    return date_text(object_at(value, "date"))


def _one_person(value: Json, names: NotionNames) -> str:
    return names.person(object_at(value, text_at(value, "type")))


def _scalar(value: Json, names: NotionNames) -> str:
    return one_line(text_at(value, text_at(value, "type")))


def _files(value: Json, names: NotionNames) -> str:
    return ", ".join(filter(None, (one_line(text_at(file, "name")) for file in objects_at(value, "files"))))


def _relation(value: Json, names: NotionNames) -> str:
    ids = (plain_id(each.get("id")) for each in objects_at(value, "relation"))
    return ", ".join(filter(None, (names.titles.get(each, "") for each in ids)))


def _formula(value: Json, names: NotionNames) -> str:
    """A formula's value has the shape of the property of its type, except that a string is plain."""
    formula = object_at(value, "formula")
    match text_at(formula, "type"):
        case "string":
            return one_line(text_at(formula, "string"))
        case "boolean":
            return _checkbox({"checkbox": formula.get("boolean")}, names)
        case "number" | "date":
            return property_text(formula, names)
        case _:
            return ""


def _rollup(value: Json, names: NotionNames) -> str:
    rollup = object_at(value, "rollup")
    if text_at(rollup, "type") == "array":
        # Members are property values without a name, titles among them.
        texts = (property_text(each, names) or _title_value(each, names) for each in objects_at(rollup, "array"))
        return "; ".join(filter(None, texts))
    return property_text(rollup, names) if text_at(rollup, "type") in {"number", "date"} else ""


def _title_value(value: Json, names: NotionNames) -> str:
    return line(objects_at(value, "title"), names) if text_at(value, "type") == "title" else ""


def _unique_id(value: Json, names: NotionNames) -> str:
    number = at(value, "unique_id", "number")
    if isinstance(number, bool) or not isinstance(number, int):
        return ""
    prefix = one_line(text_at(value, "unique_id", "prefix"))
    return f"{prefix}-{number}" if prefix else str(number)


def _verification(value: Json, names: NotionNames) -> str:
    verification = object_at(value, "verification")
    state = text_at(verification, "state")
    until = text_at(verification, "date", "end")[:10]
    if state == "verified":
        return f"verified until {until}" if until else "verified"
    return state if state == "expired" else ""


def _place(value: Json, names: NotionNames) -> str:
    place = object_at(value, "place")
    return one_line(text_at(place, "name") or text_at(place, "address"))


_READERS: dict[str, Callable[[Json, NotionNames], str]] = {
    "rich_text": _rich_text,
    "checkbox": _checkbox,
    "select": _choice,
    "status": _choice,
    "multi_select": _choice,
    "people": _choice,
    "date": _date,
    "created_by": _one_person,
    "last_edited_by": _one_person,
    "email": _scalar,
    "phone_number": _scalar,
    "url": _scalar,
    "files": _files,
    "relation": _relation,
    "formula": _formula,
    "rollup": _rollup,
    "unique_id": _unique_id,
    "verification": _verification,
    "place": _place,
}
