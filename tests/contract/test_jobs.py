"""What the catalogue promises about jobs, builds and the switch of generations, on SQLite and on PostgreSQL."""

import asyncio

import pytest

from kb.catalogue import Catalogue
from kb.errors import IndexUnavailable
from tests.contract.catalogues import TENANT, edited, make_document, store

SOURCES = ["wiki", "handbook"]


async def make_generation(catalogue: Catalogue, embedder: str) -> int:
    made = await catalogue.generations.create(TENANT, embedder_identity=embedder, embedder_name="E", dimension=4)
    return made.id


async def test_a_job_is_leased_by_one_of_many_who_ask_at_once(catalogue: Catalogue, second: Catalogue) -> None:
    await catalogue.jobs.enqueue(TENANT, "wiki")
    asking = [
        each.jobs.lease(TENANT, SOURCES, holder=f"h{number}", seconds=60)
        for number, each in enumerate([catalogue, second] * 4)
    ]
    assert sum(job is not None for job in await asyncio.gather(*asking)) == 1


async def test_hints_go_first_and_what_is_asked_for_during_a_run_stays_asked_for(catalogue: Catalogue) -> None:
    await catalogue.jobs.enqueue(TENANT, "wiki")
    await catalogue.jobs.enqueue(TENANT, "handbook", is_hint=True)
    first = await catalogue.jobs.lease(TENANT, SOURCES, holder="h", seconds=60)
    assert first is not None
    assert (first.source_id, first.is_hinted) == ("handbook", True)
    await catalogue.jobs.enqueue(TENANT, "handbook", is_hint=True)
    await catalogue.jobs.done(TENANT, "handbook", holder="h", next_in_seconds=300)
    again = await catalogue.jobs.lease(TENANT, SOURCES, holder="h", seconds=60)
    assert again is not None
    assert again.source_id == "handbook"


async def test_only_the_holder_renews_and_ends_a_job(catalogue: Catalogue) -> None:
    await catalogue.jobs.enqueue(TENANT, "wiki")
    await catalogue.jobs.lease(TENANT, SOURCES, holder="h", seconds=60)
    assert await catalogue.jobs.heartbeat(TENANT, "wiki", holder="h", seconds=60)
    assert not await catalogue.jobs.heartbeat(TENANT, "wiki", holder="other", seconds=60)
    await catalogue.jobs.done(TENANT, "wiki", holder="other", next_in_seconds=0)
    assert (await catalogue.jobs.all(TENANT))["wiki"].holder == "h"


async def test_jobs_of_another_tenant_are_never_given(catalogue: Catalogue) -> None:
    await catalogue.jobs.enqueue("globex", "wiki")
    assert await catalogue.jobs.lease(TENANT, SOURCES, holder="h", seconds=60) is None
    assert await catalogue.jobs.all(TENANT) == {}


async def test_a_generation_that_lacks_a_document_does_not_go_live(catalogue: Catalogue) -> None:
    first, other = await make_generation(catalogue, "e1"), await make_generation(catalogue, "e2")
    document = make_document()
    await store(catalogue, document)
    assert await catalogue.builds.outdated(TENANT, other, most=9) == [document.id]
    assert not await catalogue.generations.switch(TENANT, to=other)
    build = (await catalogue.builds.current(TENANT, first))[document.id]
    assert await catalogue.builds.commit(TENANT, document.id, generation=other, build=build, stored=[])
    assert await catalogue.generations.switch(TENANT, to=other)
    live = await catalogue.generations.live(TENANT)
    assert live is not None
    assert live.id == other
    assert [each.id for each in await catalogue.generations.others(TENANT)] == [first]


async def test_a_commit_under_a_generation_that_is_not_live_any_more_is_refused(catalogue: Catalogue) -> None:
    await make_generation(catalogue, "e1")
    other = await make_generation(catalogue, "e2")
    assert await catalogue.generations.switch(TENANT, to=other)
    with pytest.raises(IndexUnavailable, match="another generation"):
        await store(catalogue, make_document())
    assert await catalogue.documents.live_revisions(TENANT) == {}


async def test_what_is_built_of_a_revision_that_is_gone_is_not_kept(catalogue: Catalogue) -> None:
    first, other = await make_generation(catalogue, "e1"), await make_generation(catalogue, "e2")
    document = make_document()
    await store(catalogue, document)
    build = (await catalogue.builds.current(TENANT, first))[document.id]
    await store(catalogue, edited(document, "Three metres."))
    assert not await catalogue.builds.commit(TENANT, document.id, generation=other, build=build, stored=[])
