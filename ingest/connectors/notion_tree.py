"""The tree of a page's blocks, read whole or not at all."""

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.connectors.notion_api import NotionApi
from ingest.connectors.notion_calls import NotionRefusal
from ingest.connectors.notion_records import is_trashed
from ingest.parsing.notion_blocks import CLOSED, HEADINGS, LISTS, MEETINGS, TEXTS, TRANSPARENT
from ingest.parsing.notion_json import Json, object_at, plain_id, text_at
from ingest.parsing.notion_leaves import NotionBlock

# Copies of copies can make a small page endless.
MOST_BLOCKS = 50_000
# Kinds whose inside a refusal cannot be about: without it the page would be incomplete.
_CONTAINERS = {*HEADINGS, *LISTS, *TEXTS, *TRANSPARENT, *MEETINGS, "quote", "callout", "table"}


class UnreadablePage(Exception):
    """Part of a page cannot be read; a good copy of it must not be replaced by the rest."""


class OversizedPage(UnreadablePage):
    """It is the page itself that cannot be read, until it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A page's blocks; the pages and the databases that stand among them, by id."""

    blocks: list[NotionBlock]
    pages: tuple[str, ...]
    databases: tuple[str, ...]


class TreeReader:
    """Reads block trees without recursion: nesting has no limit."""

    def __init__(self, api: NotionApi, *, with_transcripts: bool) -> None:
        self._api = api
        self._with_transcripts = with_transcripts

    async def read(self, page_id: str) -> Tree:
        """The whole tree. Raises UnreadablePage; NotionRefusal if the page itself is refused; SourceError."""
        blocks = [_block(each) for each in await self._api.children(page_id) if not is_trashed(each)]
        found: dict[str, list[str]] = {"child_page": [], "child_database": []}
        count = 0
        # Each with the ids around it, so that a copy inside itself is noticed.
        waiting = [(each, frozenset({page_id})) for each in reversed(blocks)]
        while waiting:
            block, around = waiting.pop()
            count += 1
            if count > MOST_BLOCKS:
                raise OversizedPage(f"it has more than {MOST_BLOCKS} blocks")
            found.get(block.node.kind, []).append(block.node.id)
            if block.has_children and block.node.kind not in CLOSED:
                inside = await self._inside(block, around)
                block.node.children += [each.node for each in inside]
                waiting += [(each, around | {block.node.id}) for each in reversed(inside)]
        return Tree(
            blocks=[each.node for each in blocks],
            pages=tuple(found["child_page"]),
            databases=tuple(found["child_database"]),
        )

    async def _inside(self, block: "_Read", around: frozenset[str]) -> list["_Read"]:
        node = block.node
        if node.id in around:
            node.is_unread = True
            return []
        if node.kind in MEETINGS:
            return await self._listed(block, self._meeting_parts(node.payload))
        original = plain_id(object_at(node.payload, "synced_from").get("block_id"))
        if original:
            return await self._copied(block, original)
        return await self._listed(block, [node.id])

    async def _copied(self, block: "_Read", original: str) -> list["_Read"]:
        """What a synced copy shows: sometimes only the original can be asked, and sometimes not even that."""
        for block_id in (block.node.id, original):
            try:
                return [_block(each) for each in await self._api.children(block_id) if not is_trashed(each)]
            except NotionRefusal as exc:
                if exc.status not in {400, 403, 404}:
                    raise UnreadablePage(_reason(block.node, exc)) from exc
        block.node.is_unread = True
        return []

    async def _listed(self, block: "_Read", block_ids: Iterable[str]) -> list["_Read"]:
        found: list[_Read] = []
        for block_id in block_ids:
            try:
                found += [_block(each) for each in await self._api.children(block_id) if not is_trashed(each)]
            except NotionRefusal as exc:
                if exc.status != 400 or block.node.kind in _CONTAINERS:
                    raise UnreadablePage(_reason(block.node, exc)) from exc
                # A kind that the API does not serve; the parser counts it.
        return found

    def _meeting_parts(self, payload: Json) -> list[str]:
        names = ["summary_block_id", "notes_block_id"]
        if self._with_transcripts:
            names.append("transcript_block_id")
        return [part for name in names if (part := plain_id(object_at(payload, "children").get(name)))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    node: NotionBlock
    has_children: bool


def _block(block: Json) -> _Read:
    kind = text_at(block, "type") or "unsupported"
    node = NotionBlock(id=plain_id(block.get("id")), kind=kind, payload=object_at(block, kind))
    return _Read(node=node, has_children=block.get("has_children") is True or kind in MEETINGS)


def _reason(node: NotionBlock, refusal: NotionRefusal) -> str:
    return f"what is inside its {node.kind} block {node.id} could not be read ({refusal}); an earlier copy stays"
