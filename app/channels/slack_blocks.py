"""An answer as Slack blocks. Words of pages and models become plain text elements of rich text, never markup.

A text element of rich text has no syntax at all: no ping, link or emphasis can be written in it. Slack's `mrkdwn` and
Markdown are used for our own fixed words alone.
"""

import html
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from app.ages import age
from app.answering.types import Answer, Citation, ClosestPage, Notice, Sentence

Block: TypeAlias = dict[str, Any]  # JSON of Slack's making
FEEDBACK, PRIVATE, SHARE, ESCALATE = "footnote_feedback", "footnote_private", "footnote_share", "footnote_escalate"
UP, DOWN = "up", "down"
# Slack refuses messages of some 12,000 characters and 50 blocks; how it counts is not documented.
MOST_MESSAGE_BYTES = 9_000
MOST_BLOCKS = 40
MOST_TEXT = 2_900
MOST_VALUE = 1_900
_MOST_TITLE = 150
_MOST_URL = 2_900


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackMessage:
    """One message. `text` is what notifications and screen readers say."""

    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around an answer. `wish`: the question, for the buttons that pass it on; None: without them.

    `asked_by`: who asked, where the question itself is not above the answer.
    """

    wish: str | None = None
    asked_by: str | None = None
    may_ask_privately: bool = False
    may_share: bool = False
    may_escalate: bool = False
    is_ephemeral: bool = False


def answer_messages(answer: Answer, frame: Frame, *, now: datetime | None = None) -> list[SlackMessage]:
    """The messages that say an answer, "not found" or "unavailable": one, or several if it is long."""
    blocks = [*heading_blocks(frame), *sentence_blocks(answer), *ending_blocks(answer, frame, now=now)]
    packed = _packed(blocks)
    whole = said(answer)
    return [
        SlackMessage(text=whole if number == 0 else "(continued)", blocks=tuple(part))
        for number, part in enumerate(packed)
    ]


def heading_blocks(frame: Frame) -> list[Block]:
    """Who asked what."""
    if frame.asked_by is None or frame.wish is None:
        return []
    return [_rich(_section(_person(frame.asked_by), _text(f" asked: {_cut(frame.wish, MOST_TEXT)}", style="italic")))]


def escalation_message(target: str, *, asker: str, wish: str, link: str | None) -> SlackMessage:
    """Calls a person or a group; `link`: where the question was asked, if not right here."""
    called = [_person(target), _text(" ")] if target[0] in "UW" else []
    if target.startswith("S"):
        called = [{"type": "usergroup", "usergroup_id": target}, _text(" ")]
    asked = [_person(asker), _text(f" asks for a person: {_cut(wish, MOST_TEXT)} ")]
    where = [_link("Show the conversation", link)] if link else []
    return SlackMessage(text="Somebody asks for a person.", blocks=(_rich(_section(*called, *asked, *where)),))


def sentence_blocks(answer: Answer) -> list[Block]:
    """The sentences alone."""
    cited = {citation.number: citation for citation in answer.citations}
    return [block for sentence in answer.sentences for block in sentence_block(sentence, cited.values())]


def sentence_block(sentence: Sentence, citations: Iterable[Citation]) -> list[Block]:
    """One sentence with its footnotes; code and tables keep their lines."""
    urls = {citation.number: citation.url for citation in citations}
    footnotes = [_link(f"[{number}]", urls.get(number, "")) for number in sentence.citations]
    words = _cut(sentence.text, MOST_TEXT)
    if sentence.kind == "code" or "\n" in words:
        code = {"type": "rich_text_preformatted", "elements": [_text(words)]}
        return [_rich(code, _section(*footnotes))] if footnotes else [_rich(code)]
    return [_rich(_section(_text(f"{words} "), *footnotes))]


def ending_blocks(answer: Answer, frame: Frame, *, now: datetime | None = None) -> list[Block]:
    """What follows the sentences: sources, or what was not found and the closest pages; then the buttons."""
    ending: list[Block] = []
    if answer.status == "answered":
        if answer.reason:
            ending.append(_rich(_section(_text(_sentence_case(answer.reason), style="italic"))))
        ending += notice_blocks(answer.notices)
        ending += source_blocks(answer.citations, now=now or datetime.now(UTC))
    else:
        ending.append(_rich(_section(_text(_refusal(answer)))))
        ending += closest_blocks(answer.closest)
    return ending + button_blocks(answer, frame)


def notice_blocks(notices: Sequence[Notice]) -> list[Block]:
    """The warnings: what disagrees, and what is old."""
    return [_rich(_section(_text("Note: ", style="bold"), _text(_cut(each.text, MOST_TEXT)))) for each in notices]


def source_blocks(citations: Sequence[Citation], *, now: datetime) -> list[Block]:
    """The footnotes: number, title and heading as a link, source and age."""
    blocks = []
    for citation in citations:
        path = _cut(" › ".join((citation.title, *citation.heading_path)), _MOST_TITLE)
        about = f" · {_cut(citation.source, 60)} · updated {age(citation.updated_at, now=now)}"
        blocks.append(_section(_text(f"[{citation.number}] "), _link(path, citation.url), _text(about)))
    if not blocks:
        return []
    head = _section(_text("Sources", style="bold"))
    return [_rich(head, *blocks[start : start + 10]) if start == 0 else _rich(*blocks[start : start + 10])
            for start in range(0, len(blocks), 10)]  # fmt: skip


def closest_blocks(pages: Sequence[ClosestPage]) -> list[Block]:
    """The closest pages of a question that was not answered."""
    if not pages:
        return []
    links = [_section(_text("• "), _link(_cut(page.title, _MOST_TITLE), page.url)) for page in pages]
    return [_rich(_section(_text("The closest pages:")), *links)]


def button_blocks(answer: Answer, frame: Frame) -> list[Block]:
    """Feedback, and what else can be done."""
    up, down = f"{UP}:{answer.answer_id}", f"{DOWN}:{answer.answer_id}"
    blocks, row = [], []
    if frame.is_ephemeral:
        row += [_button(f"{FEEDBACK}_{UP}", "Helpful", up), _button(f"{FEEDBACK}_{DOWN}", "Not helpful", down)]
    else:
        blocks.append(_feedback(up, down))
    wish = frame.wish
    if wish is not None and len(wish) <= MOST_VALUE:
        if frame.may_ask_privately:
            row.append(_button(PRIVATE, "Answer privately with all I can see", wish))
        if frame.may_share:
            row.append(_button(SHARE, "Answer in the channel", wish) | {"confirm": _sharing()})
        if frame.may_escalate:
            row.append(_button(ESCALATE, "Ask a person", wish))
    return blocks + ([{"type": "actions", "elements": row}] if row else [])


def plain_feedback(blocks: Iterable[Block]) -> list[Block]:
    """The same for workspaces whose Slack does not know feedback buttons."""
    return [_as_plain(block) if block["type"] == "context_actions" else block for block in blocks]


def words_message(words: str) -> SlackMessage:
    """Our own words, such as a refusal. They may hold a page's or a person's: still nothing in them is markup."""
    cut = _cut(words, MOST_TEXT)
    return SlackMessage(text=escaped(cut), blocks=(_rich(_section(_text(cut))),))


def said(answer: Answer) -> str:
    """The answer for notifications and screen readers, escaped."""
    return escaped(_cut(answer.text or _refusal(answer), MOST_TEXT))


def escaped(text: str) -> str:
    """Text without Slack's control characters: no ping, channel or link is left in it."""
    return html.escape(text, quote=False)


def sized(blocks: Iterable[Block]) -> int:
    """The size of blocks in bytes, on the safe side."""
    return sum(len(json.dumps(block, ensure_ascii=False).encode()) for block in blocks)


def _packed(blocks: Iterable[Block]) -> list[list[Block]]:
    parts: list[list[Block]] = [[]]
    for block in blocks:
        if parts[-1] and (sized([*parts[-1], block]) > MOST_MESSAGE_BYTES or len(parts[-1]) >= MOST_BLOCKS):
            parts.append([])
        parts[-1].append(block)
    return parts


def _refusal(answer: Answer) -> str:
    if answer.status == "unavailable":
        return _sentence_case(answer.reason or "I cannot search the pages at the moment; try again in a moment")
    return "I did not find this in the pages that I may use here."


def _sentence_case(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


def _rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def _section(*elements: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(elements)}


def _text(text: str, *, style: str | None = None) -> Block:
    return {"type": "text", "text": _visible(text) or " "} | ({"style": {style: True}} if style else {})


def _link(text: str, url: str) -> Block:
    """A link, if the address is one of the web; what a page calls itself is its text, never its address."""
    if len(url) > _MOST_URL or urlsplit(url).scheme not in {"http", "https"}:
        return _text(text)
    return {"type": "link", "url": url, "text": _visible(text) or url}


def _visible(text: str) -> str:
    """Without control characters, which could turn a line's direction around. The joiner inside emoji stays."""
    return "".join(char for char in text if char in "\n\u200d" or unicodedata.category(char)[0] != "C")


def _person(user: str) -> Block:
    return {"type": "user", "user_id": user}


def _button(action: str, label: str, value: str) -> Block:
    return {"type": "button", "action_id": action, "text": _plain(label), "value": value}


def _feedback(up: str, down: str) -> Block:
    buttons = {
        "type": "feedback_buttons",
        "action_id": FEEDBACK,
        "positive_button": {"text": _plain("Helpful"), "value": up, "accessibility_label": "This answer helped"},
        "negative_button": {"text": _plain("Not helpful"), "value": down, "accessibility_label": "It did not help"},
    }
    return {"type": "context_actions", "elements": [buttons]}


def _as_plain(block: Block) -> Block:
    (both,) = block["elements"]
    sides = ((UP, both["positive_button"]), (DOWN, both["negative_button"]))
    return {
        "type": "actions",
        "elements": [_button(f"{FEEDBACK}_{name}", side["text"]["text"], side["value"]) for name, side in sides],
    }


def _sharing() -> Block:
    return {
        "title": _plain("Answer in the channel?"),
        "text": _plain("The question is answered again for everybody, from the pages that all of them may read."),
        "confirm": _plain("Answer there"),
        "deny": _plain("Keep it to myself"),
    }


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
