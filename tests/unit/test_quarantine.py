"""A page that cannot be read is named, tried a few times, left alone, and read again when it changes or on request."""

from dataclasses import replace

import pytest

from app.settings import Settings
from app.status import SourceStatus, read_status
from ingest.changes import Checkpoint, Failed
from ingest.reporting import MOST_ATTEMPTS
from kb.errors import SourceUnavailable
from kb.settings import SourceTable
from kb.wiring import KnowledgeBase
from tests.factories import (
    REFUSED,
    SOURCE,
    TENANT,
    Scripted,
    index_agrees,
    listing,
    make_page,
    sync,
    sync_with,
    versions,
)

A, B = make_page("a"), make_page("b")
BAD = Failed(native_id="a", title="Page a", reason="it is binary", version="7")


async def fail(base: KnowledgeBase, *, times: int = MOST_ATTEMPTS, failed: Failed = BAD) -> None:
    for _ in range(times):
        await sync(base, listing("a"), failed)


async def passed_over(base: KnowledgeBase) -> bool:
    """Does the next run tell the connector that the page need not be read?"""
    connector = Scripted([listing("a")])
    await sync_with(base, connector)
    return connector.known == [{"a": "7"}]


async def status(base: KnowledgeBase) -> SourceStatus:
    settings = Settings(
        tenant=TENANT, data_dir=base.settings.data_dir, sources=(SourceTable(id=SOURCE, kind="folder"),)
    )
    return (await read_status(settings, base.catalogue)).sources[0]


async def test_a_version_that_failed_five_times_is_left_alone_and_stays_named(base: KnowledgeBase) -> None:
    await fail(base, times=MOST_ATTEMPTS - 1)
    assert not await passed_over(base)
    await fail(base)
    assert await passed_over(base)
    (missing,) = (await status(base)).missing
    assert missing.reason == "it is binary (tried 5 times)"


async def test_another_version_is_another_page(base: KnowledgeBase) -> None:
    await fail(base)
    await fail(base, times=1, failed=replace(BAD, version="8"))
    (problem,) = await base.catalogue.sources.problems(TENANT, SOURCE)
    assert (problem.attempts, await passed_over(base)) == (1, False)


async def test_a_failure_of_no_version_is_tried_for_ever(base: KnowledgeBase) -> None:
    await fail(base, times=9, failed=replace(BAD, version=""))
    assert not await passed_over(base)


async def test_on_request_it_is_read_again(base: KnowledgeBase) -> None:
    await fail(base)
    assert await base.catalogue.sources.retry(TENANT, SOURCE, native_id="b") == 0
    assert await base.catalogue.sources.retry(TENANT, SOURCE, native_id="a") == 1
    assert not await passed_over(base)
    await fail(base)
    assert await base.catalogue.sources.retry(TENANT, SOURCE) == 1


async def test_a_quarantined_page_that_is_gone_from_its_source_is_named_no_more(base: KnowledgeBase) -> None:
    await fail(base)
    await sync(base, listing(B), B)
    assert await base.catalogue.sources.problems(TENANT, SOURCE) == []


async def test_a_poison_page_costs_its_batch_five_runs_and_no_more(base: KnowledgeBase) -> None:
    poison = make_page("p", f"An {REFUSED} page.")
    for _ in range(MOST_ATTEMPTS):
        await sync(base, listing(poison, B), poison, B)
    connector = Scripted([listing(poison, B)])
    report = await sync_with(base, connector)
    assert connector.known == [{"b": "1", "p": "1"}]
    assert (report.quarantined, report.indexed) == (1, 1)
    assert await index_agrees(base)


async def test_what_was_listed_and_not_reached_is_unread_by_name(base: KnowledgeBase) -> None:
    await sync(base, listing(A, B), A, Checkpoint(value="first"), SourceUnavailable("the wiki did not answer"))
    found = await status(base)
    assert (found.counts.listed, found.counts.indexed, found.counts.unread) == (2, 1, 1)
    assert [(page.document_id, page.reason) for page in found.missing] == [("wiki:b", "not read yet")]
    await sync(base, listing(A, B), B)
    assert (await status(base)).missing == ()


async def test_a_good_copy_of_a_page_that_cannot_be_read_any_more_is_out_of_date(base: KnowledgeBase) -> None:
    await sync(base, listing(A), A)
    await fail(base, times=1)
    found = await status(base)
    assert (found.missing, [page.document_id for page in found.stale], found.counts.stale) == ((), ["wiki:a"], 1)


async def test_lag_counts_from_the_last_complete_sync(base: KnowledgeBase) -> None:
    assert (await status(base)).lag_seconds is None
    await sync(base, listing(A), A)
    complete = (await status(base)).last_complete
    await sync(base, SourceUnavailable("the wiki did not answer"))
    assert (await status(base)).last_complete == complete
    assert (await status(base)).lag_seconds is not None


@pytest.mark.parametrize("allowed", [False, True])
async def test_a_full_run_of_a_source_that_lists_nothing_removes_nothing_unasked(
    base: KnowledgeBase, allowed: bool
) -> None:
    await sync(base, listing(A, B), A, B)
    gone = {"a": "gone", "b": "gone"}
    report = await sync(base, listing(), evidence=gone, is_full=True, may_remove_many=allowed)
    assert ("lists nothing" in (report.reason or "")) is not allowed
    assert set(await versions(base)) == (set() if allowed else {"a", "b"})
