"""Removals: at once, on positive evidence, and never many unasked."""

import pytest

from ingest.changes import Checkpoint, Failed, Removed, Skipped
from ingest.removing import Removals
from kb.errors import SourceUnavailable
from kb.wiring import KnowledgeBase
from tests.factories import (
    SOURCE,
    TENANT,
    Scripted,
    checkpoint,
    index_agrees,
    listing,
    make_page,
    sync,
    sync_with,
    texts_found,
    versions,
)

A, B = make_page("a"), make_page("b")
GONE = {"a": "it answers 404"}


async def stored(base: KnowledgeBase, count: int) -> list[str]:
    """The names of so many pages, stored."""
    pages = [make_page(f"p{number:03}", f"Words {number}.") for number in range(count)]
    await sync(base, listing(*pages), *pages)
    return [page.native_id for page in pages]


async def test_a_page_the_source_calls_gone_is_found_no_more(base: KnowledgeBase) -> None:
    await sync(base, listing(A, B), A, B)
    report = await sync(base, listing(B), Removed(native_id="a", reason="trashed"))
    assert (report.removed, report.indexed, report.missing) == (1, 1, ())
    assert await texts_found(base, "text of a") == {"Text of b."}
    assert await index_agrees(base)


async def test_a_page_missing_from_a_complete_listing_is_removed_once_a_direct_read_says_so(
    base: KnowledgeBase,
) -> None:
    await sync(base, listing(A, B), A, B)
    connector = Scripted([listing(B)], evidence=GONE)
    report = await sync_with(base, connector)
    assert (connector.asked_about, report.removed) == (["a"], 1)
    assert await versions(base) == {"b": "1"}


async def test_a_page_missing_from_a_listing_without_evidence_stays_and_is_named(base: KnowledgeBase) -> None:
    await sync(base, listing(A, B), A, B)
    report = await sync(base, listing(B))
    assert set(await versions(base)) == {"a", "b"}
    assert [each.document_id for each in report.missing] == ["wiki:a"]
    assert "nothing shows that it is gone" in report.missing[0].reason


async def test_an_incomplete_listing_shows_nothing_missing(base: KnowledgeBase) -> None:
    await sync(base, listing(A, B), A, B)
    connector = Scripted([listing(B, is_complete=False, reason="a space was refused")], evidence=GONE)
    report = await sync_with(base, connector)
    assert (connector.asked_about, report.removed, report.reason) == ([], 0, "a space was refused")
    assert set(await versions(base)) == {"a", "b"}


async def test_a_source_that_fails_while_evidence_is_sought_removes_nothing(base: KnowledgeBase) -> None:
    await sync(base, listing(A, B), A, B)

    class Failing(Scripted):
        async def confirm_removed(self, native_id: str) -> str | None:
            raise SourceUnavailable("the wiki did not answer")

    report = await sync_with(base, Failing([listing(B)]))
    assert (report.removed, report.reason) == (0, "the wiki did not answer")
    assert set(await versions(base)) == {"a", "b"}


async def test_what_the_source_called_gone_is_removed_even_if_it_fails_later(base: KnowledgeBase) -> None:
    await sync(base, listing(A, B), A, B)
    report = await sync(base, Removed(native_id="a", reason="trashed"), SourceUnavailable("cut off"))
    assert (report.removed, report.reason) == (1, "cut off")
    assert await versions(base) == {"b": "1"}


async def test_a_page_called_gone_that_comes_after_all_stays(base: KnowledgeBase) -> None:
    await sync(base, listing(A), A)
    await sync(base, listing(A), Removed(native_id="a", reason="trashed"), make_page("a", "Back.", version="2"))
    assert await versions(base) == {"a": "2"}


async def test_a_page_that_came_and_went_in_one_run_is_gone(base: KnowledgeBase) -> None:
    report = await sync(base, listing(), A, Removed(native_id="a", reason="trashed"))
    assert (report.removed, await versions(base)) == (1, {})


async def test_a_page_that_is_none_any_more_is_removed_and_says_why(base: KnowledgeBase) -> None:
    await sync(base, listing(A), A)
    report = await sync(base, listing(A), Skipped(native_id="a", title="Page a", reason="it became an image"))
    assert (report.removed, report.skipped) == (1, 1)
    assert [each.reason for each in report.missing] == ["it became an image"]
    assert await versions(base) == {}


async def test_a_page_that_comes_back_is_found_again(base: KnowledgeBase) -> None:
    await sync(base, listing(A), A)
    await sync(base, listing(), Removed(native_id="a", reason="trashed"))
    await sync(base, listing(A), A)
    assert await texts_found(base, "text of a") == {"Text of a."}
    assert await index_agrees(base)


async def test_a_page_that_fails_to_be_read_is_never_removed_for_it(base: KnowledgeBase) -> None:
    await sync(base, listing(A), A)
    report = await sync(base, listing(A), Failed(native_id="a", title="Page a", reason="not UTF-8"))
    assert (report.removed, await versions(base)) == (0, {"a": "1"})


@pytest.mark.parametrize(("page_count", "gone_count"), [(21, 20), (20, 20)])
async def test_up_to_twenty_pages_or_five_percent_go_unasked(
    base: KnowledgeBase, page_count: int, gone_count: int
) -> None:
    names = await stored(base, page_count)
    gone = dict.fromkeys(names[:gone_count], "it answers 404")
    report = await sync(base, listing(*names[gone_count:]), evidence=gone)
    assert (report.removed, report.reason) == (gone_count, None)


async def test_more_are_kept_and_the_reason_says_how_to_remove_them(base: KnowledgeBase) -> None:
    names = await stored(base, 22)
    gone = dict.fromkeys(names[:21], "it answers 404")
    report = await sync(base, listing(*names[21:]), evidence=gone)
    assert (report.removed, report.complete) == (0, False)
    assert report.reason is not None
    assert "footnote sync --allow-removals" in report.reason
    assert len(await versions(base)) == 22
    allowed = await sync(base, listing(*names[21:]), evidence=gone, may_remove_many=True)
    assert (allowed.removed, allowed.reason) == (21, None)


@pytest.mark.parametrize(("gone_count", "removed_count"), [(50, 50), (51, 0)])
async def test_of_a_thousand_pages_fifty_go_unasked(base: KnowledgeBase, gone_count: int, removed_count: int) -> None:
    known = {f"p{number}": "1" for number in range(1000)}
    names = list(known)
    source = Scripted([], evidence=dict.fromkeys(names[:gone_count], "it answers 404"))
    removals = Removals(base.catalogue, source, tenant=TENANT, source_id=SOURCE, may_remove_many=False)
    count, reason = await removals.carry_out(listing(*names[gone_count:]), known=known)
    assert (count, reason is None) == (removed_count, removed_count > 0)


async def test_many_called_gone_are_kept_and_the_progress_is_not_saved(base: KnowledgeBase) -> None:
    names = await stored(base, 30)
    gone = [Removed(native_id=name, reason="trashed") for name in names]
    report = await sync(base, listing(), *gone, Checkpoint(value="after"))
    assert (report.removed, await checkpoint(base)) == (0, None)
    report = await sync(base, listing(), *gone, Checkpoint(value="after"), may_remove_many=True)
    assert (report.removed, await checkpoint(base)) == (30, "after")


async def test_a_removed_page_says_in_the_catalogue_why(base: KnowledgeBase) -> None:
    await sync(base, listing(A), A)
    await sync(base, listing(), evidence=GONE)
    assert await base.catalogue.documents.get(TENANT, A.id) is None
    assert await base.catalogue.documents.garbage(TENANT) == []
    assert (await base.catalogue.sources.counts(TENANT, SOURCE)).indexed == 0
