"""How an answer looks in Slack: nothing that a page or a model wrote is markup, and nothing is too long for Slack."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.types import Answer, Citation, ClosestPage, Sentence, Timings
from app.channels.slack_blocks import Frame, age, answer_messages, words_message
from tests.fakes.slack_strictness import check_message
from tests.fakes.slack_workspace import words_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = (
    "<!channel> <!here> <!everyone> @here <@U0MAYA> <#C0GENERAL> <!subteam^S1> <!date^1^{ago}^http://evil.test|x> "
    "<http://evil.test|click> [click](http://evil.test) http://evil.test *bold* _it_ `code` ~no~ :tada: &lt;!here&gt;"
)
FRAME = Frame(wish=HOSTILE, may_ask_privately=True, may_escalate=True, asked_by="U0MAYA")


def make_citation(number: int = 1, **others: Any) -> Citation:
    plain = Citation(
        number=number,
        document_id="wiki:1",
        title="Annual leave",
        heading_path=("Entitlement",),
        url=f"https://wiki.test/{number}",
        quote="26 days",
        source="wiki",
        updated_at=NOW - timedelta(days=3),
    )
    return replace(plain, **others)


def make_answer(*texts: str, status: Any = "answered", citations: tuple[Citation, ...] | None = None,
                closest: tuple[ClosestPage, ...] = (), reason: str | None = None) -> Answer:  # fmt: skip
    return Answer(
        answer_id="a_1",
        conversation_id="c_1",
        status=status,
        mode="grounded",
        reason=reason,
        sentences=tuple(Sentence(text=text, citations=(number,)) for number, text in enumerate(texts, start=1)),
        citations=citations or tuple(make_citation(number) for number in range(1, len(texts) + 1)),
        closest=closest,
        model_used=None,
        timings_ms=Timings(),
    )


def elements(blocks: Any) -> Iterator[dict[str, Any]]:
    for block in blocks:
        for section in block["elements"] if block["type"] == "rich_text" else ():
            yield from section["elements"]


def checked(answer: Answer, frame: Frame = FRAME) -> list[Any]:
    messages = answer_messages(answer, frame, now=NOW)
    for message in messages:
        check_message(message.text, list(message.blocks), has_feedback_buttons=True)
    return messages


def test_words_of_pages_and_models_hold_no_ping_and_no_link() -> None:
    hostile = make_citation(title=HOSTILE, heading_path=(HOSTILE,), source=HOSTILE)
    closest = (ClosestPage(title=HOSTILE, url="https://wiki.test/1"),)
    answers = [
        make_answer(HOSTILE, citations=(hostile,), reason=HOSTILE),
        make_answer(status="not_found", closest=closest),
        make_answer(status="unavailable", reason=HOSTILE),
    ]
    for answer in answers:
        for message in checked(answer):
            links = {each["url"] for each in elements(message.blocks) if each["type"] == "link"}
            people = [each for each in elements(message.blocks) if each["type"] in {"user", "usergroup"}]
            assert links <= {"https://wiki.test/1"}
            assert people == [{"type": "user", "user_id": "U0MAYA"}], "whoever asked, and nobody else"
            assert "<" not in message.text


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "", "slack://open", "https://x/" + "a" * 3000]
)
def test_only_addresses_of_the_web_become_links(url: str) -> None:
    (message,) = checked(make_answer("True.", citations=(make_citation(url=url),)))
    assert [each for each in elements(message.blocks) if each["type"] == "link"] == []
    assert "[1]" in "\n".join(words_of(message.blocks))


def test_code_and_tables_keep_their_lines() -> None:
    (message,) = checked(make_answer("| a | b |\n|---|---|\n| 1 | 2 |"))
    kinds = [
        section["type"] for block in message.blocks if block["type"] == "rich_text" for section in block["elements"]
    ]
    assert "rich_text_preformatted" in kinds
    assert "| 1 | 2 |" in "\n".join(words_of(message.blocks))


def test_a_line_cannot_be_turned_around() -> None:
    message = words_message("abc \u202e cba \u0007 👩\u200d🔧")
    assert words_of(message.blocks) == ["abc  cba  👩\u200d🔧"]


def test_sources_say_title_heading_source_and_age() -> None:
    (message,) = checked(make_answer("True."), Frame())
    assert words_of(message.blocks) == [
        "True. [1]<https://wiki.test/1>",
        "Sources",
        "[1] Annual leave › Entitlement<https://wiki.test/1> · wiki · updated 3 days ago",
    ]


@pytest.mark.parametrize(
    ("days", "words"),
    [(-1, "today"), (0, "today"), (1, "yesterday"), (2, "2 days ago"), (59, "59 days ago"), (60, "2 months ago"),
     (729, "24 months ago"), (730, "2 years ago")],
)  # fmt: skip
def test_the_age_of_a_page_is_said_in_words(days: int, words: str) -> None:
    assert age(NOW - timedelta(days=days), now=NOW) == words


def test_a_long_answer_is_said_in_several_messages_and_loses_nothing() -> None:
    texts = [f"Sentence {number}: " + "pump " * 500 for number in range(12)]
    messages = checked(make_answer(*texts))
    said = "\n".join("\n".join(words_of(message.blocks)) for message in messages)
    assert len(messages) > 3
    assert all(f"Sentence {number}: " in said for number in range(12))
    assert all(f"\n[{number}] Annual leave" in said for number in range(1, 13))


@given(st.lists(st.text(max_size=5000), min_size=1, max_size=12), st.text(max_size=4000))
def test_whatever_was_written_slack_takes_it(texts: list[str], title: str) -> None:
    citations = tuple(make_citation(number, title=title) for number in range(1, len(texts) + 1))
    messages = checked(make_answer(*texts, citations=citations), replace(FRAME, wish=title or None))
    assert messages
