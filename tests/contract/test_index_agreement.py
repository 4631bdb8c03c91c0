"""Whatever is stored and asked, the edge index finds what the plainest code finds, with the same scores."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.index.base import Hit, Index, IndexFilter
from kb.index.memory import MemoryIndex
from tests.contract.indexes import DIMENSION, build_index, empty, make_page, make_vector

WORDS = ("holiday", "policy", "network", "diagram", "invoice", "on-call", "WIKI-42", "Straße")
# Edge keeps vectors in 16 bits.
NEAR = 2e-3
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
# Every example is a tenant of its own, in one index: what other examples stored must not matter.
_TENANTS = (f"tenant-{number}" for number in itertools.count())

pages = st.sampled_from(["wiki:a", "wiki:b", "docs:c"])
revisions = st.integers(1, 2)
audiences = st.integers(1, 3)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
moments = st.integers(0, 3).map(lambda days: EPOCH + timedelta(days=days))


@dataclass(frozen=True, slots=True)
class Upsert:
    page: str
    revision: int
    texts: tuple[str, ...]
    audience_id: int
    space: str
    labels: tuple[str, ...]
    updated_at: datetime

    async def apply(self, index: Index, tenant: str) -> None:
        # As in a sync, a revision is written once; it may be written again as it was.
        await index.delete_revisions(tenant=tenant, document_id=self.page, keep=3 - self.revision)
        await index.upsert_revision(
            make_page(
                *self.texts,
                tenant=tenant,
                document_id=self.page,
                source_id=self.page.split(":")[0],
                revision=self.revision,
                audience_id=self.audience_id,
                space=self.space,
                labels=self.labels,
                updated_at=self.updated_at,
            )
        )


@dataclass(frozen=True, slots=True)
class Delete:
    page: str
    keep: int | None

    async def apply(self, index: Index, tenant: str) -> None:
        await index.delete_revisions(tenant=tenant, document_id=self.page, keep=self.keep)


@dataclass(frozen=True, slots=True)
class SetAudience:
    page: str
    audience_id: int

    async def apply(self, index: Index, tenant: str) -> None:
        await index.set_audience(tenant=tenant, document_id=self.page, audience_id=self.audience_id)


labels = st.lists(st.sampled_from(["hr", "draft"]), unique=True).map(tuple)
spaces = st.sampled_from(["ENG", "OPS"])
upserts = st.builds(
    Upsert, pages, revisions, st.lists(texts, min_size=1, max_size=4).map(tuple), audiences, spaces, labels, moments
)
changes = st.one_of(
    upserts,
    st.builds(Delete, pages, st.none() | revisions),
    st.builds(SetAudience, pages, audiences),
)
filters = st.builds(
    IndexFilter,
    tenant=st.just(""),
    audience_ids=st.lists(audiences, unique=True).map(tuple),
    source_id=st.none() | st.sampled_from(["wiki", "docs"]),
    space=st.none() | spaces,
    labels=labels,
    updated_since=st.none() | moments,
)


@given(
    stored=st.lists(upserts, min_size=1, max_size=4),
    later=st.lists(changes, min_size=1, max_size=4),
    narrowed=filters,
    query=texts,
    has_vector=st.booleans(),
    k=st.integers(1, 12),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_edge_and_memory_agree(
    shared_data_dir: Path,
    stored: Sequence[Upsert],
    later: Sequence[Upsert | Delete | SetAudience],
    narrowed: IndexFilter,
    query: str,
    has_vector: bool,
    k: int,
) -> None:
    tenant = next(_TENANTS)
    edge, memory = build_index("edge", shared_data_dir, generation=1), MemoryIndex(dimension=DIMENSION)
    for change in [*stored, *later]:
        for index in (edge, memory):
            await change.apply(index, tenant)
    assert dict(await edge.counts(tenant=tenant)) == dict(await memory.counts(tenant=tenant))
    vector = make_vector(query) if has_vector else None
    for where in filters_from(narrowed, tenant=tenant):
        everything = {"where": where, "vector": vector, "text": query, "k": 100}
        assert rows(await edge.search(**everything)) == expected(await memory.search(**everything))
        # Chunks of equal scores may take each other's place at the end of the list: the scores may not differ.
        best = {**everything, "k": k}
        found, right = await edge.search(**best), await memory.search(**best)
        assert scores(found, "dense") == pytest.approx(scores(right, "dense"), abs=NEAR)
        assert scores(found, "sparse") == pytest.approx(scores(right, "sparse"), abs=NEAR)
    await empty(edge, tenants=[tenant])
    await edge.close()


def filters_from(narrowed: IndexFilter, *, tenant: str) -> Iterator[IndexFilter]:
    """The filter as it is; its parts one by one; and none but the mandatory ones."""
    everyone = IndexFilter(tenant=tenant, audience_ids=(1, 2, 3))
    yield replace(narrowed, tenant=tenant)
    yield everyone
    for name in ("audience_ids", "source_id", "space", "labels", "updated_since"):
        yield replace(everyone, **{name: getattr(narrowed, name)})


def rows(hits: Sequence[Hit]) -> list[tuple[object, ...]]:
    return [(hit.document_id, hit.revision, hit.section_ordinal, hit.ordinal, hit.dense, hit.sparse) for hit in hits]


def expected(hits: Sequence[Hit]) -> list[tuple[object, ...]]:
    return [
        (*row[:4], *(None if score is None else pytest.approx(score, abs=NEAR) for score in row[4:]))
        for row in rows(hits)
    ]


def scores(hits: Sequence[Hit], name: str) -> list[float]:
    return sorted(score for hit in hits if (score := getattr(hit, name)) is not None)
