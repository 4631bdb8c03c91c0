"""A large site that nobody changed is synced with few requests."""

import pytest

from ingest.changes import AccessChanged, Change, Document, Listing
from tests.fakes.confluence import DEPLOYMENTS, Deployment, FakeConfluence, running_confluence

pytestmark = pytest.mark.integration

PAGES = 10_000


@pytest.fixture(params=DEPLOYMENTS)
def site(request: pytest.FixtureRequest) -> object:
    deployment: Deployment = request.param
    with running_confluence(deployment) as running:
        people = [running.wiki.user(f"user{number}") for number in range(10)]
        space = running.wiki.space("ENG", running.wiki.group("everybody", *people))
        pages = []
        for number in range(PAGES):
            pages.append(
                running.wiki.page(
                    space, f"Page {number}", f"<p>Text {number}.</p>", below=pages[number // 10] if pages else None
                )
            )
            if number % 100 == 7:
                running.wiki.restrict(pages[-1], *people[:2])
        yield running


async def changes_of(site: FakeConfluence, known: dict[str, str]) -> tuple[list[Change], int]:
    connector = site.connector()
    try:
        return [change async for change in connector.changes(None, known=known)], connector.request_count
    finally:
        await connector.close()


async def test_unchanged_pages_take_a_request_a_hundred_and_read_nothing(site: FakeConfluence) -> None:
    first, _ = await changes_of(site, {})
    known = {change.native_id: change.version for change in first if isinstance(change, Document)}
    assert len(known) == PAGES
    again, requests = await changes_of(site, known)
    assert [change for change in again if isinstance(change, Document | AccessChanged)] == []
    assert [len(change.titles) for change in again if isinstance(change, Listing)] == [PAGES]
    assert requests <= PAGES / 100
