"""Pages of a Confluence that cannot be read: for how long they are tried, and who is shown the copy that is kept."""

import re
from typing import Any

import pytest

from ingest.connectors import confluence_documents
from ingest.reporting import MOST_ATTEMPTS
from tests.contract.test_confluence_faults import body_of
from tests.factories import SOURCE, TENANT
from tests.fakes.confluence import SyncedWiki
from tests.fakes.confluence_wiki import FakeContent, FakeUser

pytestmark = pytest.mark.integration


@pytest.fixture
def ann(wiki: SyncedWiki) -> FakeUser:
    return wiki.people.user("ann")


@pytest.fixture
def ben(wiki: SyncedWiki) -> FakeUser:
    return wiki.people.user("ben")


@pytest.fixture
def page(wiki: SyncedWiki, ann: FakeUser, ben: FakeUser) -> FakeContent:
    space = wiki.people.space("ENG", wiki.people.group("crew", ann, ben))
    wiki.people.page(space, "Roof", "<p>roof</p>")
    return wiki.people.page(space, "Pump", "<p>zebra written</p>")


async def test_a_copy_that_is_kept_is_shown_to_nobody_who_may_not_read_the_page_any_more(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser, ben: FakeUser
) -> None:
    await wiki.sync()
    assert "Pump" in await wiki.found("zebra written", ben)
    wiki.people.edit(page, "<p>zebra edited</p>")
    wiki.people.restrict(page, ann)
    wiki.site.faults.add(body_of(wiki, page), status=500)
    await wiki.sync()
    assert "Pump" in await wiki.found("zebra written", ann)
    assert "Pump" not in await wiki.found("zebra written", ben)
    wiki.site.faults.clear()
    wiki.people.unrestrict(page)
    await wiki.sync()
    assert "Pump" in await wiki.found("zebra edited", ben)


async def test_a_page_that_no_parser_reads_is_tried_five_times_and_again_once_it_changes(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser, ben: FakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wiki.sync()
    parse = confluence_documents.parse_storage

    def fail_on_poison(storage: str, **others: Any) -> Any:
        if "poison" in storage:
            raise RecursionError
        return parse(storage, **others)

    monkeypatch.setattr(confluence_documents, "parse_storage", fail_on_poison)
    wiki.people.edit(page, "<p>poison</p>")
    for _ in range(MOST_ATTEMPTS):
        report = await wiki.sync()
    assert [each.title for each in report.missing] == ["Pump"]
    wiki.site.faults.requests.clear()

    def was_read() -> bool:
        read = [each for each in wiki.site.faults.requests if re.search(body_of(wiki, page), str(each))]
        wiki.site.faults.requests.clear()
        return bool(read)

    assert [each.title for each in (await wiki.sync()).missing] == ["Pump"]
    assert not was_read()
    # Its readers still follow the source, and its text is still the one from before.
    wiki.people.restrict(page, ann)
    for _ in range(2):
        assert [each.title for each in (await wiki.sync()).missing] == ["Pump"]
        assert not was_read()
    assert "Pump" in await wiki.found("zebra written", ann)
    assert "Pump" not in await wiki.found("zebra written", ben)
    await wiki.base.catalogue.sources.retry(TENANT, SOURCE)
    await wiki.sync()
    assert was_read()
    wiki.people.edit(page, "<p>zebra mended</p>")
    assert (await wiki.sync()).missing == ()
    assert "Pump" in await wiki.found("zebra mended", ann)
