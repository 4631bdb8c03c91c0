"""Query → sections: hybrid search under the asker's audiences, read back from the catalogue, and put in order."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from app.answering.abbreviations import long_forms
from app.answering.beside import SideThread
from app.answering.collapsing import collapse_near_equal
from app.answering.ports import SectionReranker
from app.answering.querying import Query, read_query, spelled_otherwise
from app.answering.ranking import OUTDATED_PENALTY, SAME_PAGE_PENALTY, Fused, SectionScorer, fuse_hits, is_outdated
from app.answering.spelling import Slip, find_slips, respelled
from app.answering.types import Passage, SearchScope
from kb.access import Principal
from kb.catalogue import Catalogue
from kb.catalogue.records import SectionKey, StoredSection
from kb.embedders.base import Embedder, Vectors
from kb.errors import ModelError
from kb.index.base import Index, IndexFilter

logger = logging.getLogger(__name__)
# Chunks that each of the two searches returns, and sections whose text is looked at.
CANDIDATE_CHUNKS = 64
CANDIDATE_SECTIONS = 16
MOST_TRIES = 10
# Chunks with a word that are looked at until a live one is among them.
WITNESSES = 8
DEFAULT_LANGUAGE = "english"


class HybridRetriever:
    """The retriever: dense and BM25 search in one call, whole sections back.

    `language`: of pages and questions whose words do not show one.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        index: Index,
        embedder: Embedder,
        *,
        link_base: str,
        language: str = DEFAULT_LANGUAGE,
        reranker: SectionReranker | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._index = index
        self._embedder = embedder
        self._link_base = link_base
        self._scorer = SectionScorer(language=language)
        self._reranker = reranker
        self._beside = SideThread()

    async def retrieve(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> list[Passage]:
        """At most `count` sections the principal may read, best first."""
        audience_ids = await self._catalogue.access.readable(principal)
        if not audience_ids:
            return []
        asked = read_query(query, scope=scope)
        found = await self._find(asked, principal.tenant, audience_ids, count=count)
        for other in spelled_otherwise(asked, scope=scope, text=query):
            if found:
                break
            found = await self._find(other, principal.tenant, audience_ids, count=count)
        return await self._beside.run(collapse_near_equal, found, count=count)

    async def _find(self, query: Query, tenant: str, audience_ids: tuple[int, ...], *, count: int) -> list[Passage]:
        """Twice as many sections as asked for, so that near-equal ones can be collapsed."""
        where = _filter(query.scope, tenant, audience_ids)
        vector = await self._embedder.embed_query(query.words)
        sections, fused = await self._search(query, where, vector, count=count)
        better = await self._better(query, where, sections.values())
        if better != query:
            # The embedder knows abbreviations from their neighbours: long forms beside them would only blur its vector.
            vector = vector if better.words == query.words else await self._embedder.embed_query(better.words)
            query = better
            sections, fused = await self._search(query, where, vector, count=count)
        return await self._reranked(query, await self._beside.run(self._scored, query, tenant, sections, fused))

    async def _better(self, query: Query, where: IndexFilter, sections: Iterable[StoredSection]) -> Query:
        """The query without slips of the pen and with its abbreviations spelled out, as the sections found tell.

        A word that any page the asker may read has as it was typed is no slip.
        """
        slips, spelled_out = await self._beside.run(_understood, query, sections)
        anywhere = IndexFilter(tenant=where.tenant, audience_ids=where.audience_ids)
        slips = [slip for slip in slips if not await self._is_written(slip.word, anywhere)]
        return replace(query, words=respelled(query.words, slips), spelled_out=tuple(spelled_out))

    async def _is_written(self, word: str, where: IndexFilter) -> bool:
        """Does a live page hold the word, with whatever ending?"""
        hits = await self._index.search(where=where, vector=None, text=word, k=WITNESSES)
        keys = [SectionKey(hit.document_id, hit.revision, hit.section_ordinal) for hit in hits]
        return bool(
            await self._catalogue.documents.read_sections(where.tenant, audience_ids=where.audience_ids, keys=keys)
        )

    def _scored(
        self,
        query: Query,
        tenant: str,
        sections: Mapping[SectionKey, StoredSection],
        fused: Mapping[SectionKey, Fused],
    ) -> list[Passage]:
        """The sections as passages, best first."""
        passages = [
            self._passage(tenant, section, score=self._scorer.score(query, section, fused[key]), dense=fused[key].dense)
            for key, section in sections.items()
        ]
        return spread_over_pages(best_first(passages))

    async def _reranked(self, query: Query, passages: list[Passage]) -> list[Passage]:
        """The best of them in the reranker's order, if there is one; the others stay behind."""
        if self._reranker is None:
            return passages
        shown, rest = passages[: self._reranker.candidate_count], passages[self._reranker.candidate_count :]
        try:
            scores = await self._reranker.score(query.words, [f"{each.heading_line}\n{each.text}" for each in shown])
        except ModelError as exc:
            # The order without it is a good one; a question is worth more than a better order.
            logger.warning("reranker failed", extra={"error": type(exc).__name__})
            return passages
        scored = [
            replace(each, score=score - OUTDATED_PENALTY * each.is_outdated)
            for each, score in zip(shown, scores, strict=True)
        ]
        lowest = min((each.score for each in scored), default=0.0)
        return [*best_first(scored), *(replace(each, score=min(each.score, lowest)) for each in rest)]

    async def _search(
        self, query: Query, where: IndexFilter, vector: Vectors, *, count: int
    ) -> tuple[dict[SectionKey, StoredSection], Mapping[SectionKey, Fused]]:
        """The best sections by the index's scores, each read under the second permission check."""
        most = max(CANDIDATE_SECTIONS, 2 * count)
        gone: set[SectionKey] = set()
        for _ in range(MOST_TRIES):
            hits = await self._index.search(
                where=where, vector=vector, text=query.all_words, k=max(CANDIDATE_CHUNKS, 2 * most)
            )
            fused = fuse_hits(hits)
            keys = sorted(fused, key=lambda key: (-fused[key].score, key.document_id, key.section_ordinal))[:most]
            # Only live revisions of documents these audiences may read come back.
            sections = await self._catalogue.documents.read_sections(
                where.tenant, audience_ids=where.audience_ids, keys=keys
            )
            # A page was replaced between the search and the read: the next search finds its new revision. What is
            # missing a second time is no race, but what a dead sync left in the index.
            missing = {*keys} - {_key(section) for section in sections}
            if missing <= gone:
                break
            gone |= missing
        read = {_key(section): section for section in sections}
        return {key: read[key] for key in keys if key in read}, fused

    def _passage(self, tenant: str, section: StoredSection, *, score: float, dense: float) -> Passage:
        return Passage(
            tenant=tenant,
            document_id=section.document_id,
            revision=section.revision,
            section_ordinal=section.ordinal,
            title=section.title,
            heading_path=section.heading_path,
            url=absolute_link(section.url, link_base=self._link_base),
            text=section.text,
            anchors=section.anchors,
            source=section.source_id,
            space=section.space,
            updated_at=section.updated_at,
            is_outdated=is_outdated(section),
            score=score,
            dense=dense,
        )


def best_first(passages: Iterable[Passage]) -> list[Passage]:
    """By score; equal ones by their place, so that an order never depends on chance."""
    return sorted(passages, key=lambda passage: (-passage.score, passage.document_id, passage.section_ordinal))


def spread_over_pages(passages: Sequence[Passage]) -> list[Passage]:
    """Best first again, with each section lowered by how many better ones of its own page there are."""
    earlier: Counter[str] = Counter()
    lowered = []
    for passage in passages:
        lowered.append(replace(passage, score=passage.score - SAME_PAGE_PENALTY * earlier[passage.document_id]))
        earlier[passage.document_id] += 1
    return best_first(lowered)


def absolute_link(url: str, *, link_base: str) -> str:
    """Links of sources without an address of their own start at this server."""
    return link_base + url if url.startswith("/") else url


def _understood(query: Query, sections: Iterable[StoredSection]) -> tuple[list[Slip], list[str]]:
    """Words that may be slips, and what abbreviations stand for."""
    # What is in quotation marks is meant literally.
    literal = {word for phrase in query.phrases for word in phrase.split()}
    texts = ["\n".join((section.title, *section.heading_path, section.text)) for section in sections]
    return find_slips(query.words, texts, is_held=literal), long_forms(query.words, texts)


def _filter(scope: SearchScope, tenant: str, audience_ids: Sequence[int]) -> IndexFilter:
    return IndexFilter(
        tenant=tenant,
        audience_ids=tuple(audience_ids),
        source_id=scope.source,
        space=scope.space,
        labels=scope.labels,
        updated_since=scope.updated_since,
    )


def _key(section: StoredSection) -> SectionKey:
    return SectionKey(document_id=section.document_id, revision=section.revision, section_ordinal=section.ordinal)
