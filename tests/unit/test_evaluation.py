"""Gold questions judged: found, said, cited, and why one went wrong."""

from pathlib import Path
from typing import Any

import pytest

from app.evaluation import Verdict, judge
from app.gold import GoldQuestion, contains_any, read_gold, share_said
from app.report_gold import score_rows
from app.scoring import refusal_curve, score
from kb.errors import ConfigError
from tests.fakes.answer_sides import OWNER, QUESTION, make_settings, opened_side
from tests.fakes.verdicts import make_citation, make_refusal, make_verdict

UNANSWERABLE: dict[str, Any] = {"is_answerable": False, "gold": (), "gold_place": None, "is_contained": False}


def make_gold(question: str = QUESTION, **others: Any) -> GoldQuestion:  # any field
    fields: dict[str, Any] = {"answers": ("26 days",), "page": "leave.md", "heading": "Entitlement"}
    return GoldQuestion(question=question, **({"is_answerable": True, **fields} | others))


async def judged(tmp_path: Path, *gold: GoldQuestion) -> list[Verdict]:
    async with opened_side(make_settings(tmp_path)) as side:
        catalogue = side.knowledge_base.catalogue
        return [verdict async for verdict in judge(gold, side.answerer, catalogue, tenant=side.settings.tenant)]


async def test_a_verdict_says_what_was_found_said_and_cited(tmp_path: Path) -> None:
    (verdict,) = await judged(tmp_path, make_gold())
    assert (verdict.outcome, verdict.section_rank, verdict.is_retrieved) == ("ok", 1, True)
    assert verdict.found[0].heading == "Annual leave › Entitlement"
    assert [sentence.is_supported for sentence in verdict.sentences] == [True] * len(verdict.sentences)
    cited = verdict.citations[0]
    assert (cited.quote, cited.is_gold, cited.is_linked, cited.is_quoted) == (
        "Everyone gets 26 days of annual leave each year.", True, True, True,
    )  # fmt: skip
    assert verdict.answerable is not None


async def test_each_question_is_asked_as_the_person_it_names(tmp_path: Path) -> None:
    gold = {"question": "What does level four pay?", "answers": ("84000",), "page": "pay.md", "heading": None}
    stranger, owner = await judged(tmp_path, make_gold(**gold), make_gold(**gold, email=OWNER))
    assert (stranger.section_rank, stranger.is_contained) == (None, False)
    assert all("pay.md" not in section.url for section in stranger.found)
    assert (owner.section_rank, owner.is_contained) == (1, True)


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (make_verdict(), "ok"),
        (make_verdict(is_contained=False), "without_gold"),
        (make_verdict(is_contained=False, is_retrieved=False), "not_retrieved"),
        (make_verdict(is_retrieved=False), "ok"),
        (make_refusal(), "refused"),
        (make_refusal(is_retrieved=False), "not_retrieved"),
        (make_refusal(status="unavailable"), "unavailable"),
        (make_refusal(**UNANSWERABLE), "ok"),
        (make_verdict(**UNANSWERABLE), "false_answer"),
    ],
)
def test_the_first_thing_that_went_wrong_is_named(verdict: Verdict, outcome: str) -> None:
    assert (verdict.outcome, verdict.is_right) == (outcome, outcome == "ok")


def test_citations_are_held_against_the_gold_section() -> None:
    aside = make_citation(number=2, is_gold=False, is_gold_page=False)
    scores = score([make_verdict(citations=(make_citation(), aside)), make_verdict("other", citations=(aside,))])
    assert (scores.citation_precision, scores.citation_recall, scores.page_cited) == (pytest.approx(1 / 3), 0.5, 0.5)


def test_citations_of_questions_without_a_gold_place_are_not_held_against_one() -> None:
    aside = make_citation(is_gold=False, is_gold_page=False)
    scores = score([make_verdict(), make_verdict("other", gold_place=None, citations=(aside,))])
    assert (scores.citation_precision, scores.citation_recall, scores.citations) == (1, 1, 2)


def test_bad_quotes_links_and_sentences_are_counted() -> None:
    faulty = make_verdict(citations=(make_citation(is_linked=False, is_quoted=False), make_citation(is_quoted=False)))
    scores = score([faulty, make_verdict()])
    assert (scores.citations, scores.broken_links, scores.invalid_quotes, scores.unsupported_sentences) == (3, 1, 2, 0)


def test_both_errors_are_shares_of_their_own_questions() -> None:
    scores = score([make_verdict(), make_refusal("a"), make_refusal("b", **UNANSWERABLE)])
    assert (scores.false_refusals, scores.false_answers, scores.not_found_when_unanswerable) == (0.5, 0, 1)


def test_the_gold_sections_rank_is_measured_as_a_ranking() -> None:
    scores = score(
        [make_verdict(section_rank=1), make_verdict("b", section_rank=8), make_verdict("c", section_rank=None)]
    )
    assert (scores.section_recall_5, scores.section_recall_20) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert scores.section_mrr_10 == pytest.approx((1 + 1 / 8) / 3)


def test_a_higher_threshold_refuses_more_and_lets_less_through() -> None:
    weights = [make_verdict(answerable=0.8), make_verdict(answerable=0.4), make_verdict(**UNANSWERABLE, answerable=0.6)]
    curve = {point.threshold: (point.false_answers, point.false_refusals) for point in refusal_curve(weights)}
    assert (curve[0.0], curve[0.5], curve[0.7], curve[1.0]) == ((1, 0), (1, 0.5), (0, 0.5), (0, 1))


def test_what_the_gate_never_saw_counts_as_refused() -> None:
    assert {point.false_refusals for point in refusal_curve([make_refusal(answerable=None)])} == {1}


def test_a_broken_line_of_a_gold_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "gold.jsonl"
    file.write_text('{"question": "a", "answers": [], "answerable": false}\n{"question": 1}\n')
    with pytest.raises(ConfigError, match=r"gold.jsonl:2: a gold question is"):
        read_gold(file)


def test_gold_answers_are_found_whatever_their_typography() -> None:
    assert contains_any("It’s 9–17,  `daily`", ["it's 9-17, daily"])
    assert not contains_any("It is 9", ["90"])


def test_of_a_gold_answer_that_is_a_paragraph_the_share_of_its_words_that_was_said_counts() -> None:
    gold = ["The plan covers ambulances in an emergency.", "Nothing is known."]
    assert share_said("In emergencies, every ambulance is covered by the plan.", gold) == 1.0
    assert share_said("The plan covers dentists.", gold) == pytest.approx(0.5)
    assert share_said("", gold) == share_said("anything", []) == 0.0


def test_nothing_is_told_of_a_kind_of_question_that_was_not_asked() -> None:
    unplaced = make_verdict(gold_place=None, page_rank=None, section_rank=None, citations=())
    names = [name for name, _ in score_rows(score([unplaced]))]
    assert not [name for name in names if "unanswerable" in name or "page" in name or "gold section" in name]
    assert "answerable: a gold answer contained" in names
    everything = [name for name, _ in score_rows(score([make_verdict(), make_refusal(is_answerable=False)]))]
    assert {"unanswerable: not found", "answerable: the gold page cited"} <= set(everything)
