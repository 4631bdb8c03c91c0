"""How an event of Slack is read as a question."""

from typing import Any

import pytest

from app.channels.slack_asking import Asked, plain_text, read_event
from tests.fakes.slack_workspace import BOT_USER, TEAM


def event(text: str = "Why?", **others: Any) -> dict[str, Any]:
    plain = {"type": "message", "channel_type": "im", "user": "U1", "channel": "D1", "ts": "1700000000.000100"}
    return {"type": "event_callback", "team_id": TEAM, "event_id": "Ev1", "event": {**plain, "text": text, **others}}


def read(text: str = "Why?", **others: Any) -> Asked | None:
    return read_event(event(text, **others), bot_user=BOT_USER)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (f"<@{BOT_USER}> how many?", "how many?"),
        (f"<@{BOT_USER}|footnote>: how many?", ": how many?"),
        ("ask <@U2|ben> about <#C1|general> &amp; tea", "ask @ben about #general & tea"),
        ("<https://wiki.test/a?b=1&amp;c=2|the page> says 3 &lt; 4", "the page says 3 < 4"),
        ("<https://wiki.test/a>", "https://wiki.test/a"),
        ("<!channel> who?\n\n  and why?", "who? and why?"),
        ("<!subteam^S1|@ops> who?", "@ops who?"),
        ("a <b c", "a <b c"),
    ],
)
def test_a_message_is_read_as_its_writer_saw_it(written: str, read_as: str) -> None:
    assert plain_text(written, bot_user=BOT_USER) == read_as


@pytest.mark.parametrize(
    "others",
    [
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"subtype": "bot_message"},
        {"bot_id": "B1"},
        {"hidden": True},
        {"user": BOT_USER},
        {"user": None},
        {"type": "reaction_added"},
        {"text": ""},
        {"text": f"<@{BOT_USER}>"},
        {"channel_type": "channel", "channel": "C1", "text": f"<@{BOT_USER}> twin of a mention"},
        {"channel_type": "channel", "channel": "C1", "thread_ts": "1.0", "text": "<@U2> what do you think?"},
    ],
    ids=str,
)
def test_what_is_no_question_is_none(others: dict[str, Any]) -> None:
    assert read(**({"text": "Why?"} | others)) is None


@pytest.mark.parametrize(
    ("others", "kind"),
    [
        ({}, "direct"),
        ({"thread_ts": "1.0"}, "direct"),
        ({"subtype": "file_share"}, "direct"),
        ({"type": "app_mention", "channel": "C1", "channel_type": None}, "mention"),
        ({"channel_type": "channel", "channel": "C1"}, "message"),
        ({"channel_type": "group", "channel": "C1", "thread_ts": "1.0"}, "follow_up"),
        ({"channel_type": "mpim", "channel": "G1"}, "message"),
    ],
    ids=str,
)
def test_the_kind_says_where_a_question_was_asked(others: dict[str, Any], kind: str) -> None:
    asked = read(**others)
    assert asked is not None
    assert asked.kind == kind


def test_both_events_of_one_message_have_one_key() -> None:
    mention = read(f"<@{BOT_USER}> why?", type="app_mention", channel="C1", channel_type=None)
    message = read("why?", channel="C1", channel_type="channel")
    assert mention is not None
    assert message is not None
    assert mention.key == message.key


def test_a_question_survives_the_inbox() -> None:
    asked = read(thread_ts="1.0")
    assert asked is not None
    assert Asked.of(asked.to_body()) == asked
