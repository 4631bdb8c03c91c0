"""When a Notion page is read again, what its links may be, and what one sync tells the next."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.connectors.notion_memory import Memory, Waiting, load_memory
from ingest.connectors.notion_records import Found, Version, found_page, time_of
from tests.fakes.notion_json import title_property

PAGE_ID = "0123456789abcdef0123456789abcdef"
EDITED = "2026-03-02T09:00:00.000Z"
READ = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
WEEK = 7 * 86_400


def make_version(**others: Any) -> Version:
    values: dict[str, Any] = {
        "kind": "page",
        "edited": EDITED,
        "parent_id": "p",
        "container": "p",
        "digest": "d",
        "audience": "a",
        "read_at": int(READ.timestamp()),
    }
    return Version(**(values | others))


def make_found(**others: Any) -> Found:
    values: dict[str, Any] = {
        "id": PAGE_ID,
        "kind": "page",
        "title": "Pump",
        "edited": EDITED,
        "url": "",
        "parent_id": "p",
    }
    return Found(**(values | others))


def is_current(version: Version, found: Found, *, after: timedelta = timedelta(hours=1), digest: str = "d") -> bool:
    return version.is_current(found, digest=digest, now=READ + after, reread_seconds=WEEK)


def test_an_unchanged_page_is_current() -> None:
    assert is_current(make_version(), make_found())


@pytest.mark.parametrize(
    ("found", "digest"),
    [
        ({"edited": "2026-03-02T09:01:00.000Z"}, "d"),
        # Restored from its history, or a clock that was set back.
        ({"edited": "2026-03-01T09:00:00.000Z"}, "d"),
        ({"parent_id": "q"}, "d"),
        ({}, "e"),
    ],
)
def test_another_time_place_or_surrounding_is_another_version(found: dict[str, Any], digest: str) -> None:
    assert not is_current(make_version(), make_found(**found), digest=digest)


def test_a_page_read_in_the_minute_of_its_edit_is_not_settled() -> None:
    early = int(datetime(2026, 3, 2, 9, 1, 10, tzinfo=UTC).timestamp())
    assert not is_current(make_version(read_at=early), make_found())
    assert is_current(make_version(read_at=early + 10), make_found())


def test_every_page_is_due_within_the_period_and_not_all_at_once() -> None:
    ids = [f"{number:032x}" for number in range(200)]
    due_by = {
        day: sum(not is_current(make_version(), make_found(id=each), after=timedelta(days=day)) for each in ids)
        for day in (3, 5, 7)
    }
    assert due_by[3] == 0
    assert 50 < due_by[5] < 150
    assert due_by[7] == 200


def test_a_version_is_read_as_it_was_written() -> None:
    assert Version.parse(str(make_version())) == make_version()


@pytest.mark.parametrize(
    "text", ["", "1", "n1|page|x", "n0|page|a|b|c|d|e|1", "n1|blob|a|b|c|d|e|1", "n1|page|a|b|c|d|e|x"]
)
def test_a_foreign_version_is_none(text: str) -> None:
    assert Version.parse(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02T09:00:00.000Z", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T10:31:12.643+01:00", datetime(2026, 3, 2, 9, 31, 12, 643000, UTC)),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("soon", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_of_every_form_are_aware(text: str, moment: datetime) -> None:
    assert time_of(text) == moment


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://evil.test/", "//evil.test", "notion://x"])
def test_a_link_that_a_reader_must_not_be_sent_to_is_replaced(url: str) -> None:
    page = {"object": "page", "id": PAGE_ID, "url": url, "properties": {"title": title_property("Pump")}}
    found = found_page(page)
    assert found is not None
    assert found.url == f"https://www.notion.so/{PAGE_ID}"


@pytest.mark.parametrize("flag", ["in_trash", "archived"])
def test_the_trash_is_known_by_both_its_names(flag: str) -> None:
    page = {"object": "page", "id": PAGE_ID, "url": "https://www.notion.so/x", "properties": {}, flag: True}
    found = found_page(page)
    assert found is not None
    assert found.is_trashed


def test_what_one_sync_tells_the_next_is_read_as_it_was_written() -> None:
    memory = Memory(
        workspace="w",
        waiting={PAGE_ID: Waiting(kind="page", title="Pump", version=str(make_version()), reason="empty")},
        databases={"a" * 32: ("b" * 32, "c" * 32)},
        views={"d" * 32},
    )
    assert load_memory(memory.dump()) == memory


@pytest.mark.parametrize(
    "value",
    [None, "", "[", "[]", "7", '{"waiting": 1}', '{"waiting": [{"id": 3}], "databases": {"x": 1}, "views": {}}'],
)
def test_a_memory_that_cannot_be_read_is_empty(value: str | None) -> None:
    assert load_memory(value) == Memory()
