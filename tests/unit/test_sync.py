"""What one sync of one source promises: nothing lost, nothing half, nothing remembered too early."""

import asyncio
from dataclasses import replace

import pytest

from ingest.changes import AccessChanged, Checkpoint, Failed, Removed
from kb.access import Audience
from kb.errors import (
    CatalogueUnavailable,
    IndexUnavailable,
    ModelError,
    ModelUnavailable,
    SourceAuthError,
    SourceUnavailable,
)
from kb.wiring import KnowledgeBase
from tests.factories import (
    NOT_A_NUMBER,
    REFUSED,
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
    watched,
)

A, B, C = make_page("a"), make_page("b"), make_page("c")
DONE = Checkpoint(value="done")


async def test_everything_given_is_found_and_the_progress_is_saved(base: KnowledgeBase) -> None:
    report = await sync(base, listing(A, B), A, B, DONE)
    assert (report.indexed, report.complete, report.reason) == (2, True, None)
    assert await texts_found(base, "text of a") == {"Text of a.", "Text of b."}
    assert await checkpoint(base) == "done"


async def test_a_run_starts_from_the_saved_progress_and_knows_what_is_stored(base: KnowledgeBase) -> None:
    await sync(base, listing(A), A, DONE)
    connector = Scripted([listing(A)])
    await sync_with(base, connector)
    assert (connector.since, connector.known) == ([DONE], [{"a": "1"}])


async def test_a_full_run_starts_from_nothing(base: KnowledgeBase) -> None:
    await sync(base, listing(A), A, DONE)
    connector = Scripted([listing(A), A])
    await sync_with(base, connector, is_full=True)
    assert (connector.since, connector.known) == ([None], [{}])


async def test_a_checkpoint_is_saved_after_everything_before_it_is_stored(base: KnowledgeBase) -> None:
    seen: list[tuple[set[str], str | None]] = []

    async def look() -> None:
        seen.append((set(await versions(base)), await checkpoint(base)))

    first, second = Checkpoint(value="first"), Checkpoint(value="second")
    await sync(base, listing(A, B), A, look, first, look, B, look, second, look)
    assert seen == [(set(), None), ({"a"}, "first"), ({"a"}, "first"), ({"a", "b"}, "second")]


async def test_a_checkpoint_waits_for_the_removals_before_it(base: KnowledgeBase) -> None:
    await sync(base, listing(A, B), A, B, DONE)
    seen: list[str | None] = []

    async def look() -> None:
        seen.append(await checkpoint(base))

    await sync(base, listing(B), Removed(native_id="a", reason="trashed"), Checkpoint(value="later"), look)
    assert seen == ["done"]
    assert await checkpoint(base) == "later"


async def test_what_came_before_a_source_failed_is_stored_and_the_next_run_embeds_only_the_rest(
    base: KnowledgeBase,
) -> None:
    report = await sync(base, listing(A, B), A, SourceUnavailable("the wiki did not answer"), B, DONE)
    assert (report.complete, report.reason) == (False, "the wiki did not answer")
    assert (await versions(base), await checkpoint(base)) == ({"a": "1"}, None)
    report = await sync(base, listing(A, B), A, B, DONE)
    assert (report.embedded_chunks, report.complete) == (1, True)


async def test_a_refused_token_is_the_reports_reason(base: KnowledgeBase) -> None:
    report = await sync(base, SourceAuthError("the wiki refused the token: make a new one"))
    assert report.reason == "the wiki refused the token: make a new one"


@pytest.mark.parametrize("word", [REFUSED, NOT_A_NUMBER])
async def test_one_page_that_cannot_be_embedded_is_named_and_the_others_are_stored(
    base: KnowledgeBase, word: str
) -> None:
    bad = make_page("bad", f"An {word} page.")
    report = await sync(base, listing(A, bad, B), A, bad, B, DONE)
    assert set(await versions(base)) == {"a", "b"}
    assert [(each.document_id, each.title) for each in report.missing] == [("wiki:bad", "Page bad")]
    assert (report.quarantined, report.complete) == (1, True)
    assert await index_agrees(base)


async def test_a_page_that_cannot_be_embedded_any_more_keeps_its_good_copy(base: KnowledgeBase) -> None:
    await sync(base, listing(A), A)
    await sync(base, listing(A), make_page("a", f"An {REFUSED} page.", version="2"))
    assert await texts_found(base, "text of a") == {"Text of a."}
    assert await versions(base) == {"a": "1"}


async def test_a_quarantined_page_that_gets_well_is_stored_and_named_no_more(base: KnowledgeBase) -> None:
    await sync(base, listing(A), make_page("a", f"An {REFUSED} page."))
    report = await sync(base, listing(A), replace(A, version="2"))
    assert (report.missing, report.quarantined, report.indexed) == ((), 0, 1)


async def test_an_embedder_that_refuses_everything_ends_the_run_and_blames_no_page(base: KnowledgeBase) -> None:
    watched(base).fails_after = 0
    with pytest.raises(ModelError, match="refused"):
        await sync(base, listing(A, B), A, B, DONE)
    assert await base.catalogue.sources.problems(TENANT, SOURCE) == []
    assert await checkpoint(base) is None


async def test_an_embedder_that_goes_away_ends_the_run_and_what_was_stored_stays(base: KnowledgeBase) -> None:
    watched(base).fails_after = 1
    watched(base).failure = ModelUnavailable("the embedder does not answer")
    with pytest.raises(ModelUnavailable):
        await sync(base, listing(A, B), A, Checkpoint(value="first"), B, DONE)
    assert (await versions(base), await checkpoint(base)) == ({"a": "1"}, "first")
    watched(base).fails_after = None
    report = await sync(base, listing(A, B), B, DONE)
    assert (report.embedded_chunks, report.indexed) == (1, 2)


async def test_a_failed_read_keeps_the_good_copy_and_is_named(base: KnowledgeBase) -> None:
    await sync(base, listing(A), A)
    report = await sync(base, listing(A), Failed(native_id="a", title="Page a", reason="cut off"))
    assert await texts_found(base, "text of a") == {"Text of a."}
    assert [(each.document_id, each.reason) for each in report.missing] == [("wiki:a", "cut off")]


async def test_a_run_that_is_cancelled_says_so_and_lets_the_next_one_in(base: KnowledgeBase) -> None:
    reached = asyncio.Event()

    async def stop_here() -> None:
        reached.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(sync(base, listing(A, B), A, Checkpoint(value="first"), stop_here, B))
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    ended = await base.catalogue.sources.last_run(TENANT, SOURCE)
    assert ended is not None
    assert ended.report is not None
    assert ended.report["reason"] == "interrupted"
    report = await sync(base, listing(A, B), B, DONE)
    assert (report.embedded_chunks, report.indexed) == (1, 2)


async def test_a_bug_ends_the_run_with_its_kind_and_never_with_its_text(base: KnowledgeBase) -> None:
    with pytest.raises(ZeroDivisionError):
        await sync(base, listing(A), ZeroDivisionError("the page says: secret"))
    ended = await base.catalogue.sources.last_run(TENANT, SOURCE)
    assert ended is not None
    assert ended.report is not None
    assert ended.report["reason"] == "ZeroDivisionError"


async def test_a_failing_disk_is_one_line_that_says_what_is_safe(base: KnowledgeBase) -> None:
    with pytest.raises(CatalogueUnavailable, match="No space left on device; nothing stored is lost"):
        await sync(base, listing(A), OSError(28, "No space left on device"))


async def test_while_a_source_is_synced_a_second_sync_of_it_is_refused_by_name(base: KnowledgeBase) -> None:
    refused = []

    async def sync_meanwhile() -> None:
        refused.append(await sync(base, listing(B), B))

    report = await sync(base, listing(A), A, sync_meanwhile)
    assert report.reason is None
    assert refused[0].reason is not None
    assert refused[0].reason.startswith("wiki is being synced by another process (process ")
    assert set(await versions(base)) == {"a"}


async def test_an_edit_that_also_restricts_closes_the_old_text_before_the_new_one_is_stored(
    base: KnowledgeBase,
) -> None:
    await sync(base, listing(A), A)
    found = []

    async def look() -> None:
        found.append(await texts_found(base, "text of a"))

    closed = make_page("a", "A secret.", version="2", audience=Audience.of(["ann@a.example"]))
    await sync(base, listing(A), closed, look)
    assert found == [set()]
    assert await texts_found(base, "secret", email="ann@a.example") == {"A secret."}


async def test_an_edit_that_also_opens_shows_the_old_text_to_nobody_new(base: KnowledgeBase) -> None:
    secret = make_page("a", "A secret.", audience=Audience.of(["ann@a.example"]))
    await sync(base, listing(secret), secret)
    opened = make_page("a", f"An {REFUSED} page.", version="2")
    await sync(base, listing(secret), opened)
    assert await texts_found(base, "secret") == set()
    assert await texts_found(base, "secret", email="ann@a.example") == {"A secret."}


async def test_an_audience_that_changes_right_after_the_text_is_the_one_that_counts(base: KnowledgeBase) -> None:
    closed = AccessChanged(native_id="a", audience=Audience.of(["ann@a.example"]), version="2")
    await sync(base, listing(A), A, closed)
    assert await texts_found(base, "text of a") == set()
    assert await versions(base) == {"a": "2"}


async def test_a_search_finds_the_old_page_or_the_new_one_at_every_moment_of_a_sync(base: KnowledgeBase) -> None:
    editions = [
        make_page("a", *(f"zebra edition {number} part {part}" for part in range(4)), version=str(number))
        for number in range(6)
    ]
    await sync(base, listing(editions[0]), editions[0])
    is_over = asyncio.Event()
    found: list[set[str]] = []

    async def read() -> None:
        while not is_over.is_set():
            found.append({text[:15] for text in await texts_found(base, "zebra edition part")})

    reading = asyncio.create_task(read())
    for edition in editions[1:]:
        await sync(base, listing(edition), edition)
    is_over.set()
    await reading
    assert len(found) > len(editions)
    assert all(len(texts) == 1 for texts in found)


async def test_an_index_that_fails_before_the_commit_leaves_the_old_page(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sync(base, listing(A), A)

    async def fail() -> None:
        raise IndexUnavailable("the index does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(base.index, "flush", fail)
        with pytest.raises(IndexUnavailable):
            await sync(base, listing(A), make_page("a", "New text.", version="2"), DONE)
    assert await texts_found(base, "text of a") == {"Text of a."}
    assert await checkpoint(base) is None
    report = await sync(base, listing(A), make_page("a", "New text.", version="2"), DONE)
    assert report.reason is None
    assert await texts_found(base, "new text") == {"New text."}
    assert await index_agrees(base)
