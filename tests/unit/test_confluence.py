"""The Confluence connector's settings, memory and records; what it does over HTTP is in tests/contract."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.connectors import confluence
from ingest.connectors.confluence_cloud_rows import body_of, comment_of, entry_of, readers_of
from ingest.connectors.confluence_datacenter import _entry as datacenter_entry
from ingest.connectors.confluence_json import subjects_of
from ingest.connectors.confluence_state import KnownEmails, State, read_state
from ingest.parsing.pdf import UnreadablePdf, parse_pdf
from kb.errors import ConfigError
from kb.plugins import configure
from tests.fakes.pdf import make_pdf

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "confluence"
CLOUD = {"url": "https://acme.atlassian.net", "email": "bot@acme.example", "token": "secret-token"}


def built(**settings: object) -> object:
    config = configure(confluence, {**CLOUD, **settings}, where="[[sources]] wiki")
    assert isinstance(config, confluence.Config)
    return confluence.build(config, tenant="acme", source_id="wiki")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"token": None}, "FOOTNOTE_WIKI_TOKEN"),
        ({"email": None}, "email"),
        ({"url": "acme.atlassian.net"}, "https://"),
        ({"url": "https://bot:secret-token@acme.atlassian.net"}, "url"),
        ({"audience": ()}, "everyone"),
        ({"deployment": "server"}, "deployment"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_line_without_the_token(
    settings: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        built(**settings)
    assert words in str(refused.value)
    assert "secret-token" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_token_is_in_no_repr() -> None:
    assert "secret-token" not in repr(confluence.Config(**CLOUD))


def test_a_state_comes_back_as_it_was_saved() -> None:
    state = State(
        identity="bot",
        had_restrictions=True,
        not_before=datetime(2026, 3, 1, tzinfo=UTC),
        emails={"ann": ("ann@example.com", 20_000)},
        barren={"7": ("1-1-abc", "there is no text on it")},
    )
    assert read_state(state.to_text()) == state


@pytest.mark.parametrize("text", ["", "null", "[]", "7", '{"emails": 3, "barren": [1]}'])
def test_a_checkpoint_that_is_none_of_ours_is_no_state(text: str) -> None:
    assert read_state(text) == State()


def test_an_address_is_asked_for_again_after_a_week_and_a_missing_one_after_a_day() -> None:
    emails = KnownEmails({"ann": ("ann@example.com", 93), "bob": ("", 98), "eve": ("eve@example.com", 94)}, today=100)
    assert (emails.get("ann"), emails.get("bob"), emails.get("eve")) == (None, None, "eve@example.com")


def test_a_restriction_without_subjects_is_none_and_one_of_unknown_subjects_closes() -> None:
    empty: dict[str, object] = {"user": {"results": []}, "group": {"results": []}}
    assert subjects_of(empty, by_id=True) == (None, True)
    readers, _ = subjects_of({**empty, "user": {"results": [{"type": "unknown"}]}}, by_id=True)
    assert readers is not None
    assert (readers.people, readers.groups) == ((), ())


def test_a_restriction_that_is_cut_is_known_to_be() -> None:
    user = {"results": [{"accountId": "a"}], "size": 1, "limit": 1}
    assert subjects_of({"user": user, "group": {"results": []}}, by_id=True)[1] is False


def test_every_page_of_a_pdf_is_a_section_that_opens_at_it() -> None:
    page = parse_pdf(make_pdf("Cover", "Turn it twice."), url="https://wiki.test/manual.pdf")
    assert [(section.heading_path, section.text, section.url) for section in page.sections] == [
        (("Page 1",), "Cover", "https://wiki.test/manual.pdf#page=1"),
        (("Page 2",), "Turn it twice.", "https://wiki.test/manual.pdf#page=2"),
    ]


@pytest.mark.parametrize("raw", [b"", b"not a pdf", b"%PDF-1.4\n", make_pdf("Cover")[:200]])
def test_what_is_no_pdf_is_named_so(raw: bytes) -> None:
    with pytest.raises(UnreadablePdf):
        parse_pdf(raw, url="")


def capture(name: str) -> list[dict[str, object]]:
    """The rows of a real answer, as it was recorded."""
    if not (CAPTURES / name).exists():
        pytest.skip("no recorded answers beside the repository")
    recorded = json.loads((CAPTURES / name).read_text(encoding="utf-8"))
    answers = [each["response"] for each in recorded["get"].values()] if "get" in recorded else [recorded]
    return [row for answer in answers for row in (answer.get("results") or [answer])]


def test_recorded_pages_of_cloud_are_read_whole() -> None:
    rows = capture("cloud-v2-pages.capture.json")
    bodies = [body_of(row, "page") for row in rows]
    assert len(bodies) >= 20
    assert all(body.entry.id and body.entry.title and body.entry.version and body.entry.space_id for body in bodies)
    assert all(body.updated_at.year >= 2020 for body in bodies)
    assert sum(bool(body.storage) for body in bodies) >= 20
    assert any(body.is_live for body in bodies)


def test_a_recorded_listing_of_cloud_gives_each_page_its_parent() -> None:
    entries = [entry_of(row, "page") for row in capture("cloud-v2-list-pages.capture.json")]
    assert any(entry.parent_id and entry.parent_kind == "page" for entry in entries)
    assert any(not entry.parent_id for entry in entries)


def test_recorded_comments_of_cloud_have_their_author_and_text() -> None:
    rows = capture("cloud-v2-list-page-footer-comments.capture.json")
    comments = [comment_of(row, thread_id="1") for row in rows]
    assert comments
    assert all(comment.author_key and comment.storage.startswith("<p>") for comment in comments)


def test_recorded_permissions_of_a_cloud_space_name_accounts_and_classes() -> None:
    (space,) = capture("cloud-v2-get-space.capture.json")
    granted = space["permissions"]["results"]  # type: ignore[index]  # as recorded
    readers = readers_of(granted)
    assert readers.people
    assert "ALL_LICENSED_USERS" in readers.classes
    assert not readers.is_public


def test_a_recorded_listing_of_data_center_gives_each_page_all_above_it() -> None:
    entries = [datacenter_entry(row) for row in capture("dc-apiV1-space.json")]
    assert any(len(entry.ancestors or ()) > 1 for entry in entries)
    assert all(entry.id and entry.title for entry in entries)
