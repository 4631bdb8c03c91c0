"""Every index keeps the same promises: memory, edge, and server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from kb.embedders.base import Vectors
from kb.errors import IndexFailure
from kb.index.base import Hit, Index, IndexedChunk, IndexFilter
from tests.contract.indexes import DIMENSION, find, make_chunk, make_page, make_vector, pages, see

NOTHING = np.zeros(DIMENSION, dtype=np.float32)
BAD_VECTORS = {
    "not a number": np.full(DIMENSION, np.nan, dtype=np.float32),
    "infinite": np.full(DIMENSION, np.inf, dtype=np.float32),
    "zero": NOTHING,
    "twice as long": 2 * make_vector("holiday"),
    "too short": make_vector("holiday")[:-1],
    "too many dimensions": np.stack([make_vector("holiday")] * 2),
}
MARCH = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def test_a_chunk_is_found_by_its_vector(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy", "network diagram"))
    (hit,) = await index.search(where=see(), vector=make_vector("network diagram"), text="", k=1)
    assert (hit.ordinal, hit.sparse) == (1, None)
    assert hit.dense == pytest.approx(1.0, abs=2e-3)


async def test_a_chunk_is_found_by_its_words(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy", "network diagram"))
    (hit,) = await index.search(where=see(), vector=None, text="diagrams", k=5)
    assert (hit.ordinal, hit.dense) == (1, None)
    assert hit.sparse is not None
    assert hit.sparse > 0


async def test_vector_and_words_make_one_hit_of_a_chunk(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy"))
    (hit,) = await find(index, "holiday policy")
    assert hit.dense is not None
    assert hit.sparse is not None


async def test_a_hit_names_the_place_of_its_chunk(index: Index) -> None:
    await index.upsert_revision([make_chunk(document_id="wiki:x", revision=7, section_ordinal=3, ordinal=9)])
    (hit,) = await find(index, "holiday policy")
    assert (hit.document_id, hit.revision, hit.section_ordinal, hit.ordinal) == ("wiki:x", 7, 3, 9)


async def test_a_query_without_vector_and_words_finds_nothing(index: Index) -> None:
    await index.upsert_revision(make_page("the holiday policy"))
    assert await index.search(where=see(), vector=None, text="the", k=5) == []


async def test_at_most_k_hits_come_from_each_search(index: Index) -> None:
    await index.upsert_revision(make_page(*(f"holiday number{n}" for n in range(9))))
    hits = await find(index, "holiday", k=3)
    assert sum(hit.dense is not None for hit in hits) == 3
    assert sum(hit.sparse is not None for hit in hits) == 3


@pytest.mark.parametrize("k", [0, -1])
async def test_no_hit_is_found_when_none_is_wanted(index: Index, k: int) -> None:
    await index.upsert_revision(make_page("holiday policy"))
    assert await find(index, "holiday policy", k=k) == []


async def test_hits_come_in_the_order_of_the_pages(index: Index) -> None:
    for document_id in ("wiki:b", "wiki:a"):
        await index.upsert_revision(make_page("holiday", "holiday policy", document_id=document_id))
    hits = await find(index, "holiday policy")
    assert [(hit.document_id, hit.ordinal) for hit in hits] == [
        ("wiki:a", 0), ("wiki:a", 1), ("wiki:b", 0), ("wiki:b", 1)
    ]  # fmt: skip


async def test_an_upsert_may_be_repeated(index: Index) -> None:
    for _ in range(2):
        await index.upsert_revision(make_page("holiday policy", "network diagram"))
    assert dict(await index.counts(tenant="acme")) == {("wiki:home", 1): 2}


async def test_an_empty_upsert_changes_nothing(index: Index) -> None:
    await index.upsert_revision([])
    assert dict(await index.counts(tenant="acme")) == {}


@pytest.mark.parametrize("vector", BAD_VECTORS.values(), ids=BAD_VECTORS)
async def test_a_vector_without_direction_is_refused_before_anything_is_written(index: Index, vector: Vectors) -> None:
    good, bad = make_page("holiday policy", "network diagram")
    with pytest.raises(IndexFailure, match="wiki:home"):
        await index.upsert_revision([good, replace(bad, vector=vector)])
    assert dict(await index.counts(tenant="acme")) == {}


@pytest.mark.parametrize("field", ["text", "embedded_text"])
async def test_half_a_character_is_refused_before_anything_is_written(index: Index, field: str) -> None:
    good, bad = make_page("holiday policy", "network diagram")
    with pytest.raises(IndexFailure, match="not Unicode"):
        await index.upsert_revision([good, replace(bad, **{field: "half \ud83d"})])
    assert dict(await index.counts(tenant="acme")) == {}


@pytest.mark.parametrize("change", [{"revision": 2}, {"document_id": "wiki:other"}, {"tenant": "globex"}], ids=str)
async def test_an_upsert_holds_one_revision_of_one_page(index: Index, change: dict[str, object]) -> None:
    chunks = [make_chunk(), make_chunk(ordinal=1, **change)]
    with pytest.raises(IndexFailure, match="one revision"):
        await index.upsert_revision(chunks)
    assert dict(await index.counts(tenant="acme")) == {}


@pytest.mark.parametrize("vector", BAD_VECTORS.values(), ids=BAD_VECTORS)
async def test_a_query_without_direction_is_refused(index: Index, vector: Vectors) -> None:
    await index.upsert_revision(make_page("holiday policy"))
    with pytest.raises(IndexFailure, match="query"):
        await index.search(where=see(), vector=vector, text="", k=5)


async def test_a_query_of_half_a_character_is_refused(index: Index) -> None:
    with pytest.raises(IndexFailure, match="not Unicode"):
        await index.search(where=see(), vector=None, text="half \ud83d", k=5)


@pytest.mark.parametrize("text", ["\x00\x07", "' OR 1=1 --", "😀" * 50, "w" * 100_000, "\u202eevil"], ids=len)
async def test_any_text_may_be_searched_for(index: Index, text: str) -> None:
    await index.upsert_revision(make_page("holiday policy"))
    hits = await index.search(where=see(), vector=make_vector("holiday policy"), text=text, k=5)
    assert pages(hits) == ["wiki:home"]


async def test_old_revisions_are_deleted_and_the_kept_one_stays(index: Index) -> None:
    for revision in (1, 2, 3):
        await index.upsert_revision(make_page("holiday policy", "network diagram", revision=revision))
    await index.delete_revisions(tenant="acme", document_id="wiki:home", keep=2)
    assert dict(await index.counts(tenant="acme")) == {("wiki:home", 2): 2}


async def test_a_page_is_deleted_whole(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy", revision=1))
    await index.upsert_revision(make_page("holiday policy", document_id="wiki:other"))
    await index.delete_revisions(tenant="acme", document_id="wiki:home", keep=None)
    assert pages(await find(index, "holiday policy")) == ["wiki:other"]


async def test_deleting_a_page_leaves_another_tenants_page_of_the_same_name(index: Index) -> None:
    for tenant in ("acme", "globex"):
        await index.upsert_revision(make_page("holiday policy", tenant=tenant))
    await index.delete_revisions(tenant="acme", document_id="wiki:home", keep=None)
    assert dict(await index.counts(tenant="acme")) == {}
    assert dict(await index.counts(tenant="globex")) == {("wiki:home", 1): 1}


async def test_a_page_that_is_not_there_may_be_deleted(index: Index) -> None:
    await index.delete_revisions(tenant="acme", document_id="wiki:home", keep=None)
    await index.set_audience(tenant="acme", document_id="wiki:home", audience_id=2)
    assert dict(await index.counts(tenant="acme")) == {}


async def test_a_page_follows_its_audience(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy", "network diagram"))
    await index.set_audience(tenant="acme", document_id="wiki:home", audience_id=2)
    assert await find(index, "holiday policy", where=see(audience_ids=(1,))) == []
    assert len(await find(index, "holiday policy", where=see(audience_ids=(2,)))) == 2


async def test_a_new_audience_is_only_that_pages_and_that_tenants(index: Index) -> None:
    for tenant in ("acme", "globex"):
        await index.upsert_revision(make_page("holiday policy", tenant=tenant))
    await index.upsert_revision(make_page("holiday policy", document_id="wiki:other"))
    await index.set_audience(tenant="acme", document_id="wiki:home", audience_id=2)
    assert pages(await find(index, "holiday policy")) == ["wiki:other"]
    assert pages(await find(index, "holiday policy", where=see(tenant="globex"))) == ["wiki:home"]


async def test_no_search_reaches_another_tenants_pages(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy", tenant="globex"))
    assert await find(index, "holiday policy") == []


async def test_a_tenant_cannot_be_named_so_that_it_reads_anothers_pages(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy", tenant="acme", audience_id=1))
    for tenant in ("1@acme", "@acme", "acme@", "ACME"):
        assert await find(index, "holiday policy", where=see(tenant=tenant)) == []


async def test_who_is_in_no_audience_finds_nothing(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy"))
    assert await find(index, "holiday policy", where=see(audience_ids=())) == []
    assert await find(index, "holiday policy", where=see(audience_ids=(2, 3, 11))) == []


async def test_a_reader_sees_the_pages_of_all_their_audiences(index: Index) -> None:
    for audience_id in range(1, 5):
        await index.upsert_revision(
            make_page("holiday policy", document_id=f"wiki:{audience_id}", audience_id=audience_id)
        )
    assert pages(await find(index, "holiday policy", where=see(audience_ids=(1, 3)))) == ["wiki:1", "wiki:3"]


FILTERS = {
    "its source": (see(source_id="wiki"), True),
    "another source": (see(source_id="handbook"), False),
    "its space": (see(space="ENG"), True),
    "another space": (see(space="eng"), False),
    "one of its labels": (see(labels=("policy",)), True),
    "all of its labels": (see(labels=("policy", "hr")), True),
    "a label it lacks": (see(labels=("policy", "draft")), False),
    "its last moment": (see(updated_since=MARCH), True),
    "its last moment, elsewhere": (see(updated_since=MARCH.astimezone(timezone(timedelta(hours=9)))), True),
    "a moment later": (see(updated_since=MARCH + timedelta(seconds=1)), False),
    "everything at once": (see(source_id="wiki", space="ENG", labels=("hr",), updated_since=MARCH), True),
    "everything but one": (see(source_id="wiki", space="ENG", labels=("hr",), updated_since=MARCH, tenant="x"), False),
}


@pytest.mark.parametrize(("where", "is_found"), FILTERS.values(), ids=FILTERS)
async def test_a_search_keeps_to_its_filter(index: Index, where: IndexFilter, is_found: bool) -> None:
    await index.upsert_revision(make_page("holiday policy", labels=("policy", "hr"), updated_at=MARCH))
    assert bool(await find(index, "holiday policy", where=where)) is is_found


@pytest.mark.parametrize("document_id", ["wiki:a@2", "2@wiki:a", 'docs:it\'s/"q" ü 漢?.md', "w:" + "x" * 900], ids=len)
async def test_a_page_may_have_any_name(index: Index, document_id: str) -> None:
    await index.upsert_revision(make_page("holiday policy", document_id=document_id, revision=2))
    assert dict(await index.counts(tenant="acme")) == {(document_id, 2): 1}
    assert pages(await find(index, "holiday policy")) == [document_id]


async def test_what_a_reader_may_not_see_does_not_change_a_score(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy", "network diagram"))
    alone = await find(index, "holiday diagram")
    hidden = [make_page("holiday secret", document_id=f"wiki:{n}", audience_id=2) for n in range(5)]
    for page in [*hidden, make_page("holiday elsewhere", tenant="globex")]:
        await index.upsert_revision(page)
    assert rounded(await find(index, "holiday diagram")) == rounded(alone)


async def test_points_are_counted_by_page_and_revision(index: Index) -> None:
    await index.upsert_revision(make_page("one", "two", revision=1))
    await index.upsert_revision(make_page("one", "two", "three", revision=2))
    await index.upsert_revision(make_page("one", document_id="wiki:other"))
    assert dict(await index.counts(tenant="acme")) == {
        ("wiki:home", 1): 2,
        ("wiki:home", 2): 3,
        ("wiki:other", 1): 1,
    }


async def test_a_long_page_is_stored_whole(index: Index) -> None:
    await index.upsert_revision(make_page(*(f"word{n} holiday" for n in range(600))))
    assert dict(await index.counts(tenant="acme")) == {("wiki:home", 1): 600}


async def test_an_index_in_use_is_healthy_and_knows_its_size(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy", "network diagram"))
    await index.flush()
    health = await index.health()
    assert (health.is_ready, health.point_count) == (True, 2)


def rounded(hits: list[Hit]) -> list[tuple[object, ...]]:
    """Hits to compare: their scores may differ in the last bits."""
    return [(hit.document_id, hit.ordinal, f"{hit.dense:.4f}", hit.sparse and f"{hit.sparse:.4f}") for hit in hits]


def test_a_chunk_is_made_with_derived_ids() -> None:
    first, second = make_chunk(), make_chunk()
    assert isinstance(first, IndexedChunk)
    assert first.id == second.id
