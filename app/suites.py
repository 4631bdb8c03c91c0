"""Retrieval suites: a collection of texts with queries and judgements, as folders of JSON lines hold them."""

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kb.errors import ConfigError

CORPUS, QUERIES, JUDGEMENTS = "corpus.jsonl", "queries.jsonl", "qrels.tsv"
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuitePage:
    """One text of a collection."""

    id: str
    title: str
    text: str

    @property
    def file_name(self) -> str:
        """Its own id where that can be a file's name, else a digest of it."""
        if _FILE_NAME.fullmatch(self.id):
            return f"{self.id}.md"
        return f"{hashlib.sha256(self.id.encode()).hexdigest()[:16]}.md"

    @property
    def markdown(self) -> str:
        """The text under its title."""
        return f"# {self.title}\n\n{self.text}\n" if self.title else f"{self.text}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A collection. `queries`: id → text; `judged`: query id → page id → grade, above 0 where the page is right."""

    name: str
    pages: tuple[SuitePage, ...]
    queries: Mapping[str, str]
    judged: Mapping[str, Mapping[str, int]]

    def write_pages(self, folder: Path) -> None:
        """One Markdown file a page, as a folder source reads them. Files that are there already stay untouched."""
        folder.mkdir(parents=True, exist_ok=True)
        for page in self.pages:
            path = folder / page.file_name
            if not path.exists():
                path.write_text(page.markdown, encoding="utf-8")


def find_suites(root: Path) -> list[str]:
    """Names of the suites below a folder: their paths relative to it."""
    return sorted(str(path.parent.relative_to(root)) for path in root.rglob(JUDGEMENTS) if _is_suite(path.parent))


def read_suite(root: Path, name: str) -> Suite:
    """A suite by its name; queries without judgements are left out. Raises ConfigError naming file and line."""
    folder = root / name
    if not _is_suite(folder):
        known = ", ".join(find_suites(root)) or "none"
        raise ConfigError(f"no suite {name!r} in {root}: it holds {known}")
    judged = _judgements(folder / JUDGEMENTS)
    queries = dict(_lines(folder / QUERIES, lambda record: (str(record["id"]), str(record["text"]))))
    asked = {query_id: text for query_id, text in queries.items() if judged.get(query_id)}
    pages = tuple(_lines(folder / CORPUS, _page))
    if not pages or not asked:
        raise ConfigError(f"{folder} holds no page or no judged query")
    return Suite(name=name, pages=pages, queries=asked, judged=judged)


def _is_suite(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (CORPUS, QUERIES, JUDGEMENTS))


def _page(record: Mapping[str, Any]) -> SuitePage:
    title = str(record.get("title") or "").replace("_", " ").strip()
    return SuitePage(id=str(record["id"]), title=title, text=str(record["text"]))


# Lines of a foreign file: their shape is checked here.
def _lines(path: Path, make: Callable[[Mapping[str, Any]], Made]) -> Iterator[Made]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield make(json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise ConfigError(f'{path}:{number}: expected a JSON object with "id" and "text"') from None


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
            if number == 1 and row and not row[-1].strip().lstrip("-").isdigit():
                continue  # the header
            try:
                query_id, page_id, grade = row[0], row[-2], int(row[-1])
            except (IndexError, ValueError):
                raise ConfigError(f"{path}:{number}: expected query, page and grade, separated by tabs") from None
            if grade > 0:
                judged.setdefault(query_id, {})[page_id] = grade
    return judged
