"""Real pages in storage format, checked against an independent reading of them. Skipped where they are not at hand."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Comment
from bs4.element import NavigableString, PageElement

from ingest.parsing.hygiene import clean_text
from ingest.parsing.link_names import LinkNames
from ingest.parsing.storage_format import ParsedStorage, parse_storage, references_of
from ingest.parsing.storage_format_macro_text import Macro
from ingest.parsing.storage_format_macros import Body, rule_of

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "confluence"
BODY_OF_EXPORT = re.compile(r'<property name="body"><!\[CDATA\[(.*?)\]\]></property>', re.DOTALL)
XML = '<?xml version="1.0" encoding="UTF-8"?>'
SHOWN_PARAMETERS = set("title name label language key jqlQuery body text datetime source diagramName url".split()) | {
    ""
}
HIDDEN = {
    "ac:parameter",
    "ac:placeholder",
    "ac:task-id",
    "ac:task-uuid",
    "ac:task-status",
    "ac:adf-attribute",
    "svg",
    "math",
}
IDS = ("ac:macro-id", "ac:local-id", "local-id", "ac:ref", "ac:schema-version", "ri:version-at-save", "ri:userkey")


def bodies_in(answer: object) -> Iterator[str]:
    """The storage bodies in an answer of the API."""
    if isinstance(answer, dict) and answer.get("representation") == "storage" and answer.get("value"):
        yield answer["value"]
    elif isinstance(answer, dict | list):
        for each in answer.values() if isinstance(answer, dict) else answer:
            yield from bodies_in(each)


@cache
def pages() -> dict[str, str]:
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.storage.*"))}
    for path in sorted(FOLDER.glob("*.json")):
        bodies = bodies_in(json.loads(path.read_text(encoding="utf-8")))
        found |= {f"{path.name}-{number}": body for number, body in enumerate(bodies, 1)}
    for path in sorted(FOLDER.glob("*.entities.xml")):
        # Exports of whole spaces hold each body in CDATA, with a gap in the ends of CDATA inside it.
        bodies = BODY_OF_EXPORT.findall(path.read_text(encoding="utf-8"))
        found |= {f"{path.name}-{number}": body.replace("]] >", "]]>") for number, body in enumerate(bodies, 1)}
    return found


pytestmark = pytest.mark.skipif(not pages(), reason="the folder of real pages is not there")
each_page = pytest.mark.parametrize("name", pages())


@cache
def page_of(name: str) -> ParsedStorage:
    return parse_storage(pages()[name], url="/1", title=name, deployment="datacenter", names=LinkNames())


@cache
def soup_of(name: str) -> BeautifulSoup:
    return BeautifulSoup(pages()[name].removeprefix(XML), "html.parser")


def text_of(name: str) -> str:
    parts: list[str] = []
    for section in page_of(name).page.sections:
        parts += [*section.heading_path, section.text]
    return "\n".join(parts)


def words_of(text: str) -> list[str]:
    return re.findall(r"\w{2,}", clean_text(text).lower())


def is_word_in(text: str, value: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


def macros_around(node: PageElement) -> list[str]:
    return [str(tag.get("ac:name", "")) for tag in node.parents if tag.name in {"ac:structured-macro", "ac:macro"}]


def is_shown(node: NavigableString) -> bool:
    if type(node) is Comment or type(node).__name__ in {"Doctype", "XMLProcessingInstruction", "Declaration"}:
        return False
    if any(tag.name in HIDDEN or "display: none" in str(tag.get("style")) for tag in node.parents):
        return False
    rules = [rule_of(Macro(name=name)) for name in macros_around(node)]
    special = {"tasklist", "html", "markdown", "mathblock", "mathinline", "details"} & set(macros_around(node))
    return not special and all(rule.body is not Body.LEFT_OUT for rule in rules)


@each_page
def test_no_parameter_of_a_macro_is_shown_but_those_that_are_its_text(name: str) -> None:
    soup, text = soup_of(name), " ".join(text_of(name).split())
    elsewhere = " ".join(" ".join(map(str, soup.find_all(string=is_shown))).split())
    given = [
        (str(tag.get("ac:name", "")), " ".join(tag.get_text(" ").split())) for tag in soup.find_all("ac:parameter")
    ]
    elsewhere += " ".join(value for name, value in given if name in SHOWN_PARAMETERS)
    hidden = [each for each in given if each[0] not in SHOWN_PARAMETERS and len(each[1]) > 2]
    leaked = [each for each in hidden if each[1] not in elsewhere and is_word_in(text, each[1])]
    assert leaked == []


@each_page
def test_no_id_of_the_source_is_shown(name: str) -> None:
    text = text_of(name)
    ids = {str(tag.get(name)) for tag in soup_of(name).find_all(True) for name in IDS if tag.get(name)}
    assert [each for each in ids if len(each) > 4 and each in text] == []


@each_page
def test_code_keeps_every_newline(name: str) -> None:
    # Inside a list or a quote the lines of code are indented or marked like those around them.
    lines = [line.lstrip("> ").rstrip() for line in text_of(name).split("\n")]
    joined = "\n".join(lines)
    lost = []
    for body in soup_of(name).find_all("ac:plain-text-body"):
        macro = macros_around(body)[0] if macros_around(body) else ""
        if "code" in macro or macro in {"noformat", "plantuml", "swagger-open-api"}:
            wanted = clean_text("".join(map(str, body.find_all(string=True)))).strip("\n")
            wanted = "\n".join(line.lstrip("> ").rstrip() for line in wanted.split("\n")).strip("\n")
            lost += [wanted] if wanted not in joined else []
    assert lost == []


@each_page
def test_every_word_that_a_reader_sees_is_kept(name: str) -> None:
    # A heading without text below it is in no section.
    shown = [node for node in soup_of(name).find_all(string=is_shown) if not node.find_parent(re.compile("^h[1-6]$"))]
    wanted = Counter(word for node in shown for word in words_of(str(node)))
    missing = wanted - Counter(words_of(text_of(name)))
    # Words that an inline comment's marker cuts in two are whole in the text.
    text = "".join(words_of(text_of(name)))
    assert {word: count for word, count in missing.items() if word not in text} == {}


@each_page
def test_what_is_referred_to_is_the_same_before_and_after_parsing(name: str) -> None:
    before = references_of(pages()[name])
    after = page_of(name).references
    assert set(after.users) <= set(before.users)
    assert set(after.pages) <= set(before.pages)


def test_together_they_have_code_tables_and_tasks_and_no_empty_section() -> None:
    kinds = Counter(
        block.kind for name in pages() for section in page_of(name).page.sections for block in section.blocks
    )
    assert set(kinds) == {"paragraph", "list", "table", "code", "quote", "task"}
    assert all(section.text.strip() for name in pages() for section in page_of(name).page.sections)
