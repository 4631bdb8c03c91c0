"""The text of an answer as a small tree of blocks and spans, so that a page can show it without ever parsing markup."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import BaseModel

from app.answering.types import Sentence

_KINDS = {"strong_open": "strong", "em_open": "emphasis"}


class Span(BaseModel):
    """A piece of a line."""

    kind: Literal["text", "strong", "emphasis", "code"]
    text: str


class Block(BaseModel):
    """A paragraph or code (`spans`; `language`), a list or a table (`rows` of cells; a list's rows have one)."""

    kind: Literal["paragraph", "code", "list", "table"]
    spans: tuple[Span, ...] = ()
    rows: tuple[tuple[tuple[Span, ...], ...], ...] = ()
    language: str = ""


def code_block(code: str, *, language: str) -> Block:
    """Code as it stands, byte for byte."""
    return Block(kind="code", spans=(Span(kind="text", text=code),), language=language)


def sentence_blocks(sentence: Sentence) -> tuple[Block, ...]:
    """The blocks of a sentence of an answer."""
    if sentence.kind == "code":
        return (code_block(sentence.text, language=sentence.language),)
    return blocks_of(sentence.text)


def blocks_of(text: str) -> tuple[Block, ...]:
    """The blocks of light Markdown. Links, images and markup in it are text: no address can come from here."""
    blocks = list(_blocks(text))
    if len(blocks) == 1 and blocks[0].kind == "paragraph" and "\n" in text:
        # A sentence is one line; lines that belong together are a piece of code.
        return (code_block(text, language=""),)
    return tuple(blocks)


def _blocks(text: str) -> Iterator[Block]:
    tokens = iter(_parser().parse(text))
    for token in tokens:
        match token.type:
            case "fence" | "code_block":
                yield code_block(token.content.rstrip("\n"), language="")
            case "inline":
                yield Block(kind="paragraph", spans=tuple(_spans(token.children or ())))
            case "bullet_list_open" | "ordered_list_open":
                yield Block(kind="list", rows=tuple((line,) for line in _lines(tokens, token)))
            case "table_open":
                yield Block(kind="table", rows=tuple(_rows(tokens)))


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    return parser.disable(
        ["link", "image", "autolink", "html_inline", "html_block", "reference", "heading", "lheading", "hr"]
    )


def _spans(tokens: Iterable[Token]) -> Iterator[Span]:
    kinds: list[str] = []
    for token in tokens:
        if token.type in _KINDS:
            kinds.append(_KINDS[token.type])
        elif token.type in {"strong_close", "em_close"}:
            kinds.pop()
        elif token.type == "code_inline":
            yield Span(kind="code", text=token.content)
        elif token.type in {"softbreak", "hardbreak"}:
            yield Span(kind="text", text="\n")
        elif token.content:
            yield Span.model_validate({"kind": kinds[-1] if kinds else "text", "text": token.content})


def _lines(tokens: Iterator[Token], opened: Token) -> Iterator[tuple[Span, ...]]:
    """The lines of a list, those of lists inside it too."""
    closed = opened.type.replace("_open", "_close")
    for token in tokens:
        if token.type == closed and token.level == opened.level:
            return
        if token.type in {"inline", "fence", "code_block"}:
            yield tuple(_spans(token.children)) if token.children else (Span(kind="code", text=token.content),)


def _rows(tokens: Iterator[Token]) -> Iterator[tuple[tuple[Span, ...], ...]]:
    row: list[tuple[Span, ...]] = []
    for token in tokens:
        if token.type == "table_close":
            return
        if token.type == "inline":
            row.append(tuple(_spans(token.children or ())))
        elif token.type == "tr_close":
            yield tuple(row)
            row = []
