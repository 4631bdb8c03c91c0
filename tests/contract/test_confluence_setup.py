"""Setting up a Confluence source: addresses, spaces, what `footnote doctor` says, and pages of the new editor."""

import json

import pytest

from kb.errors import SourceAuthError
from tests.factories import search
from tests.fakes.confluence import SyncedWiki
from tests.fakes.confluence_wiki import FakeContent, FakeUser


@pytest.fixture
def ann(wiki: SyncedWiki) -> FakeUser:
    return wiki.people.user("ann")


@pytest.fixture
def page(wiki: SyncedWiki, ann: FakeUser) -> FakeContent:
    return wiki.people.page(wiki.people.space("ENG", ann), "Pump", "<p>The pump stops at two metres.</p>")


@pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
@pytest.mark.parametrize("ending", ["/", "/wiki", "/wiki/"])
async def test_an_address_of_cloud_works_however_it_was_copied(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser, ending: str
) -> None:
    await wiki.sync(url=f"{wiki.site.address}{ending}")
    (passage, *_) = await search(wiki.base, "pump", email=ann.email)
    assert passage.url.startswith(f"{wiki.site.address}/wiki/spaces/ENG/pages/{page.id}")


async def test_a_proxy_is_asked_and_links_lead_to_the_site(wiki: SyncedWiki, page: FakeContent, ann: FakeUser) -> None:
    await wiki.sync(url="https://wiki.acme.example", base_url=wiki.site.url)
    (passage, *_) = await search(wiki.base, "pump", email=ann.email)
    assert passage.url.startswith("https://wiki.acme.example/")


async def test_doctor_says_which_spaces_are_seen_and_whether_restrictions_can_be_read(
    wiki: SyncedWiki, page: FakeContent
) -> None:
    connector = wiki.site.connector()
    line = await connector.verify()
    assert "Footnote-Bot" in line
    assert "ENG" in line
    assert "restrictions can be read" in line
    wiki.site.site.may_read_restrictions = False
    with pytest.raises(SourceAuthError, match="audience"):
        await connector.verify()
    await connector.close()


async def test_a_space_that_is_not_there_is_named_and_nothing_is_removed(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser
) -> None:
    await wiki.sync()
    report = await wiki.sync(spaces=("ENG", "NOPE"))
    assert "NOPE" in (report.reason or "")
    assert not report.complete
    assert await wiki.found("pump", ann) == {"Pump"}


@pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
async def test_a_page_of_the_new_editor_and_a_personal_space_are_read(wiki: SyncedWiki, ann: FakeUser) -> None:
    page = wiki.people.page(wiki.people.space("~ann", ann), "Live")
    page.storage, page.is_live = "", True
    await wiki.sync(spaces=("~ann",))
    assert await wiki.found("zebra", ann) == set()
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": "A zebra crosses."}]}
    page.adf = json.dumps({"type": "doc", "version": 1, "content": [paragraph]})
    await wiki.sync(spaces=("~ann",))
    assert await wiki.found("zebra", ann) == {"Live"}
