"""Rates retrieval on a suite: the whole path a question takes, beside words alone and the embedder alone."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.answering.ports import Retriever
from app.answering.types import SearchScope
from app.measures import mean, measure_ranking, percentile
from app.suites import Suite
from kb.access import Principal
from kb.index.base import Hit, IndexFilter
from kb.wiring import KnowledgeBase

# Deep enough for recall@20.
DEPTH = 20
MOST_CHUNKS = 100

# Query → document ids, best first.
Ranker: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRating:
    """One query, as one ranker did. `found`: page ids, best first."""

    query_id: str
    query: str
    found: tuple[str, ...]
    ndcg_10: float
    recall_5: float
    recall_20: float
    mrr_10: float
    milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerScores:
    """Means over all queries, 0…1; times in milliseconds."""

    ndcg_10: float
    recall_5: float
    recall_20: float
    mrr_10: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRun:
    """A suite as each ranker did it."""

    suite: Suite
    ratings: Mapping[str, Sequence[QueryRating]]

    @property
    def scores(self) -> Mapping[str, RankerScores]:
        """The summary of each ranker."""
        return {name: summarise(ratings) for name, ratings in self.ratings.items()}


async def rate(suite: Suite, ranker: Ranker, *, source_id: str) -> AsyncIterator[QueryRating]:
    """A rating of each query. The suite's pages are the documents of this source. Raises ConfigError."""
    page_of = {f"{source_id}:{page.file_name}": page.id for page in suite.pages}
    for query_id, query in suite.queries.items():
        started = time.perf_counter()
        documents = await ranker(query)
        milliseconds = (time.perf_counter() - started) * 1000
        found = tuple(dict.fromkeys(page_of[document] for document in documents if document in page_of))
        measured = measure_ranking(found, suite.judged[query_id])
        yield QueryRating(
            query_id=query_id,
            query=query,
            found=found[:DEPTH],
            ndcg_10=measured.ndcg_10,
            recall_5=measured.recall_5,
            recall_20=measured.recall_20,
            mrr_10=measured.mrr_10,
            milliseconds=milliseconds,
        )


def summarise(ratings: Sequence[QueryRating]) -> RankerScores:
    """The means and percentiles."""
    times = [rating.milliseconds for rating in ratings]
    return RankerScores(
        ndcg_10=mean([rating.ndcg_10 for rating in ratings]),
        recall_5=mean([rating.recall_5 for rating in ratings]),
        recall_20=mean([rating.recall_20 for rating in ratings]),
        mrr_10=mean([rating.mrr_10 for rating in ratings]),
        p50_ms=percentile(times, 0.5),
        p95_ms=percentile(times, 0.95),
    )


def rankers(retriever: Retriever, knowledge_base: KnowledgeBase, principal: Principal) -> Mapping[str, Ranker]:
    """What is compared: `footnote` (the path a question takes), `words` (BM25 alone), `embedder` (its cosine alone)."""

    async def by_footnote(query: str) -> Sequence[str]:
        passages = await retriever.retrieve(query, principal, scope=SearchScope(), count=DEPTH)
        return [passage.document_id for passage in passages]

    async def by_words(query: str) -> Sequence[str]:
        where = await _where(knowledge_base, principal)
        hits = await knowledge_base.index.search(where=where, vector=None, text=query, k=MOST_CHUNKS)
        return _documents(hits, lambda hit: hit.sparse)

    async def by_embedder(query: str) -> Sequence[str]:
        where = await _where(knowledge_base, principal)
        vector = await knowledge_base.embedder.embed_query(query)
        hits = await knowledge_base.index.search(where=where, vector=vector, text="", k=MOST_CHUNKS)
        return _documents(hits, lambda hit: hit.dense)

    # Words first: the embedder remembers the last queries, and nothing may profit from what another did before it.
    return {"words": by_words, "footnote": by_footnote, "embedder": by_embedder}


async def _where(knowledge_base: KnowledgeBase, principal: Principal) -> IndexFilter:
    audience_ids = await knowledge_base.catalogue.access.readable(principal)
    return IndexFilter(tenant=principal.tenant, audience_ids=audience_ids)


def _documents(hits: Sequence[Hit], score: Callable[[Hit], float | None]) -> list[str]:
    best: dict[str, float] = {}
    for hit in hits:
        best[hit.document_id] = max(best.get(hit.document_id, 0.0), score(hit) or 0.0)
    return sorted(best, key=lambda document: (-best[document], document))
