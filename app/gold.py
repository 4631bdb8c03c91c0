"""Gold questions: what is asked, what a right answer contains, and where the pages say it."""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.answering.words import words_of
from kb.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldQuestion:
    """A question with what a right answer holds. `page`: path or title of the page, `heading`: where on it."""

    question: str
    answers: tuple[str, ...]
    page: str | None
    heading: str | None
    is_answerable: bool
    email: str | None = None

    @property
    def place(self) -> str | None:
        """The gold page and heading in one line; None if no page is named."""
        return " › ".join(part for part in (self.page, self.heading) if part) if self.page else None

    def is_page(self, document_id: str) -> bool:
        """Is it the document of the gold page? Never, if no page is named."""
        return self.page is not None and document_id.partition(":")[2].removesuffix(".md") == (
            self.page.removesuffix(".md")
        )

    def is_section(self, document_id: str, title: str, heading_path: tuple[str, ...]) -> bool:
        """Is it the gold page's section under the gold heading? Without a heading any of its sections is."""
        headings = {_plain(heading) for heading in (title, *heading_path)}
        return self.is_page(document_id) and (self.heading is None or _plain(self.heading) in headings)


def read_gold(path: Path) -> list[GoldQuestion]:
    """The gold questions of a JSON-lines file. Raises ConfigError naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    gold = [_gold(line, where=f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not gold:
        raise ConfigError(f"{path} holds no question")
    return gold


def contains_any(text: str, answers: Iterable[str]) -> bool:
    """Is one of the gold answers in the text, apart from case, spacing and typography?"""
    plain = _plain(text)
    return any(_plain(answer) in plain for answer in answers)


# A line of a foreign file: its shape is checked here.
def _gold(line: str, *, where: str) -> GoldQuestion:
    try:
        record: Mapping[str, Any] = json.loads(line)
        return GoldQuestion(
            question=str(record["question"]),
            answers=tuple(str(answer) for answer in record["answers"]),
            page=record.get("page"),
            heading=record.get("heading"),
            is_answerable=bool(record["answerable"]),
            email=record.get("as"),
        )
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            f'{where}: a gold question is a JSON object with "question", "answers" (a list) and "answerable"'
        ) from None


def share_said(text: str, answers: Iterable[str]) -> float:
    """Of the gold answer that is said best: the share of its content words that the text holds in some form, 0…1."""
    said = words_of(text).stems
    wanted = [words_of(answer).stems for answer in answers]
    return max((len(words & said) / len(words) for words in wanted if words), default=0.0)


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("–", "-").replace("`", "")
    return " ".join(text.split())
