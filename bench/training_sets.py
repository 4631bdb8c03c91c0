"""The open sets that answering is trained on, as the product would see them: passages found, units, cosines."""

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from app.answering.evidence import most_shared
from app.answering.features import Candidate, candidates_of
from app.answering.types import Passage
from app.answering.words import content_stems
from app.gold import contains_any
from kb.embedders.base import Embedder, Vectors

SECTIONS = 5
# As retrieval.py fuses them.
_DENSE_WEIGHT, _SPARSE_WEIGHT = 0.7, 0.3
_SATURATION, _LENGTH = 1.2, 0.75
_BATCH = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A question with what retrieval finds. `right`: which candidates hold a gold answer; `group`: what is split by."""

    question: str
    is_answerable: bool
    group: str
    passages: tuple[Passage, ...]
    candidates: tuple[Candidate, ...]
    cosines: tuple[float, ...]
    right: tuple[bool, ...]


class VectorStore:
    """Vectors of texts, kept in a file between runs."""

    def __init__(self, embedder: Embedder, path: Path | None) -> None:
        self._embedder = embedder
        self._path = path
        self._vectors: dict[str, Vectors] = {}
        if path is not None and path.exists():
            stored = np.load(path, allow_pickle=False)
            self._vectors = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension). Raises ModelError."""
        missing = [text for text in dict.fromkeys(texts) if _key(text) not in self._vectors]
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            vectors = await self._embedder.embed_passages(batch)
            self._vectors.update(zip(map(_key, batch), vectors, strict=True))
        if not texts:
            return np.zeros((0, self._embedder.dimension), dtype=np.float32)
        return np.stack([self._vectors[_key(text)] for text in texts]).astype(np.float32)

    def save(self) -> None:
        """Keep the vectors for the next run."""
        if self._path is not None:
            np.savez(self._path, keys=np.array(list(self._vectors)), vectors=np.stack(list(self._vectors.values())))


async def squad(folder: Path, store: VectorStore) -> list[Asking]:
    """SQuAD 2.0's questions over all of its passages; the unanswerable ones are near misses."""
    corpus = Corpus(read_lines(folder / "squad2-dev-half/corpus.jsonl"))
    rows = read_lines(folder / "squad2-dev-half/qa.jsonl")
    return [asking async for asking in corpus.ask(rows, store, groups=[row["passages"][0]["title"] for row in rows])]


async def foreign(folder: Path, store: VectorStore) -> list[Asking]:
    """Questions of other collections asked over SQuAD's passages: none has an answer there."""
    corpus = Corpus(read_lines(folder / "squad2-dev-half/corpus.jsonl"))
    rows = read_lines(folder / "northwind-handbook/qa.jsonl") + read_lines(folder / "nomiracl/en.jsonl")
    rows = [{"question": row["question"], "answers": [], "answerable": False} for row in rows]
    return [asking async for asking in corpus.ask(rows, store, groups=[row["question"] for row in rows])]


async def nomiracl(folder: Path, store: VectorStore) -> list[Asking]:
    """NoMIRACL's questions, each over its own ten passages."""
    found: list[Asking] = []
    for row in read_lines(folder / "nomiracl/en.jsonl"):
        corpus = Corpus(row["passages"])
        found += [asking async for asking in corpus.ask([row], store, groups=[row["id"]])]
    return found


async def handbook(folder: Path, store: VectorStore) -> list[Asking]:
    """A handbook's questions over all of its pages; each has an answer there, told in other words."""
    corpus = Corpus(read_lines(folder / "northwind-handbook/corpus.jsonl"))
    rows = read_lines(folder / "northwind-handbook/qa.jsonl")
    return [asking async for asking in corpus.ask(rows, store, groups=[str(row["cited_in_corpus"]) for row in rows])]


async def squad_without(folder: Path, store: VectorStore) -> list[Asking]:
    """Every other answerable question of SQuAD 2.0 over its passages, less those that hold the answer."""
    corpus = Corpus(read_lines(folder / "squad2-dev-half/corpus.jsonl"))
    rows = [row for row in read_lines(folder / "squad2-dev-half/qa.jsonl") if row["answerable"]][::2]
    held = [{passage["id"] for passage in row["passages"]} for row in rows]
    groups = [row["passages"][0]["title"] for row in rows]
    return await _ask_without(corpus, rows, store, groups=groups, held=held)


async def handbook_without(folder: Path, store: VectorStore) -> list[Asking]:
    """The handbook's questions over its pages, less those that hold the answer."""
    documents = read_lines(folder / "northwind-handbook/corpus.jsonl")
    rows = [row for row in read_lines(folder / "northwind-handbook/qa.jsonl") if row["cited_in_corpus"]]
    held = [{each["id"] for each in documents if each["page"] in row["cited_in_corpus"]} for row in rows]
    groups = [str(row["cited_in_corpus"]) for row in rows]
    return await _ask_without(Corpus(documents), rows, store, groups=groups, held=held)


async def _ask_without(
    corpus: "Corpus",
    rows: Sequence[Mapping[str, Any]],
    store: VectorStore,
    *,
    groups: Sequence[str],
    held: Sequence[set[str]],
) -> list[Asking]:
    """Unanswerable by construction: the passages `held` are not there, and no other holds a gold answer's words."""
    found = [asking async for asking in corpus.ask(rows, store, groups=groups, without=held)]
    return [
        replace(asking, is_answerable=False, right=(False,) * len(asking.right))
        for asking, row in zip(found, rows, strict=True)
        if not any(contains_any(passage.text, row["answers"]) for passage in asking.passages)
    ]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, one a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


class Corpus:
    """Passages to search as the product does: cosine and BM25, fused by score."""

    def __init__(self, documents: Sequence[Mapping[str, Any]]) -> None:  # Any: lines of foreign files
        self._documents = documents
        self._texts = [f"{document['title']}\n{document['text']}" for document in documents]
        counts = [Counter(content_stems(text)) for text in self._texts]
        lengths = [sum(count.values()) for count in counts]
        mean = sum(lengths) / len(lengths)
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, count in enumerate(counts):
            norm = _SATURATION * (1 - _LENGTH + _LENGTH * lengths[place] / mean)
            for word, times in count.items():
                self._postings[word].append((place, times * (_SATURATION + 1) / (times + norm)))

    async def ask(
        self,
        rows: Sequence[Mapping[str, Any]],
        store: VectorStore,
        *,
        groups: Sequence[str],
        without: Sequence[AbstractSet[str]] | None = None,
    ) -> AsyncIterator[Asking]:
        """An Asking for each row {question, answers, answerable}. `without`: ids not found for the row."""
        documents = await store.embed(self._texts)
        questions = await store.embed([row["question"] for row in rows])
        absent: Sequence[AbstractSet[str]] = without or [frozenset()] * len(rows)
        found = [
            self._search(row["question"], vector, documents, gone)
            for row, vector, gone in zip(rows, questions, absent, strict=True)
        ]
        drafts = [
            most_shared(row["question"], candidates_of(passages)) for row, passages in zip(rows, found, strict=True)
        ]
        texts = [
            [f"{passages[candidate.place].heading_line}: {candidate.unit.text}" for candidate in candidates]
            for passages, candidates in zip(found, drafts, strict=True)
        ]
        await store.embed([text for each in texts for text in each])
        for place, row in enumerate(rows):
            units = await store.embed(texts[place])
            yield _asking(row, groups[place], found[place], drafts[place], (units @ questions[place]).tolist())

    def _search(self, question: str, vector: Vectors, documents: Vectors, gone: AbstractSet[str]) -> list[Passage]:
        cosines = documents @ vector
        sparse = np.zeros(len(self._documents))
        for word in set(content_stems(question)):
            postings = self._postings.get(word, [])
            rarity = math.log(1 + (len(self._documents) - len(postings) + 0.5) / (len(postings) + 0.5))
            for place, weight in postings:
                sparse[place] += rarity * weight
        fused = _DENSE_WEIGHT * cosines + _SPARSE_WEIGHT * sparse / (sparse.max() or 1.0)
        return [
            _passage(self._documents[place], score=float(fused[place]), dense=float(cosines[place]))
            for place in [place for place in np.argsort(-fused) if self._documents[place]["id"] not in gone][:SECTIONS]
        ]


def _key(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _passage(document: Mapping[str, Any], *, score: float, dense: float) -> Passage:
    return Passage(
        tenant="training",
        document_id=document["id"],
        revision=1,
        section_ordinal=0,
        title=document["title"],
        heading_path=(),
        url="",
        text=document["text"],
        source="",
        space="",
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        is_outdated=False,
        score=score,
        dense=dense,
    )


def _asking(
    row: Mapping[str, Any], group: str, passages: list[Passage], candidates: list[Candidate], cosines: list[float]
) -> Asking:
    gold = {passage["id"] for passage in row.get("passages", ())}
    right = [
        passages[candidate.place].document_id in gold and contains_any(candidate.unit.text, row["answers"])
        for candidate in candidates
    ]
    return Asking(
        question=row["question"],
        is_answerable=row["answerable"],
        group=group,
        passages=tuple(passages),
        candidates=tuple(candidates),
        cosines=tuple(cosines),
        right=tuple(right),
    )
