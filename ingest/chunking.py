"""Sections become chunks: as much text as the embedder can take, cut where a reader would pause."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ingest.cutting import Span, block_spans, cut
from kb.documents import Chunk, Document, fingerprint_of
from kb.embedders.base import Embedder

# Part of every fingerprint: raise it when the same section would be cut or written differently.
CHUNKER_VERSION = 2
# Blocks are packed together up to this many tokens: one thought a chunk, not one line and not a whole page.
TARGET_TOKENS = 200
# What the title may take. Reserved even if it is shorter, so that a rename moves no cut and embeds nothing again.
TITLE_TOKENS = 32
# The headings, and a table's header or a code's fence, may each take this share of what the embedder reads.
CONTEXT_SHARE = 0.25
# Every cut at least halves what is too long, so this is never reached by text that a tokenizer can count.
MOST_ROUNDS = 40

_WORD = re.compile(r"[^\W_]+")
# Digits alone, or at least eight hexadecimal characters with a digit among them.
_IS_NUMBER = re.compile(r"\d+|(?=.*\d)[0-9a-fA-F]{8,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A span with its size. `before_tokens`: of what has to be repeated if a chunk starts here."""

    span: Span
    tokens: int
    before_tokens: int


def chunk_document(document: Document, embedder: Embedder, *, target_tokens: int = TARGET_TOKENS) -> list[Chunk]:
    """The document's chunks in reading order. No chunk crosses a section, and every word is in exactly one.

    A chunk's text is a substring of its section's. What is embedded is never longer than `embedder.max_tokens`.
    """
    return _Chunker(embedder, document, target_tokens=target_tokens).chunks()


def says_something(title: str) -> bool:
    """Is there a word in it? A number or a digest, such as a file's name may be, would only blur what is embedded."""
    return any(not _IS_NUMBER.fullmatch(word) for word in _WORD.findall(_UUID.sub("", title)))


class _Chunker:
    """Cuts one document. Tokens are counted in few calls: all blocks at once, then all that were too long, …"""

    def __init__(self, embedder: Embedder, document: Document, *, target_tokens: int) -> None:
        self._embedder = embedder
        self._sections = document.sections
        self._texts = [section.text for section in document.sections]
        self._most = embedder.max_tokens
        self._special = embedder.count_tokens([""])[0]
        self._share = max(1, int(self._most * CONTEXT_SHARE))
        reserved = min(TITLE_TOKENS, self._share)
        title = document.title if says_something(document.title) else ""
        self._title = self._shorten([title], most=reserved)[0]
        self._paths = self._shorten([" › ".join(section.heading_path) for section in self._sections], most=self._share)
        room = self._most - self._special - reserved
        self._limits = [max(1, min(target_tokens, room - tokens)) for tokens in self._count(self._paths)]

    def chunks(self) -> list[Chunk]:
        """All chunks, in reading order."""
        spans = [span for number, section in enumerate(self._sections) for span in block_spans(section, number=number)]
        parts = self._cut_to_limits(self._measure(spans))
        groups = [
            group
            for number, of_section in groupby(parts, key=lambda part: part.span.section)
            for group in self._pack(of_section, limit=self._limits[number])
        ]
        fitted = self._fit(groups)
        return [self._chunk(group, ordinal=ordinal, tokens=tokens) for ordinal, (group, tokens) in enumerate(fitted)]

    def _cut_to_limits(self, parts: list[_Part]) -> list[_Part]:
        for _ in range(MOST_ROUNDS):
            too_long = {place for place, part in enumerate(parts) if self._is_too_long(part)}
            if not too_long:
                break
            cuts = {place: self._cut(parts[place].span, tokens=parts[place].tokens) for place in too_long}
            measured = iter(self._measure([span for place in sorted(cuts) for span in cuts[place]]))
            parts = [
                each
                for place, part in enumerate(parts)
                for each in ([next(measured) for _ in cuts[place]] if place in too_long else [part])
            ]
        return parts

    def _is_too_long(self, part: _Part) -> bool:
        length = part.span.end - part.span.start
        return length > 1 and part.tokens + part.before_tokens > self._limits[part.span.section]

    def _cut(self, span: Span, *, tokens: int) -> list[Span]:
        return cut(span, self._texts[span.section], into=-(-tokens // self._limits[span.section]))

    def _pack(self, parts: Iterator[_Part], *, limit: int) -> Iterator[list[_Part]]:
        """Neighbours together as long as they fit. A paragraph that ends with a colon stays with what follows."""
        group: list[_Part] = []
        tokens = 0
        for part in parts:
            if group and tokens + part.tokens > limit:
                carried = [group.pop()] if len(group) > 1 and self._leads_in(group[-1]) else []
                yield group
                group, tokens = carried, sum(each.tokens for each in carried)
                if group and tokens + part.tokens > limit:
                    yield group
                    group, tokens = [], 0
            tokens += part.tokens + (0 if group else part.before_tokens)
            group.append(part)
        if group:
            yield group

    def _leads_in(self, part: _Part) -> bool:
        return part.span.kind == "paragraph" and self._texts[part.span.section][part.span.end - 1] == ":"

    def _fit(self, groups: list[list[_Part]]) -> list[tuple[list[_Part], int]]:
        """Each group with its exact token count. Counts of parts need not add up: what is too long is parted again."""
        counts = self._embedder.count_tokens([self._embedded(group) for group in groups])
        for _ in range(MOST_ROUNDS):
            if max(counts, default=0) <= self._most:
                break
            sized = zip(groups, counts, strict=True)
            groups = [
                part for group, count in sized for part in (self._halved(group) if count > self._most else [group])
            ]
            counts = self._embedder.count_tokens([self._embedded(group) for group in groups])
        return list(zip(groups, counts, strict=True))

    def _halved(self, group: list[_Part]) -> list[list[_Part]]:
        if len(group) > 1:
            return [group[: len(group) // 2], group[len(group) // 2 :]]
        return [[part] for part in self._measure(cut(group[0].span, self._texts[group[0].span.section], into=2))]

    def _chunk(self, group: Sequence[_Part], *, ordinal: int, tokens: int) -> Chunk:
        number = group[0].span.section
        body = self._body(group)
        return Chunk(
            section_id=self._sections[number].id,
            section_ordinal=number,
            ordinal=ordinal,
            text=self._text(group),
            embedded_text=self._embedded(group),
            token_count=tokens,
            fingerprint=fingerprint_of([CHUNKER_VERSION, list(self._sections[number].heading_path), body]),
        )

    def _embedded(self, group: Sequence[_Part]) -> str:
        headings = [line for line in (self._title, self._paths[group[0].span.section]) if line]
        return "\n".join([*headings, "", self._body(group)])

    def _body(self, group: Sequence[_Part]) -> str:
        return group[0].span.before + self._text(group) + group[-1].span.after

    def _text(self, group: Sequence[_Part]) -> str:
        return self._texts[group[0].span.section][group[0].span.start : group[-1].span.end]

    def _measure(self, spans: Sequence[Span]) -> list[_Part]:
        texts = [self._texts[span.section][span.start : span.end] for span in spans]
        openings = sorted({span.before for span in spans if span.before})
        counts = self._count([*texts, *openings])
        size_of = dict(zip(openings, counts[len(texts) :], strict=True))
        parts = []
        for span, tokens in zip(spans, counts[: len(texts)], strict=True):
            before_tokens = size_of.get(span.before, 0)
            if before_tokens > self._share:
                # A header that would leave too little room for the rows is not repeated.
                span, before_tokens = replace(span, opening="", closing=""), 0
            parts.append(_Part(span=span, tokens=tokens, before_tokens=before_tokens))
        return parts

    def _shorten(self, texts: Sequence[str], *, most: int) -> list[str]:
        """The texts, those above `most` tokens cut off after a word."""
        shortened = list(texts)
        for _ in range(MOST_ROUNDS):
            too_long = [place for place, tokens in enumerate(self._count(shortened)) if tokens > most]
            if not too_long:
                break
            for place in too_long:
                half = shortened[place][: len(shortened[place]) * 3 // 4]
                shortened[place] = half.rpartition(" ")[0] or half
        return shortened

    def _count(self, texts: Sequence[str]) -> list[int]:
        """Tokens without those that the embedder adds to every text."""
        return [max(0, count - self._special) for count in self._embedder.count_tokens(texts)]
