"""Who may read changes without a word being read or embedded again."""

from ingest.changes import AccessChanged, Memberships
from ingest.report import Silent
from ingest.sync import SourceSync
from kb.access import Audience
from kb.wiring import KnowledgeBase
from tests.factories import Scripted, listing, make_page, search, sync, versions

PAGE = make_page("1", "The pump stops at two metres.", audience=Audience.of(["group:wiki/crew"]))
LISTED = listing(PAGE)
JANE = "jane@example.com"


async def found_by(base: KnowledgeBase, email: str | None) -> list[str]:
    return [passage.document_id for passage in await search(base, "Where does the pump stop?", email=email)]


def crew(*members: str, **others: list[str]) -> Memberships:
    return Memberships(groups={"wiki/crew": members} | {f"wiki/{name}": words for name, words in others.items()})


async def test_an_audience_alone_closes_a_page_and_embeds_nothing(base: KnowledgeBase) -> None:
    await sync(base, crew(JANE), LISTED, PAGE)
    assert await found_by(base, JANE) == ["wiki:1"]
    closed = AccessChanged(native_id="1", audience=Audience.of(["bob@example.com"]), version="1b")
    report = await sync(base, LISTED, closed)
    assert await found_by(base, JANE) == []
    assert await found_by(base, "bob@example.com") == ["wiki:1"]
    assert (report.fetched, report.embedded_chunks) == (0, 0)


async def test_an_audience_alone_leaves_the_revision_and_takes_the_new_version(base: KnowledgeBase) -> None:
    await sync(base, LISTED, PAGE)
    before = await base.catalogue.documents.live_revisions("acme")
    await sync(base, LISTED, AccessChanged(native_id="1", audience=Audience.of(["everyone"]), version="1b"))
    assert await base.catalogue.documents.live_revisions("acme") == before
    assert await versions(base) == {"1": "1b"}


async def test_an_audience_for_a_page_that_is_not_stored_changes_nothing(base: KnowledgeBase) -> None:
    await sync(base, LISTED, AccessChanged(native_id="1", audience=Audience.of(["everyone"]), version="1"))
    assert await versions(base) == {}


async def test_a_membership_opens_and_closes_pages_and_touches_none(base: KnowledgeBase) -> None:
    await sync(base, crew(), LISTED, PAGE)
    assert await found_by(base, JANE) == []
    report = await sync(base, crew(JANE), LISTED)
    assert await found_by(base, JANE) == ["wiki:1"]
    assert (report.fetched, report.embedded_chunks) == (0, 0)
    await sync(base, crew(), LISTED)
    assert await found_by(base, JANE) == []


async def test_a_group_within_a_group_counts(base: KnowledgeBase) -> None:
    await sync(base, crew("group:wiki/night", night=[JANE]), LISTED, PAGE)
    assert await found_by(base, JANE) == ["wiki:1"]


async def test_a_source_cannot_fill_the_groups_of_another(base: KnowledgeBase) -> None:
    await sync(base, crew(), LISTED, PAGE)
    other = SourceSync(base, Scripted([crew(JANE), listing()]), source_id="other", progress=Silent())
    await other.run(is_full=False)
    assert await found_by(base, JANE) == []
