"""What assistants may do here, as MCP tools: `search`, `fetch` and `ask`, each with what its caller may read."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.answering.retrieval import absolute_link
from app.answering.types import Passage, Question, SearchScope
from app.auth import Caller
from app.callers import Door
from app.contract import AnswerBody, Text
from app.conversations import AnswerBook
from app.wiring import AnswerSide
from kb.catalogue.records import StoredSection
from kb.errors import NotFound

# A search is shown to a model with a window of its own: pages, and characters of each.
PAGES = 8
SNIPPET_CHARACTERS = 1500
# Some 12,000 tokens: what clients take from one call. The rest of a longer page is fetched by another.
FETCH_CHARACTERS = 48_000
# The sentences are in the text already, and nobody's model needs to know how long it took.
_LEFT_OUT = {"sentences", "model", "timings_ms"}

Json = dict[str, Any]  # a foreign protocol's objects


class SearchArguments(BaseModel):
    """Of `search`."""

    model_config = ConfigDict(extra="forbid")

    query: Text = Field(
        description="What to look for, in words or as a question; `in:SPACE` and `updated:2026` narrow."
    )


class FetchArguments(BaseModel):
    """Of `fetch`."""

    model_config = ConfigDict(extra="forbid")

    id: Text = Field(max_length=2000, description="The `id` of a result of `search`, or a page's `continues_at`.")


class AskArguments(BaseModel):
    """Of `ask`."""

    model_config = ConfigDict(extra="forbid")

    question: Text = Field(description="A whole question, understandable without what was said before.")


class FoundPage(BaseModel):
    """A page found by a search. `text`: its best sections, cut short."""

    id: str
    title: str
    url: str
    text: str


class SearchResult(BaseModel):
    """Pages, best first."""

    results: list[FoundPage]


class FetchedPage(BaseModel):
    """A page, or the part of it that fits: then `metadata` has `continues_at`, which `fetch` takes for the rest."""

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool. `scopes`: a caller needs one of them. `run` takes the arguments as they came, and raises
    pydantic's ValidationError or errors of our own tree."""

    name: str
    title: str
    description: str
    scopes: tuple[str, ...]
    input_schema: Json
    output_schema: Json
    run: Callable[[Json, Caller], Awaitable[Json]]


class Toolbox:
    """The tools over an answer side."""

    def __init__(self, side: AnswerSide, door: Door, book: AnswerBook) -> None:
        self._side = side
        self._door = door
        self._book = book
        self._tools = {tool.name: tool for tool in (self._search_tool(), self._fetch_tool(), self._ask_tool())}

    def named(self, name: str) -> Tool | None:
        """A tool; None if there is none of that name."""
        return self._tools.get(name)

    def open_to(self, who: Caller) -> Sequence[Tool]:
        """The tools that the caller may use."""
        return [tool for tool in self._tools.values() if who.scopes & set(tool.scopes)]

    async def use(self, tool: Tool, arguments: Json, who: Caller) -> tuple[Json, Mapping[str, str]]:
        """The result, and headers that tell what is left to the caller. Raises ScopeMissing, TooManyRequests,
        pydantic's ValidationError, and what `run` raises."""
        who.must_have(*tool.scopes)
        left = self._door.take(who)
        return await tool.run(arguments, who), left

    def _search_tool(self) -> Tool:
        return Tool(
            name="search",
            title="Search the team's pages",
            description="Finds the pages of the team's wiki that are nearest to a query, best first, with the sections "
            "that match. Use `fetch` to read one of them whole. Cite pages by their `url`.",
            scopes=("search",),
            input_schema=SearchArguments.model_json_schema(),
            output_schema=SearchResult.model_json_schema(),
            run=self._search,
        )

    def _fetch_tool(self) -> Tool:
        return Tool(
            name="fetch",
            title="Read a page",
            description="The text of one page, as it is now. Long pages come in parts.",
            scopes=("search", "ask"),
            input_schema=FetchArguments.model_json_schema(),
            output_schema=FetchedPage.model_json_schema(),
            run=self._fetch,
        )

    def _ask_tool(self) -> Tool:
        return Tool(
            name="ask",
            title="Ask the team's pages",
            description="Answers a question from the team's pages alone. Every sentence is checked and ends with the "
            "numbers of its `citations`, each with the words of the page and a link; `not_found` means that the pages "
            "do not say it. Keep the numbers and links when you pass the answer on.",
            scopes=("ask",),
            input_schema=AskArguments.model_json_schema(),
            output_schema=_answer_schema(),
            run=self._ask,
        )

    async def _search(self, arguments: Json, who: Caller) -> Json:
        asked = SearchArguments.model_validate(arguments)
        passages = await self._side.answerer.search(asked.query, who.principal, scope=SearchScope(), count=PAGES)
        return SearchResult(results=found_pages(passages)).model_dump(mode="json")

    async def _fetch(self, arguments: Json, who: Caller) -> Json:
        """Missing and forbidden look the same."""
        wanted = FetchArguments.model_validate(arguments).id
        document_id, first = wanted, 0
        sections = await self._sections(wanted, who)
        if not sections and (part := continued(wanted)):
            document_id, first = part
            sections = [section for section in await self._sections(document_id, who) if section.ordinal >= first]
        if not sections:
            raise NotFound("no such page: use an id that search gave")
        link_base = self._side.settings.server.link_base
        return fetched_page(document_id, sections, link_base=link_base).model_dump(mode="json")

    async def _sections(self, document_id: str, who: Caller) -> list[StoredSection]:
        catalogue = self._side.knowledge_base.catalogue
        audience_ids = await catalogue.access.readable(who.principal)
        return await catalogue.documents.live_sections(who.principal.tenant, document_id, audience_ids=audience_ids)

    async def _ask(self, arguments: Json, who: Caller) -> Json:
        asked = AskArguments.model_validate(arguments)
        answer = await self._side.answerer.answer(Question(text=asked.question), who.principal)
        await self._book.keep(asked.question, answer, who, channel="mcp")
        return AnswerBody.of(answer).model_dump(mode="json", exclude=_LEFT_OUT)


def found_pages(passages: Sequence[Passage]) -> list[FoundPage]:
    """One result a page, with its sections that were found, in their order."""
    by_page: dict[str, list[Passage]] = {}
    for passage in passages:
        by_page.setdefault(passage.document_id, []).append(passage)
    return [
        FoundPage(
            id=document_id,
            title=own[0].title,
            url=own[0].url,
            text=_cut("\n\n".join(f"{each.heading_line}\n{each.text}" for each in own), SNIPPET_CHARACTERS),
        )
        for document_id, own in by_page.items()
    ]


def fetched_page(document_id: str, sections: Sequence[StoredSection], *, link_base: str) -> FetchedPage:
    """As many of the sections as fit, and where the rest begins."""
    first = sections[0]
    texts: list[str] = []
    left = FETCH_CHARACTERS
    more: dict[str, str] = {}
    for section in sections:
        text = section_text(section)
        if texts and len(text) > left:
            more = {"continues_at": f"{document_id}#{section.ordinal}"}
            break
        # A section of its own that is longer than all that fits is cut: there is no finer address.
        texts.append(_cut(text, FETCH_CHARACTERS))
        left -= len(text)
    about = {"source": first.source_id, "space": first.space, "updated_at": first.updated_at.isoformat()}
    return FetchedPage(
        id=document_id,
        title=first.title,
        text="\n\n".join(texts),
        url=absolute_link(first.url, link_base=link_base),
        metadata={name: value for name, value in about.items() if value} | more,
    )


def section_text(section: StoredSection) -> str:
    """The section below its heading, as light Markdown."""
    if not section.heading_path:
        return section.text
    return f"{'#' * min(6, 1 + len(section.heading_path))} {section.heading_path[-1]}\n\n{section.text}"


def continued(wanted: str) -> tuple[str, int] | None:
    """The page and the ordinal of the section that a `continues_at` names; None if it is none."""
    document_id, mark, ordinal = wanted.rpartition("#")
    if not mark or not (ordinal.isascii() and ordinal.isdigit()) or len(ordinal) > 6:
        return None
    return document_id, int(ordinal)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 2].rstrip() + " …"


def _answer_schema() -> Json:
    schema = AnswerBody.model_json_schema(mode="serialization")
    kept = {name: value for name, value in schema["properties"].items() if name not in _LEFT_OUT}
    used = {name: value for name, value in schema["$defs"].items() if f"#/$defs/{name}" in str(kept)}
    required = [name for name in schema["required"] if name in kept]
    return schema | {"properties": kept, "required": required, "$defs": used}
