"""What a question is answered from: for each thing it asks, the evidence and how likely that answers it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from app.answering.beside import SideThread
from app.answering.evidence import Evidence, EvidenceFinder
from app.answering.gate import answerable_probability, gate_features
from app.answering.parting import Asked, parts_of
from app.answering.ports import Retriever
from app.answering.querying import filters_of, without_filters
from app.answering.selecting import select_evidence
from app.answering.settling import Settled, settle
from app.answering.suspicion import without_orders
from app.answering.types import Passage, SearchScope
from kb.access import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that is asked, and what was found for it. `answerable`: the gate's estimate; None: no evidence.

    `evidence`: best first.
    """

    asked: Asked
    passages: tuple[Passage, ...]
    evidence: tuple[Evidence, ...] = ()
    answerable: float | None = None


async def look_up(
    text: str, principal: Principal, retriever: Retriever, *, scope: SearchScope, count: int
) -> list[Part]:
    """At most `count` passages for each thing that is asked. Inline filters narrow the search, and are no words of it.

    Raises IndexFailure, CatalogueError, ModelError.
    """
    filters = filters_of(text)
    return [
        Part(
            asked=asked,
            passages=tuple(
                await retriever.retrieve(f"{filters} {asked.alone}".strip(), principal, scope=scope, count=count)
            ),
        )
        for asked in parts_of(without_filters(text))
    ]


async def weigh(parts: Sequence[Part], finder: EvidenceFinder, beside: SideThread) -> list[Part]:
    """The parts with their evidence. Raises ModelError."""
    weighed = []
    for part in parts:
        found = await finder.find(part.asked.alone, part.passages)
        evidence = await beside.run(without_orders, found)
        answerable = await beside.run(_answerable, part.asked.alone, evidence, part.passages)
        weighed.append(replace(part, evidence=tuple(evidence), answerable=answerable))
    return weighed


def passages_of(parts: Sequence[Part]) -> list[Passage]:
    """The passages of all parts, each once: the best of each part first."""
    found: dict[tuple[str, int], Passage] = {}
    for row in zip_longest(*(part.passages for part in parts)):
        for passage in row:
            if passage is not None:
                found.setdefault((passage.document_id, passage.section_ordinal), passage)
    return list(found.values())


def settle_parts(parts: Sequence[Part], *, most: int) -> Settled:
    """The evidence that answers all parts: `most` pieces, but one a part at least."""
    each_most = max(1, most // len(parts))
    settled = [
        settle(select_evidence(part.asked.alone, part.evidence, most=each_most), part.evidence) for part in parts
    ]
    conflicts = {_place(conflict.newer): conflict for each in settled for conflict in each.conflicts}
    disputed = {_place(side) for conflict in conflicts.values() for side in (conflict.newer, conflict.older)}
    others = {_place(other): other for each in settled for other in each.others if _place(other) not in disputed}
    return Settled(conflicts=tuple(conflicts.values()), others=tuple(others.values()))


def _answerable(text: str, evidence: Sequence[Evidence], passages: Sequence[Passage]) -> float | None:
    return answerable_probability(gate_features(text, evidence, passages)) if evidence else None


def _place(evidence: Evidence) -> tuple[str, int, str]:
    return evidence.passage.document_id, evidence.passage.section_ordinal, evidence.unit.quote
