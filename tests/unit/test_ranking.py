"""Scores of sections: fused by score, raised where the asked words stand together or literally, lowered by age."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.answering.querying import Query, read_query
from app.answering.ranking import Fused, SectionScorer, fuse_hits, share_literal, share_together
from app.answering.types import SearchScope
from kb.catalogue.records import SectionKey, StoredSection
from kb.index.base import Hit

FUSED = Fused(0.5, 0.5)


def make_hit(document_id: str, *, dense: float | None = None, sparse: float | None = None, ordinal: int = 0) -> Hit:
    return Hit(document_id=document_id, revision=1, section_ordinal=0, ordinal=ordinal, dense=dense, sparse=sparse)


def make_section(text: str, *, title: str = "Page", **others: object) -> StoredSection:
    section = StoredSection(
        document_id=f"wiki:{text}",
        revision=1,
        ordinal=0,
        section_id="#",
        title=title,
        heading_path=(),
        anchor="",
        url="/page",
        text=text,
        source_id="wiki",
        space="OPS",
        labels=(),
        updated_at=datetime(2026, 3, 1, tzinfo=UTC),
        status="current",
        superseded_by=None,
        audience_id=1,
    )
    return replace(section, **others)


def make_query(text: str) -> Query:
    return read_query(text, scope=SearchScope())


def score(query: str, section: StoredSection, *, language: str = "english") -> float:
    return SectionScorer(language=language).score(make_query(query), section, FUSED)


def key(document_id: str) -> SectionKey:
    return SectionKey(document_id=document_id, revision=1, section_ordinal=0)


def test_a_section_has_the_score_of_its_best_chunk() -> None:
    both = fuse_hits([make_hit("a", dense=0.2, sparse=1.0), make_hit("a", dense=0.6, sparse=4.0, ordinal=1)])
    best = fuse_hits([make_hit("a", dense=0.6, sparse=4.0, ordinal=1)])
    assert both == best


def test_a_chunk_that_only_the_words_found_is_no_nearer_than_the_farthest_of_the_others() -> None:
    fused = fuse_hits([make_hit("a", dense=0.7), make_hit("b", dense=0.3), make_hit("c", sparse=5.0)])
    assert fused[key("c")].dense == 0.3


def test_the_best_of_the_words_counts_the_same_in_every_search() -> None:
    small = fuse_hits([make_hit("a", dense=0.5, sparse=2.0)])
    large = fuse_hits([make_hit("a", dense=0.5, sparse=40.0)])
    assert small == large


@pytest.mark.parametrize(
    ("query", "together", "apart"),
    [
        ("Who likes Joshua trees?", "She likes Joshua Trees and rain.", "Joshua likes rain and apple trees."),
        ("prior authorization", "Ask for a prior authorization.", "Authorization was given on a prior visit."),
        ("roll back firmware", "How to roll back the firmware.", "Firmware comes back on a roll."),
        (
            "Verteidigung der Panthers",
            "Die Verteidigung der Panthers war gut.",
            "Die Panthers und ihre gute Verteidigung.",
        ),
    ],
)
def test_words_asked_together_count_more_where_they_stand_together(query: str, together: str, apart: str) -> None:
    assert score(query, make_section(together)) > score(query, make_section(apart))


def test_words_in_the_headings_do_not_stand_together_with_those_of_the_text() -> None:
    assert share_together(["roll", "back"], ["roll", "", "", "back"]) == 0


def test_one_word_has_nothing_to_stand_together_with() -> None:
    assert share_together(["rollback"], ["rollback"]) == 0


def test_an_identifier_counts_where_it_stands_whole() -> None:
    identifiers = make_query("What is K3?").identifiers
    shares = [
        share_literal(identifiers, make_section(text)) for text in ("The K3 sensor", "The K30 sensor", "The sensor")
    ]
    assert shares == [1.0, 0.0, 0.0]


def test_a_quoted_phrase_counts_over_line_ends() -> None:
    phrases = make_query('"cold backup"').phrases
    assert share_literal(phrases, make_section("a Cold\nBackup is taken")) == 1.0


@pytest.mark.parametrize("query", ["what does ERR_404 mean", '"means offline"'])
def test_a_section_with_what_was_meant_literally_goes_before_one_without(query: str) -> None:
    assert score(query, make_section("ERR_404 means offline")) > score(query, make_section("ERR_500 means: offline"))


@pytest.mark.parametrize("old", [{"status": "outdated"}, {"superseded_by": "wiki:new"}], ids=["outdated", "superseded"])
def test_an_outdated_section_loses_to_a_current_one_that_says_the_same(old: dict[str, str]) -> None:
    assert score("rollback", make_section("How to", **old)) < score("rollback", make_section("How to"))


def test_reading_a_section_again_gives_the_same_score() -> None:
    scorer = SectionScorer(language="english")
    section = make_section("How to roll back the firmware.")
    first = scorer.score(make_query("roll back firmware"), section, FUSED)
    assert scorer.score(make_query("roll back firmware"), section, FUSED) == first


def test_a_section_that_explains_the_word_asked_for_goes_before_one_that_only_uses_it() -> None:
    glossary, other = make_section("- RMA – return merchandise authorisation"), make_section("Open the RMA in Lantern.")
    assert score("What does RMA stand for?", glossary) > score("What does RMA stand for?", other) + 0.1
    assert score("How is an RMA opened?", glossary) == pytest.approx(score("How is an RMA opened?", other))
