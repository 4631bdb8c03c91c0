"""What a person typed, read as a query: inline filters taken out, quoted phrases and identifiers noticed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from app.answering.types import SearchScope

_FILTER = re.compile(r'(?<!\S)(in|space|source|label|updated):(?:"([^"]{1,200})"|(\S{1,200}))', re.IGNORECASE)
_DATED = re.compile(r"(?<!\S)updated:\d{4}\S*", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")
_QUOTED = re.compile(r'"([^"]{3,200})"|“([^”]{3,200})”|„([^“]{3,200})“|«([^»]{3,200})»')
_WORD = re.compile(r"[^\W_]+(?:[_.:/@+#&-]+[^\W_]+)*")
_IDENTIFIER = re.compile(r"[^\W\d]\w*[_:@#]+\w|\d\D*[A-Za-z]|[A-Za-z]\D*\d|[a-z][A-Z]|\d[.:/-]\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """`words`: what is searched for. `phrases`: what stood in quotation marks. `identifiers`: error codes, names of
    settings, versions; both in lower case. `scope`: the caller's narrowing and the inline filters together.
    `spelled_out`: what its abbreviations stand for; looked for like its words, but not embedded."""

    words: str
    scope: SearchScope
    spelled_out: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = field(default=())

    @property
    def all_words(self) -> str:
        """The words and what their abbreviations stand for."""
        return " ".join((self.words, *self.spelled_out))


def read_query(text: str, *, scope: SearchScope) -> Query:
    """A query with its inline filters: `in:ENG label:policy updated:2026-03 how do I …`.

    A filter that has no meaning, such as a date that is none, stays a word. `scope` cannot be widened from inside.
    """
    narrowed = scope
    words = text
    for found in _FILTER.finditer(text):
        wanted = _narrowed(narrowed, found.group(1).lower(), found.group(2) or found.group(3))
        if wanted is not None:
            narrowed = wanted
            words = words.replace(found.group(), " ", 1)
    words = " ".join(words.split())
    if not any(char.isalnum() for char in words):
        return _query(text, scope)
    return _query(words, narrowed)


def spelled_otherwise(query: Query, *, scope: SearchScope, text: str) -> Iterator[Query]:
    """What else a query with inline filters that found nothing may mean: the same filters in other letters, and at
    last the text as it stands, with no filter but the caller's own `scope` and a date: a date is nothing else."""
    dated = replace(scope, updated_since=query.scope.updated_since)
    if query.scope == dated:
        return
    for spell in (str.upper, str.lower):
        yield replace(query, scope=_respelled(query.scope, scope, spell))
    words = text if dated == scope else " ".join(_DATED.sub(" ", text).split())
    yield _query(words, dated)


def without_filters(text: str) -> str:
    """The words of a question that are no filter."""
    return read_query(text, scope=SearchScope()).words


def filters_of(text: str) -> str:
    """The inline filters of a question as they were typed; empty if it has none that mean anything."""
    if without_filters(text) == " ".join(text.split()):
        return ""
    found = (match for match in _FILTER.finditer(text))
    return " ".join(match.group() for match in found if without_filters(f"{match.group()} x") == "x")


def _query(words: str, scope: SearchScope) -> Query:
    phrases = [" ".join(next(filter(None, found)).lower().split()) for found in _QUOTED.findall(words)]
    identifiers = [word.lower() for word in _WORD.findall(words) if _IDENTIFIER.search(word)]
    return Query(
        words=words,
        scope=scope,
        phrases=tuple(dict.fromkeys(phrases)),
        identifiers=tuple(dict.fromkeys(identifiers)),
    )


def _narrowed(scope: SearchScope, name: str, value: str) -> SearchScope | None:
    """The scope with one more filter; None if that would say nothing, or would replace what is set already."""
    if name == "label":
        return replace(scope, labels=(*scope.labels, value))
    if name == "updated":
        since = _start_of(value)
        is_narrower = since is not None and (scope.updated_since is None or since > scope.updated_since)
        return replace(scope, updated_since=since) if is_narrower else None
    if name == "source":
        return replace(scope, source=value) if scope.source is None else None
    return replace(scope, space=value) if scope.space is None else None


def _respelled(inner: SearchScope, outer: SearchScope, spell: Callable[[str], str]) -> SearchScope:
    return replace(
        inner,
        source=outer.source or (inner.source and spell(inner.source)),
        space=outer.space or (inner.space and spell(inner.space)),
        labels=(*outer.labels, *(spell(label) for label in inner.labels[len(outer.labels) :])),
    )


def _start_of(value: str) -> datetime | None:
    """The first moment of a year, month or day in UTC."""
    found = _DATE.fullmatch(value)
    if found is None:
        return None
    year, month, day = found.groups()
    try:
        return datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    except ValueError:
        return None
