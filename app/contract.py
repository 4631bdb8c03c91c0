"""The JSON shapes that callers rely on: requests checked at the edge, answers written out."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, computed_field

from app.ages import age
from app.answering.types import Answer, Citation, Mode, Notice, NoticeKind, Passage, Question, SearchScope, Sentence

_Name = Field(default=None, max_length=200)


def _whole_characters(text: str) -> str:
    """JSON may spell half of a surrogate pair, which no database or model takes."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("half of a surrogate pair is no character")
    return text


def _written(value: object) -> object:
    """JSON has no moments: a number would be read as seconds since 1970. Raises ValueError."""
    if value is not None and not isinstance(value, str):
        raise ValueError("expected a day or a moment, such as 2026-03-01")
    return value


Text = Annotated[str, AfterValidator(_whole_characters)]
Moment = Annotated[datetime, BeforeValidator(_written)]


class FiltersBody(BaseModel):
    """Narrows a search to a source, a space, and pages that carry all the labels and were updated since a moment.

    A moment without a zone is in UTC, and a day is its first moment.
    """

    model_config = ConfigDict(extra="forbid")

    source: Text | None = _Name
    space: Text | None = _Name
    labels: tuple[Text, ...] = Field(default=(), max_length=20)
    updated_since: Moment | None = Field(default=None, examples=["2026-03-01"])

    def to_scope(self) -> SearchScope:
        """The same, as the answering side's record."""
        since = self.updated_since
        if since is not None and since.tzinfo is None:
            since = since.replace(tzinfo=UTC)
        return SearchScope(source=self.source, space=self.space, labels=self.labels, updated_since=since)


class AskBody(BaseModel):
    """A question. Its length is checked against the server's own limit."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"question": "How many days of annual leave do I get?"}]}
    )

    question: Text
    conversation_id: Text | None = Field(default=None, max_length=100)
    mode: Mode | None = None
    filters: FiltersBody = FiltersBody()
    stream: StrictBool = False

    def to_question(self) -> Question:
        """The same, as the answering side's record."""
        return Question(
            text=self.question, conversation_id=self.conversation_id, mode=self.mode, scope=self.filters.to_scope()
        )


class SearchBody(BaseModel):
    """A search for passages."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"query": "annual leave", "k": 5}]})

    query: Text
    k: int = Field(default=10, ge=1, le=50)
    filters: FiltersBody = FiltersBody()


class SentenceBody(BaseModel):
    """A checked sentence and the numbers of its citations. code: a page's own, byte for byte, in its `language`."""

    text: str
    citations: tuple[int, ...]
    kind: Literal["prose", "code"] = "prose"
    language: str = ""

    @classmethod
    def of(cls, sentence: Sentence) -> "SentenceBody":
        """From the record."""
        return cls(**{name: getattr(sentence, name) for name in cls.model_fields})


class CitationBody(BaseModel):
    """A footnote; `quote` is a substring of the stored section, and so is each piece of `above`: what the quote hangs
    on, such as its table's header row or the line before its list.

    `is_outdated`: its page says that it no longer holds, or that another took its place.
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

    @computed_field  # type: ignore[prop-decorator]  # mypy does not know decorated properties
    @property
    def age(self) -> str:
        """How long ago the page was updated, in English."""
        return age(self.updated_at, now=datetime.now(UTC))

    @classmethod
    def of(cls, citation: Citation) -> "CitationBody":
        """From the record."""
        return cls(**{name: getattr(citation, name) for name in cls.model_fields})


class NoticeBody(BaseModel):
    """A warning about the citations it names. conflict: they disagree, the newest first; stale: not updated for long;
    outdated: no longer valid; unanswered: a part of the question is not answered. `text`: in English, plain."""

    kind: NoticeKind
    text: str
    citations: tuple[int, ...]

    @classmethod
    def of(cls, notice: Notice) -> "NoticeBody":
        """From the record."""
        return cls(kind=notice.kind, text=notice.text, citations=notice.citations)


class ClosestBody(BaseModel):
    """A page near a question that was not answered."""

    title: str
    url: str


class ModelBody(BaseModel):
    """The chat model that wrote the answer."""

    name: str
    sha256: str | None


class TimingsBody(BaseModel):
    """Milliseconds since the question arrived; 0 where that point was not reached."""

    retrieve: float
    first_sentence: float
    total: float


class AnswerBody(BaseModel):
    """An answer. Every number in `text` is in `citations`."""

    answer_id: str
    conversation_id: str
    status: Literal["answered", "not_found", "unavailable"]
    mode: Mode
    reason: str | None
    text: str
    sentences: tuple[SentenceBody, ...]
    citations: tuple[CitationBody, ...]
    notices: tuple[NoticeBody, ...] = ()
    closest: tuple[ClosestBody, ...]
    model: ModelBody | None
    timings_ms: TimingsBody

    @classmethod
    def of(cls, answer: Answer) -> "AnswerBody":
        """From the record."""
        used, timings = answer.model_used, answer.timings_ms
        return cls(
            answer_id=answer.answer_id,
            conversation_id=answer.conversation_id,
            status=answer.status,
            mode=answer.mode,
            reason=answer.reason,
            text=answer.text,
            sentences=tuple(SentenceBody.of(sentence) for sentence in answer.sentences),
            citations=tuple(CitationBody.of(citation) for citation in answer.citations),
            notices=tuple(NoticeBody.of(notice) for notice in answer.notices),
            closest=tuple(ClosestBody(title=page.title, url=page.url) for page in answer.closest),
            model=ModelBody(name=used.name, sha256=used.sha256) if used else None,
            timings_ms=TimingsBody(
                retrieve=timings.retrieve, first_sentence=timings.first_sentence, total=timings.total
            ),
        )


class PassageBody(BaseModel):
    """A section found by a search."""

    document_id: str
    title: str
    heading_path: tuple[str, ...]
    url: str
    text: str
    score: float
    source: str
    updated_at: datetime

    @classmethod
    def of(cls, passage: Passage) -> "PassageBody":
        """From the record."""
        values = {name: getattr(passage, name) for name in cls.model_fields}
        return cls(**(values | {"score": round(passage.score, 4)}))


class SearchResultBody(BaseModel):
    """The passages of a search, best first."""

    passages: tuple[PassageBody, ...]
