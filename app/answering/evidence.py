"""The units of the passages that bear on the question, best first. No chat model is asked."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.answering.beside import SideThread
from app.answering.defining import explains, term_asked
from app.answering.exactness import exactness
from app.answering.features import Candidate, candidates_of, read_question, unit_features
from app.answering.spoken import closeness_of, spoken_features
from app.answering.types import Passage
from app.answering.units import Unit
from app.answering.weights import linear_model, trained_with
from kb.embedders.base import Embedder, PieceEmbedder, Pieces, Vectors

# Embedding is what ranking costs: long sections are cut down to the units that share most words with the question.
MOST_UNITS = 64
_CACHED_VECTORS = 20_000
# The pieces that are compared with the question word by word: at most so many, and no further behind the first than
# that (log-odds). On SQuAD 2.0 more of them changed nothing; half of the questions have three or fewer.
_MOST_COMPARED = 6
_COMPARED_WITHIN = 4.0
# What a cosine counts for in log-odds: the best on one half of SQuAD 2.0's articles; from 10 to 20 it is much the same.
CLOSENESS_WEIGHT = 16.0
# Asked what a word means, the line that explains it is the answer, whatever else is said with it.
DEFINING_WEIGHT = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A unit of a passage with what speaks for it. `place`: the passage's position in the list given.

    `score`: log-odds against the other units of the same question, not comparable between questions; `features`: what
    it is made of (see `app.answering.features`). `closeness`: how much nearer to the question, piece by piece of the
    embedder, than the furthest of those compared (a difference of mean cosines, 0 or more); 0 if it was not compared.
    `exactness`: see `app.answering.exactness`.
    """

    place: int
    passage: Passage
    unit: Unit
    score: float
    features: Mapping[str, float]
    closeness: float = 0.0
    exactness: float = 0.0

    @property
    def standing(self) -> float:
        """What answers are chosen by, in log-odds: the score, how close it is, how exact."""
        return self.score + CLOSENESS_WEIGHT * self.closeness + self.exactness


class EvidenceFinder:
    """Scores the units of passages against a question with the embedder and the words."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()
        # Texts that are just being embedded, for this question or another one.
        self._coming: dict[str, asyncio.Future[None]] = {}
        self._beside = SideThread()

    async def find(self, question: str, passages: Sequence[Passage]) -> list[Evidence]:
        """Evidence of all passages, by score; the first one's features tell too whether what is asked is spoken of
        in what could answer it.

        Raises ModelError.
        """
        candidates = await self._beside.run(_candidates, question, passages)
        texts = [f"{passages[candidate.place].heading_line}: {candidate.unit.text}" for candidate in candidates]
        cosines = await self._similarities(question, texts)
        ranked = await self._beside.run(rank, question, passages, candidates, cosines)
        return await self._compared(question, ranked) if ranked else []

    async def _compared(self, question: str, ranked: Sequence[Evidence]) -> list[Evidence]:
        """The evidence with what its pieces tell (`app.answering.spoken`), if they mean anything for this embedder."""
        if not isinstance(self._embedder, PieceEmbedder) or self._embedder.identity != trained_with("spoken"):
            return list(ranked)
        leading = leading_of(ranked)
        asked, *pieces = await self._embedder.embed_pieces([question, *(heard_texts(each)[0] for each in leading)])
        leading = with_closeness(leading, await self._beside.run(closeness_of, asked, pieces))
        sections = list(dict.fromkeys(heard_texts(each)[1] for each in leading))
        wholes = dict(zip(sections, await self._embedder.embed_pieces(sections), strict=True))
        found = await self._beside.run(_most_spoken_of, question, asked, leading, pieces, wholes)
        leading[0] = replace(leading[0], features={**leading[0].features, **found})
        return [*leading, *ranked[len(leading) :]]

    async def _similarities(self, question: str, texts: Sequence[str]) -> list[float]:
        """Cosine of the question to each text, in order."""
        if not texts:
            return []
        query = await self._embedder.embed_query(question)
        await self._embed(texts)
        # No wait in between: another question's vectors may push these out.
        cosines = (np.stack([self._vectors[text] for text in texts]) @ query).tolist()
        while len(self._vectors) > _CACHED_VECTORS:
            self._vectors.popitem(last=False)
        return [float(cosine) for cosine in cosines]

    async def _embed(self, texts: Sequence[str]) -> None:
        """Have a vector for each. Many who ask the same at once embed its texts once."""
        while missing := [text for text in dict.fromkeys(texts) if text not in self._vectors]:
            own = [text for text in missing if text not in self._coming]
            if not own:
                # Whatever becomes of it: then we look again.
                await asyncio.wait({self._coming[text] for text in missing})
                continue
            done = asyncio.get_running_loop().create_future()
            self._coming.update(dict.fromkeys(own, done))
            try:
                vectors = await self._embedder.embed_passages(own)
                self._vectors.update(zip(own, vectors, strict=True))
            finally:
                for text in own:
                    del self._coming[text]
                done.set_result(None)


def leading_of(ranked: Sequence[Evidence]) -> list[Evidence]:
    """The pieces near enough to the first to be compared with the question word by word; `ranked`: by score."""
    return [each for each in ranked[:_MOST_COMPARED] if each.score >= ranked[0].score - _COMPARED_WITHIN]


def with_closeness(leading: Sequence[Evidence], closeness: Sequence[float]) -> list[Evidence]:
    """The same, each with how close it is."""
    return [replace(each, closeness=close) for each, close in zip(leading, closeness, strict=True)]


def _most_spoken_of(
    question: str, asked: Pieces, leading: Sequence[Evidence], near: Sequence[Pieces], wholes: Mapping[str, Pieces]
) -> dict[str, float]:
    """The features of the leading evidence in which most of what is asked is spoken of: it may be any that answers.

    `near`: the pieces of each; `wholes`: those of each section.
    """
    model = linear_model("spoken")
    sections = [heard_texts(each)[1] for each in leading]
    heard = [
        spoken_features(question, asked, pieces, wholes[section], section)
        for section, pieces in zip(sections, near, strict=True)
    ]
    return max(heard, key=lambda found: model.score({f"best_{name}": value for name, value in found.items()}))


def heard_texts(best: Evidence) -> tuple[str, str]:
    """The texts that a question's words are looked for in: the unit with its headings, and its whole section."""
    heading = best.passage.heading_line
    return f"{heading}: {best.unit.text}", f"{heading}\n{best.passage.text}"


def _candidates(question: str, passages: Sequence[Passage]) -> list[Candidate]:
    return most_shared(question, candidates_of(passages))


def most_shared(question: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that share most words with the question, at most MOST_UNITS, in reading order."""
    if len(candidates) <= MOST_UNITS:
        return list(candidates)
    asked = read_question(question, candidates)
    shares = [asked.covered(each.stems) + asked.covered(each.own) for each in candidates]
    kept = sorted(range(len(candidates)), key=lambda place: (-shares[place], place))[:MOST_UNITS]
    return [candidates[place] for place in sorted(kept)]


def rank(
    question: str, passages: Sequence[Passage], candidates: Sequence[Candidate], cosines: Sequence[float]
) -> list[Evidence]:
    """The candidates as evidence, best first."""
    rows = unit_features(read_question(question, candidates), passages, candidates, cosines)
    scorer = linear_model("ranking")
    term = term_asked(question)
    defines = [float(term is not None and explains(term, each.unit.text)) for each in candidates]
    evidence = [
        Evidence(
            place=candidate.place,
            passage=passages[candidate.place],
            unit=candidate.unit,
            score=scorer.score(features) + DEFINING_WEIGHT * is_definition,
            features={**features, "defines": is_definition},
            exactness=exactness(question, candidate.unit.text),
        )
        for candidate, features, is_definition in zip(candidates, rows, defines, strict=True)
    ]
    return sorted(evidence, key=lambda each: (-each.score, each.place, each.unit.position))
