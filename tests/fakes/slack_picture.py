"""Draws messages of the bot as they stand in Slack, for docs/slack.md: `python -m tests.fakes.slack_picture`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

from app.answering.types import Answer, Citation, ClosestPage, Sentence, Timings
from app.channels.slack_blocks import Block, Frame, answer_messages

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDTH, MARGIN, LEFT, LINE, LETTER = 720, 20, 68, 22, 7.3
INK, LINK, FAINT, EDGE = "#1d1c1d", "#1264a3", "#616061", "#c9c9c9"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Word:
    """A piece of a line."""

    text: str
    colour: str = INK
    style: str = ""


def render(question: str, blocks: Sequence[Block]) -> str:
    """The question and the bot's answer below it, as SVG."""
    drawn = [*_head(MARGIN, "Maya", "#7a4f9a", is_bot=False), _line(LEFT, MARGIN + 40, [Word(question)])]
    top = MARGIN + 76
    drawn += _head(top, "Footnote", "#1f2a44", is_bot=True)
    y = top + 40
    for block in blocks:
        if block["type"] == "rich_text":
            for section in block["elements"]:
                for words in _wrapped(section["elements"]):
                    drawn.append(_line(LEFT, y, words))
                    y += LINE
            y += 6
        else:
            drawn += _buttons(block, y - 6)
            y += 38
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 4}" width="{WIDTH}" height="{y + 4}" '
        'font-family="Lato, Helvetica, Arial, sans-serif" font-size="15">'
    )
    frame = f'<rect x="1" y="1" width="{WIDTH - 2}" height="{y + 2}" rx="10" fill="#fff" stroke="{EDGE}"/>'
    return "\n".join([head, frame, *drawn, "</svg>\n"])


def pictures() -> dict[str, str]:
    """Every picture by its file's name."""
    leave = "@footnote How many days of annual leave do I get?"
    refused = "@footnote Who won the football match?"
    return {
        "slack-answer.svg": render(leave, _blocks(_answer(), Frame(wish=leave, may_ask_privately=True,
                                                                   may_escalate=True))),
        "slack-not-found.svg": render(refused, _blocks(_not_found(), Frame(wish=refused, may_escalate=True))),
    }  # fmt: skip


def _answer() -> Answer:
    texts = ("Everyone gets 26 days of annual leave each year.", "Up to five days can be carried over until 31 March.")
    places = (("Entitlement", 3), ("Carry-over", 40))
    citations = tuple(
        Citation(number=number, document_id="wiki:1", title="Annual leave", heading_path=(heading,),
                 url=f"https://wiki.example.com/leave#{number}", quote=text, source="wiki",
                 updated_at=NOW - timedelta(days=days))
        for number, (text, (heading, days)) in enumerate(zip(texts, places, strict=True), start=1)
    )  # fmt: skip
    sentences = tuple(Sentence(text=text, citations=(number,)) for number, text in enumerate(texts, start=1))
    return Answer(answer_id="a", conversation_id="c", status="answered", mode="grounded", reason=None,
                  sentences=sentences, citations=citations, closest=(), model_used=None,
                  timings_ms=Timings())  # fmt: skip


def _not_found() -> Answer:
    closest = (ClosestPage(title="Sports club", url="https://wiki.example.com/sports"),
               ClosestPage(title="Events in March", url="https://wiki.example.com/events"))  # fmt: skip
    return Answer(answer_id="a", conversation_id="c", status="not_found", mode="grounded", reason=None, sentences=(),
                  citations=(), closest=closest, model_used=None, timings_ms=Timings())  # fmt: skip


def _blocks(answer: Answer, frame: Frame) -> Sequence[Block]:
    (message,) = answer_messages(answer, frame, now=NOW)
    return message.blocks


def _head(y: int, name: str, colour: str, *, is_bot: bool) -> list[str]:
    badge = [Word("  APP", FAINT)] if is_bot else []
    return [
        f'<rect x="{MARGIN}" y="{y}" width="36" height="36" rx="6" fill="{colour}"/>',
        f'<text x="{MARGIN + 18}" y="{y + 25}" fill="#fff" text-anchor="middle" font-weight="bold">{name[0]}</text>',
        _line(LEFT, y + 14, [Word(name, style="bold"), *badge]),
    ]


def _line(x: float, y: float, words: Sequence[Word]) -> str:
    spans = [
        f'<tspan fill="{word.colour}"'
        + {"bold": ' font-weight="bold"', "italic": ' font-style="italic"'}.get(word.style, "")
        + f">{escape(word.text, quote=False)}</tspan>"
        for word in words
    ]
    return f'<text x="{x}" y="{y}" xml:space="preserve">{"".join(spans)}</text>'


def _wrapped(elements: Sequence[Block]) -> Iterator[list[Word]]:
    most = int((WIDTH - LEFT - MARGIN) / LETTER)
    line: list[Word] = []
    for element in elements:
        colour = LINK if element["type"] == "link" else INK
        style = next(iter(element.get("style", {})), "")
        for word in element["text"].replace(" ", " \0").split("\0"):
            if sum(len(each.text) for each in line) + len(word.rstrip()) > most:
                yield line
                line = []
            line.append(Word(word, colour, style))
    yield line


def _buttons(block: Block, y: int) -> Iterator[str]:
    x = LEFT
    for element in block["elements"]:
        sides = ("positive_button", "negative_button") if element["type"] == "feedback_buttons" else ()
        for label in [element[side]["text"]["text"] for side in sides] or [element["text"]["text"]]:
            width = round(24 + len(label) * 6.6)
            yield f'<rect x="{x}" y="{y}" width="{width}" height="28" rx="5" fill="#fff" stroke="{EDGE}"/>'
            text = f'fill="{INK}" font-size="13" text-anchor="middle"'
            yield f'<text x="{x + width // 2}" y="{y + 19}" {text}>{label}</text>'
            x += width + 8


if __name__ == "__main__":
    for name, drawing in pictures().items():
        (FOLDER / name).write_text(drawing, encoding="utf-8")
