"""The records of the answering side: what was asked, what was found, what is answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["grounded", "strict", "sources"]
Status: TypeAlias = Literal["answered", "not_found", "unavailable"]
NoticeKind: TypeAlias = Literal["conflict", "stale", "outdated", "unanswered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchScope:
    """The asker's own narrowing of a search. It can only narrow what the principal may read."""

    source: str | None = None
    space: str | None = None
    labels: tuple[str, ...] = ()
    updated_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An earlier question of a conversation. `headings`: `Title › Heading` of what its answer cited, in that order.

    Both may be shown to who asks now: whoever makes a turn has seen to that.
    """

    question: str
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person asked, and how it is to be answered (`mode` None: as configured).

    `earlier`: the turns before it, oldest first; what the question leaves out is looked for there.
    """

    text: str
    conversation_id: str | None = None
    mode: Mode | None = None
    scope: SearchScope = SearchScope()
    earlier: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A section as the answer side sees it. `score`: fused, higher is better; `dense`: cosine of its best chunk.

    `anchors`: (offset in `text`, fragment of the block that begins there); empty where a link leads to sections only.
    """

    tenant: str
    document_id: str
    revision: int
    section_ordinal: int
    title: str
    heading_path: tuple[str, ...]
    url: str
    text: str
    source: str
    space: str
    updated_at: datetime
    is_outdated: bool
    score: float
    dense: float
    anchors: tuple[tuple[int, str], ...] = ()

    @property
    def heading_line(self) -> str:
        """`Title › Heading › Subheading`."""
        return " › ".join((self.title, *self.heading_path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A numbered footnote. `quote` is a substring of the stored section's text.

    `above`: more such substrings, what the quote hangs on in reading order: a table's header row, the line before a
    list, the item it is nested in. `is_outdated`: its page says that it no longer holds, or that another replaced it.
    """

    number: int
    document_id: str
    title: str
    heading_path: tuple[str, ...]
    url: str
    quote: str
    source: str
    updated_at: datetime
    is_outdated: bool = False
    above: tuple[str, ...] = ()
    space: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A word of warning about an answer. `text`: in English, without markup; `citations`: the footnotes it is about.

    conflict: two of them disagree, the newest first. stale: not updated for long. outdated: no longer valid.
    unanswered: a part of the question that the pages found do not answer; about no footnote.
    """

    kind: NoticeKind
    text: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A checked sentence of an answer, with the numbers of the citations that carry it.

    code: the text is a page's own code, byte for byte; `language`: as the page names it, or empty.
    """

    text: str
    citations: tuple[int, ...]
    kind: Literal["prose", "code"] = "prose"
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosestPage:
    """A page near a question that was not answered."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsed:
    """The chat model that wrote or would have written; sha256 of its file where that is pinned."""

    name: str
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Milliseconds since the question arrived. 0: that point was not reached."""

    retrieve: float = 0
    first_sentence: float = 0
    total: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievedSection:
    """A section that an answer could have been made from, with the score it was found by; no text of it."""

    document_id: str
    revision: int
    section_ordinal: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """How an answer was made. `answerable`: the gate's estimate; `prompt_sha256`: of what the chat model was asked;
    None: neither was reached. `asked`: the question with what it left to the ones before it; empty if it left nothing.
    """

    retrieved: tuple[RetrievedSection, ...] = ()
    answerable: float | None = None
    prompt_sha256: str | None = None
    asked: str = ""
    scope: SearchScope = SearchScope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Text with verified citations, or a typed "not found"."""

    answer_id: str
    conversation_id: str
    status: Status
    mode: Mode
    reason: str | None
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    closest: tuple[ClosestPage, ...]
    model_used: ModelUsed | None
    timings_ms: Timings
    notices: tuple[Notice, ...] = ()
    record: AnswerRecord = AnswerRecord()

    @property
    def text(self) -> str:
        """The sentences joined, each followed by its citation numbers."""
        return "\n".join(_with_numbers(sentence) for sentence in self.sentences)


def _with_numbers(sentence: Sentence) -> str:
    numbers = "".join(f"[{number}]" for number in sentence.citations)
    return f"{sentence.text} {numbers}" if numbers else sentence.text


# What a streamed answer is made of, in this order: sources once, each sentence as it passes its check, then the answer.


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesFound:
    """The passages an answer will be made from."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceReady:
    """One checked sentence with the citations it introduces."""

    sentence: Sentence
    new_citations: tuple[Citation, ...]


AnswerEvent: TypeAlias = SourcesFound | SentenceReady | Answer
