"""The report of a sync: everything the source lists is accounted for."""

from ingest.changes import Checkpoint, Failed, Skipped
from ingest.report import SyncReport
from kb.errors import SourceUnavailable
from kb.wiring import KnowledgeBase
from tests.factories import NOW, REFUSED, SOURCE, TENANT, Scripted, listing, make_page, sync, sync_with

A, B = make_page("a"), make_page("b")
IMAGE = Skipped(native_id="logo.png", title="Logo", reason="an image")
BROKEN = Failed(native_id="broken", title="Broken", reason="not UTF-8")


def make_report(**others: object) -> SyncReport:
    values: dict[str, object] = {
        "source_id": SOURCE, "started_at": NOW, "seconds": 1.2345, "listed": 3, "indexed": 2, "skipped": 0,
        "quarantined": 1, "missing": (), "requests": 7, "fetched": 2, "embedded_chunks": 5, "reused_chunks": 1,
        "removed": 0, "repaired": 0, "complete": True, "reason": None,
    }  # fmt: skip
    return SyncReport(**(values | others))  # type: ignore[arg-type]  # a test's own fields


async def test_every_listed_document_is_indexed_or_missing_with_its_reason(base: KnowledgeBase) -> None:
    refused = make_page("refused", f"An {REFUSED} page.")
    listed = listing(A, B, refused, "logo.png", "broken", "forgotten")
    report = await sync(base, listed, A, B, refused, IMAGE, BROKEN)
    assert {each.document_id.removeprefix("wiki:"): each.reason for each in report.missing} == {
        "logo.png": "an image",
        "broken": "not UTF-8",
        "refused": "the embedder refused the request",
        "forgotten": "not read yet",
    }
    assert report.listed == report.indexed + len(report.missing) == 6
    assert (report.skipped, report.quarantined) == (1, 2)


async def test_the_numbers_of_the_work_done_add_up(base: KnowledgeBase) -> None:
    connector = Scripted([listing(A, B), A, B], request_count=4)
    report = await sync_with(base, connector)
    assert (report.requests, report.fetched, report.embedded_chunks, report.reused_chunks) == (4, 2, 2, 0)


async def test_a_run_cut_short_keeps_naming_what_it_did_not_look_at_again(base: KnowledgeBase) -> None:
    await sync(base, listing(A, "broken"), A, BROKEN)
    report = await sync(base, SourceUnavailable("cut off"))
    assert [each.document_id for each in report.missing] == ["wiki:broken"]
    assert (report.listed, report.complete) == (2, False)


async def test_a_complete_run_forgets_problems_that_are_no_more(base: KnowledgeBase) -> None:
    await sync(base, listing(A, "broken"), A, BROKEN)
    report = await sync(base, listing(A), A)
    assert report.missing == ()


async def test_without_a_listing_a_run_is_not_complete(base: KnowledgeBase) -> None:
    report = await sync(base, A, Checkpoint(value="x"))
    assert (report.complete, report.indexed) == (False, 1)


async def test_the_run_is_remembered_as_its_report_says(base: KnowledgeBase) -> None:
    report = await sync(base, listing(A), A)
    last = await base.catalogue.sources.last_run(TENANT, SOURCE)
    assert last is not None
    assert last.report == report.run_facts()


async def test_a_document_is_listed_missing_under_its_whole_id_in_order(base: KnowledgeBase) -> None:
    report = await sync(base, listing("z", "b", "a"))
    assert [each.document_id for each in report.missing] == ["wiki:a", "wiki:b", "wiki:z"]


def test_the_report_for_people_is_a_line_of_counts_and_one_a_problem() -> None:
    lines = make_report(reason="cut off").lines()
    assert lines[0] == (
        "wiki: 3 listed, 2 indexed, 0 skipped, 1 quarantined; 2 read, 5 chunks embedded, 1 reused, 0 removed in 1.2 s"
    )
    assert lines[-1] == "  stopped: cut off"


def test_the_facts_of_a_run_are_plain_json() -> None:
    facts = make_report().run_facts()
    assert (facts["started_at"], facts["seconds"], facts["complete"]) == ("2026-03-01T12:00:00+00:00", 1.234, True)
