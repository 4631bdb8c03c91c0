"""How Notion is asked: at its pace, by one bucket a token, within bounds, and with a secret that nobody sees."""

import pytest

from kb.errors import SourceAuthError, SourceUnavailable
from tests.contract.notion.synced import plain
from tests.fakes.notion import FakeNotion
from tests.fakes.notion_json import paragraph


async def test_requests_keep_to_the_pace(notion: FakeNotion) -> None:
    for number in range(40):
        notion.workspace.add_page(f"Page {number}", paragraph("Text."))
    connector = notion.connector(requests_per_second=2)
    started = notion.time.now
    assert [change async for change in connector.changes(None, known={})]
    await connector.close()
    # One second's worth may come at once.
    assert notion.time.now - started >= (connector.request_count - 3) / 2


async def test_two_sources_with_one_token_share_its_pace(notion: FakeNotion) -> None:
    notion.workspace.add_page("Page", paragraph("Text."))
    first, second = notion.connector(), notion.connector()
    notion.break_down("/users/me", 429, retry_after="100")
    started = notion.time.now
    assert [change async for change in first.changes(None, known={})]
    assert notion.time.now - started >= 100
    assert [change async for change in second.changes(None, known={})]
    assert notion.server.early == []
    await first.close()
    await second.close()


async def test_an_outage_is_no_evidence(notion: FakeNotion) -> None:
    page = notion.workspace.add_page("Page", paragraph("Text."))
    connector = notion.connector()
    notion.break_down(".", 503, times=1000)
    with pytest.raises(SourceUnavailable):
        await connector.confirm_removed(plain(page))
    await connector.close()


async def test_not_found_to_a_revoked_token_is_no_evidence(notion: FakeNotion) -> None:
    connector = notion.connector()
    notion.break_down("/users/me", 401)
    with pytest.raises(SourceAuthError):
        await connector.confirm_removed("a" * 32)
    await connector.close()


async def test_an_endless_answer_is_given_up_on(notion: FakeNotion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.connectors.notion_http.MOST_BYTES", 20)
    connector = notion.connector()
    with pytest.raises(SourceUnavailable, match="BodyTooLarge"):
        assert [change async for change in connector.changes(None, known={})]
    await connector.close()


async def test_the_token_is_in_no_log_error_or_repr(notion: FakeNotion, caplog: pytest.LogCaptureFixture) -> None:
    connector = notion.connector()
    notion.break_down(".", 503, times=10_000)
    with caplog.at_level("DEBUG", logger="ingest"), pytest.raises(SourceUnavailable) as failure:
        assert [change async for change in connector.changes(None, known={})]
    await connector.close()
    said = [str(failure.value), repr(connector), *(str(record.__dict__) for record in caplog.records)]
    assert not any(notion.server.token in each for each in said)
