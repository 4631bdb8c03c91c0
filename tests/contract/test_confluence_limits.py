"""What a Confluence source may not do: follow a link to another host, take what is too large, tell a secret."""

import logging
from datetime import timedelta

import pytest

from tests.factories import versions
from tests.fakes.confluence import SyncedWiki
from tests.fakes.confluence_cloud import TOKEN as CLOUD_TOKEN
from tests.fakes.confluence_datacenter import TOKEN as DATACENTER_TOKEN
from tests.fakes.confluence_wiki import FakeContent

pytestmark = pytest.mark.integration


@pytest.fixture
def page(wiki: SyncedWiki) -> FakeContent:
    space = wiki.people.space("ENG", wiki.people.user("ann"))
    return wiki.people.page(space, "Pump", "<p>The zebra stops at two metres.</p>")


@pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
@pytest.mark.parametrize("address", ["http://evil.test", "https://evil.test", "https://atlassian.net.evil.test"])
async def test_a_download_that_leads_to_another_host_is_not_followed(
    wiki: SyncedWiki, page: FakeContent, address: str
) -> None:
    wiki.people.attach(page, "notes.txt", b"Turn the valve.")
    wiki.site.site.media_address = address
    report = await wiki.sync()
    assert [(each.title, "another host" in each.reason) for each in report.missing] == [("notes.txt", True)]


async def test_an_attachment_that_is_larger_than_it_says_is_given_up(wiki: SyncedWiki, page: FakeContent) -> None:
    file = wiki.people.attach(page, "notes.txt", b"zebra " * 100_000)
    file.claimed_bytes = 10
    report = await wiki.sync(max_bytes=1_000)
    assert [(each.title, "larger" in each.reason) for each in report.missing] == [("notes.txt", True)]
    assert set(await versions(wiki.base)) == {page.id}


async def test_no_answer_is_followed_to_another_address(wiki: SyncedWiki, page: FakeContent) -> None:
    wiki.site.faults.add("/user/current", status=302, headers={"Location": "http://evil.test/login"})
    report = await wiki.sync()
    assert "`url`" in (report.reason or "")


async def test_a_next_page_on_another_host_is_asked_for_at_home(wiki: SyncedWiki, page: FakeContent) -> None:
    """The fake's `next` and `base` name another host all the time; a test that reached it would fail."""
    space = next(iter(wiki.people.spaces.values()))
    wiki.people.page(space, "Second", "<p>zebra two</p>")
    wiki.site.faults.most_rows = 1
    assert (await wiki.sync()).indexed == 2


async def test_neither_token_nor_text_is_written_to_the_log(
    wiki: SyncedWiki, page: FakeContent, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="urllib3"):
        await wiki.sync()
        wiki.site.faults.is_token_valid = False
        report = await wiki.sync()
    # The database's driver writes every statement at this level; what the command logs leaves it out.
    written = [
        record.getMessage() for record in caplog.records if not record.name.startswith(("aiosqlite", "sqlalchemy"))
    ]
    assert any("/user/current" in line for line in written)
    for secret in (CLOUD_TOKEN, DATACENTER_TOKEN, "zebra", "Basic ", "Bearer "):
        assert [line for line in [*written, str(report)] if secret in line] == []


async def test_a_limit_that_names_its_end_is_waited_for(wiki: SyncedWiki, page: FakeContent) -> None:
    clock = wiki.site.faults.clock
    began = clock.seconds
    reset = (clock.now() + timedelta(seconds=90)).isoformat()
    wiki.site.faults.add("/user/current", status=429, headers={"X-RateLimit-Reset": reset}, times=1)
    assert (await wiki.sync()).complete
    assert clock.seconds - began >= 90
