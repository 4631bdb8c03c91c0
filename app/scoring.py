"""Verdicts on gold questions summed up: shares, counts, times, and what another threshold would have done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.evaluation import Verdict
from app.measures import mean, measure_ranking, percentile

_STEPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Shares are 0…1; times are milliseconds.

    `placed`: answerable questions that name a gold page: what is told of gold pages and sections is of them alone.
    `gold_words_said`: mean share of a gold answer's content words; for gold answers that are whole paragraphs.

    `citation_precision`: share of the citations of answers to answerable questions that lead to the gold section (of
    questions that name one); `citation_recall`: share of those answers that cite it.
    """

    questions: int
    answerable: int
    placed: int
    gold_contained: float
    gold_words_said: float
    page_cited: float
    page_recall_5: float
    section_recall_5: float
    section_recall_20: float
    section_ndcg_10: float
    section_mrr_10: float
    citation_precision: float
    citation_recall: float
    not_found_when_unanswerable: float
    false_answers: float
    false_refusals: float
    grounded: float
    citations: int
    invalid_quotes: int
    broken_links: int
    sentences: int
    unsupported_sentences: int
    retrieve_p50_ms: float
    retrieve_p95_ms: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalPoint:
    """What the gate would do at a threshold, both 0…1: unanswerable questions let through, answerable ones refused."""

    threshold: float
    false_answers: float
    false_refusals: float


def score(verdicts: Sequence[Verdict]) -> Scores:
    """The shares and counts over all verdicts. Raises ConfigError where ir-measures is not installed."""
    answerable = [verdict for verdict in verdicts if verdict.is_answerable]
    others = [verdict for verdict in verdicts if not verdict.is_answerable]
    placed = [verdict for verdict in answerable if verdict.gold_place is not None]
    answered = [verdict for verdict in verdicts if verdict.status == "answered"]
    told = [verdict for verdict in placed if verdict.status == "answered"]
    citations = [citation for verdict in verdicts for citation in verdict.citations]
    sentences = [sentence for verdict in verdicts for sentence in verdict.sentences]
    # One section is right: where it stands is all that a ranking's measures need.
    ranked = [measure_ranking(_placed_at(verdict.section_rank), {"gold": 1}) for verdict in placed]
    totals, retrievals = [each.total_ms for each in verdicts], [each.retrieve_ms for each in verdicts]
    return Scores(
        questions=len(verdicts),
        answerable=len(answerable),
        placed=len(placed),
        gold_contained=_share(verdict.is_contained for verdict in answerable),
        gold_words_said=mean([verdict.share_said for verdict in answerable]),
        page_cited=_share(verdict.is_page_cited for verdict in placed),
        page_recall_5=_share(verdict.page_rank is not None and verdict.page_rank <= 5 for verdict in placed),
        section_recall_5=mean([each.recall_5 for each in ranked]),
        section_recall_20=mean([each.recall_20 for each in ranked]),
        section_ndcg_10=mean([each.ndcg_10 for each in ranked]),
        section_mrr_10=mean([each.mrr_10 for each in ranked]),
        citation_precision=_share(citation.is_gold for verdict in told for citation in verdict.citations),
        citation_recall=_share(verdict.is_section_cited for verdict in told),
        not_found_when_unanswerable=_share(verdict.status == "not_found" for verdict in others),
        false_answers=_share(verdict.status == "answered" for verdict in others),
        false_refusals=_share(verdict.status == "not_found" for verdict in answerable),
        grounded=_share(verdict.mode == "grounded" for verdict in answered),
        citations=len(citations),
        invalid_quotes=sum(not citation.is_quoted for citation in citations),
        broken_links=sum(not citation.is_linked for citation in citations),
        sentences=len(sentences),
        unsupported_sentences=sum(not sentence.is_supported for sentence in sentences),
        retrieve_p50_ms=percentile(retrievals, 0.5),
        retrieve_p95_ms=percentile(retrievals, 0.95),
        p50_ms=percentile(totals, 0.5),
        p95_ms=percentile(totals, 0.95),
    )


def refusal_curve(verdicts: Sequence[Verdict]) -> list[RefusalPoint]:
    """False answers against false refusals for thresholds from 0 to 1. What the gate did not see counts as refused."""
    asked = [_weight(verdict) for verdict in verdicts if verdict.is_answerable]
    others = [_weight(verdict) for verdict in verdicts if not verdict.is_answerable]
    thresholds = [step / _STEPS for step in range(_STEPS + 1)]
    return [
        RefusalPoint(
            threshold=threshold,
            false_answers=_share(weight >= threshold for weight in others),
            false_refusals=_share(weight < threshold for weight in asked),
        )
        for threshold in thresholds
    ]


def _weight(verdict: Verdict) -> float:
    return -1.0 if verdict.answerable is None else verdict.answerable


def _placed_at(rank: int | None) -> list[str]:
    return [f"section {place}" for place in range(1, rank)] + ["gold"] if rank is not None else []


def _share(outcomes: Iterable[bool]) -> float:
    return mean([float(outcome) for outcome in outcomes])
