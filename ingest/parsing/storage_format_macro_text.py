"""The text of macros that have one of their own. Parameters are read by name: no other can reach a reader."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote, unquote_plus

from ingest.parsing.blocks import ListItem, code_block, list_block, paragraphs
from ingest.parsing.front_matter import BadFrontMatter
from ingest.parsing.html import parse_html
from ingest.parsing.hygiene import one_line
from ingest.parsing.link_names import PageRef
from ingest.parsing.markdown import parse_markdown
from ingest.parsing.sections import ParsedPage
from ingest.parsing.storage_format_targets import Target, Targets
from kb.documents import Block

# Of what a parameter may hold: longer ones are data of the macro's own, not a name or an address.
LONGEST_TEXT = 2000
LONGEST_ROADMAP = 200_000
# Names of unknown macros are reported.
LONGEST_NAME = 100
UNNAMED = "unnamed"

_TITLES = ("title", "name", "label", "tabname", "")
_LANGUAGES = {"none": "", "text": "", "plain": "", "html/xml": "xml", "html and xml": "xml", "c#": "csharp"}
_DRAWING = re.compile(r"\.(?:drawio|xml|png|svg)$", re.IGNORECASE)
_SPACE_PREFIX = re.compile(r"(~?[\w.-]{1,255}):(?=\S)")
_ENCODED = "--uriencoded--"
_ISSUE = re.compile(r"[A-Z][A-Z0-9_]+-\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter: its text on one line, and what it points to."""

    text: str = ""
    targets: tuple[Target, ...] = ()


@dataclass(slots=True, kw_only=True)
class Macro:
    """A macro while it is read. `body`: its plain-text body as it is written; the name of a parameter may be empty."""

    name: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    body: str = ""

    def text(self, *names: str) -> str:
        """The first of the parameters that has text; too long a text is none."""
        found = (self.parameters[name].text for name in names if name in self.parameters)
        return next((text for text in found if text and len(text) <= LONGEST_TEXT), "")

    def target(self, *, is_user: bool = False) -> Target | None:
        """The first thing that any parameter points to."""
        targets = (target for parameter in self.parameters.values() for target in parameter.targets)
        return next((target for target in targets if target.is_user == is_user), None)

    @property
    def title(self) -> str:
        """What its author called it."""
        return self.text(*_TITLES)


class Page(Protocol):
    """What a macro's text is written to."""

    targets: Targets

    def write(self, text: str, *, in_id: str | None = None) -> None:
        """Text where the macro stands. `in_id`: what it is in the id of a heading, if that is not the text."""

    def add(self, block: Block) -> None:
        """A block."""

    def add_page(self, page: ParsedPage) -> None:
        """The sections of what was a page of its own."""

    def follow(self, url: str) -> None:
        """The page links to it."""


def code(macro: Macro, page: Page) -> None:
    """A fenced block behind its title, in the language of its parameter."""
    language = macro.text("language", "") if macro.name != "noformat" else ""
    _add_code(macro, page, language=_LANGUAGES.get(language.lower(), language.lower()))


def fenced(macro: Macro, page: Page) -> None:
    """A plain body as a fenced block."""
    _add_code(macro, page, language="")


def _add_code(macro: Macro, page: Page, *, language: str) -> None:
    block = code_block(macro.body, language=language)
    if block and (title := macro.text("title")):
        page.add(Block(kind="paragraph", text=title))
    if block:
        page.add(block)


def markdown(macro: Macro, page: Page) -> None:
    """The Markdown of its body, read as such; its headings begin sections."""
    try:
        page.add_page(parse_markdown(macro.body, url="").page)
    except BadFrontMatter:
        fenced(macro, page)


def html(macro: Macro, page: Page) -> None:
    """What a reader sees of its HTML."""
    page.add_page(parse_html(macro.body, url=""))


def status(macro: Macro, page: Page) -> None:
    """`[IN PROGRESS]`; a status without a title is its colour."""
    if text := macro.text("title") or macro.text("colour", "color"):
        page.write(f"[{text}]", in_id=text)


def jira(macro: Macro, page: Page) -> None:
    """`ABC-12 Summary`, or `Jira: query`. Servers and columns are never shown."""
    key = macro.text("key", "issueKey") or _issue_in(macro.text("url", ""))
    query = macro.text("jqlQuery", "jqlquery", "jql", "JQL", "")
    if key:
        page.write(f"{key} {macro.text('summary')}".strip())
    elif query:
        query = unquote_plus(query) if " " not in query else query
        page.write(f"Jira: {re.sub(r'^jql(?:Query)?=', '', query.strip()).strip()}")


def _issue_in(url: str) -> str:
    found = _ISSUE.search(url.rpartition("/")[2])
    return found[0] if found else ""


def reference(macro: Macro, page: Page) -> None:
    """`(see: Title)`: the text of another page is found there, by those who may read it."""
    target = macro.target() or _page_by_title(macro, page)
    if target and target.text:
        page.write(f" (see: {target.text}) ")
        page.follow(target.url)


def _page_by_title(macro: Macro, page: Page) -> Target | None:
    title = macro.text("", "page", "pageTitle", "PageWithExcerpt")
    if not title:
        return None
    space = _SPACE_PREFIX.match(title)
    return page.targets.page(PageRef(title=title[space.end() :] if space else title, space=space[1] if space else ""))


def file(macro: Macro, page: Page) -> None:
    """`[File: plan.pdf]`."""
    target = macro.target()
    name = target.text if target else macro.text("name", "file", "filename", "")
    if name:
        page.write(f"[File: {name}]")


def diagram(macro: Macro, page: Page) -> None:
    """`[Diagram: name]`."""
    name = macro.text("diagramDisplayName", "diagramName", "displayName", "name", "filename", "title")
    page.write(f"[Diagram: {_DRAWING.sub('', name)}]" if name else "[Diagram]")


def address(macro: Macro, page: Page) -> None:
    """The address of what is embedded."""
    target = macro.target()
    url = (target.url or target.text if target else "") or macro.text("url", "src", "link", "")
    if url.startswith(("https://", "http://")):
        page.write(url)
        page.follow(url)


def person(macro: Macro, page: Page) -> None:
    """`@Ada Lovelace`."""
    if target := macro.target(is_user=True):
        page.write(target.text)


def date(macro: Macro, page: Page) -> None:
    """The date as its author wrote it."""
    page.write(macro.text("datetime", "date", ""))


def title(macro: Macro, page: Page) -> None:
    """The words on a button; where it leads is a link."""
    page.write(macro.title)
    target = macro.target()
    page.follow((target.url if target else "") or macro.text("url"))


def note(macro: Macro, page: Page) -> None:
    """`(note: text)`, if the text is a parameter."""
    if text := macro.text("text"):
        page.write(f" (note: {text})")


def math(macro: Macro, page: Page) -> None:
    """`$formula$` in its sentence."""
    if formula := _formula(macro):
        page.write(f"${one_line(formula)}$")


def math_block(macro: Macro, page: Page) -> None:
    """`$formula$` on lines of its own."""
    if formula := _formula(macro):
        page.add(Block(kind="paragraph", text=f"${formula}$"))


def _formula(macro: Macro) -> str:
    formula = (macro.body or macro.text("body", "")).strip()
    return unquote(formula.removeprefix(_ENCODED)) if formula.startswith(_ENCODED) else formula


def roadmap(macro: Macro, page: Page) -> None:
    """The title of the plan, its lanes and their bars, as a list."""
    source = macro.parameters.get("source", Parameter()).text
    try:
        plan = json.loads(unquote_plus(source[:LONGEST_ROADMAP])) if source else {}
    except (ValueError, RecursionError):
        return
    items = [ListItem(blocks=[Block(kind="paragraph", text=line)]) for line in _lanes(plan)]
    if block := list_block(items):
        name = one_line(str(plan.get("title") or macro.text("title") or "Roadmap"))
        page.add(Block(kind="paragraph", text=name))
        page.add(block)


def _lanes(plan: object) -> Iterator[str]:
    for lane in _objects(plan, "lanes"):
        bars = [one_line(str(bar.get("title", ""))) for bar in _objects(lane, "bars")]
        if line := ": ".join(filter(None, (one_line(str(lane.get("title", ""))), "; ".join(filter(None, bars))))):
            yield line


def _objects(around: object, name: str) -> Iterable[Mapping[str, object]]:
    listed = around.get(name) if isinstance(around, dict) else None
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def tasks(macro: Macro, page: Page) -> None:
    """The tasks of the macro that was used before there were task lists: a table of them, or a line each."""
    if name := macro.text("title", ""):
        page.add(Block(kind="paragraph", text=name))
    lines = [line.strip() for line in macro.body.splitlines() if line.strip()]
    header = [name.strip().lower() for name in lines[0].strip("|").split("||")] if lines and "||" in lines[0] else []
    if block := list_block([_task(line, header) for line in (lines[1:] if header else lines)]):
        page.add(block)


def _task(line: str, header: list[str]) -> ListItem:
    values = dict(zip(header, line.removeprefix("|").removesuffix("|").split("|"), strict=False))
    is_done = values.get("completed", "").strip().upper() in {"T", "TRUE"} if header else None
    return ListItem(blocks=paragraphs(values.get("name", "").strip() if header else line), is_done=is_done)
