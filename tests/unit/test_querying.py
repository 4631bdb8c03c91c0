"""What a person typed becomes a query: filters out of it, phrases and identifiers noticed in it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.querying import read_query, spelled_otherwise, without_filters
from app.answering.types import SearchScope

ANYWHERE = SearchScope()


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("in:ENG how do I deploy", SearchScope(space="ENG")),
        ("how do I space:ENG deploy", SearchScope(space="ENG")),
        ('how do I deploy in:"Human resources"', SearchScope(space="Human resources")),
        ("source:wiki how do I deploy", SearchScope(source="wiki")),
        ("label:policy label:travel how do I deploy", SearchScope(labels=("policy", "travel"))),
        ("updated:2026 how do I deploy", SearchScope(updated_since=datetime(2026, 1, 1, tzinfo=UTC))),
        ("updated:2026-03 how do I deploy", SearchScope(updated_since=datetime(2026, 3, 1, tzinfo=UTC))),
        ("updated:2026-03-15 how do I deploy", SearchScope(updated_since=datetime(2026, 3, 15, tzinfo=UTC))),
    ],
)
def test_an_inline_filter_narrows_the_search_and_is_no_word(text: str, scope: SearchScope) -> None:
    query = read_query(text, scope=ANYWHERE)
    assert (query.scope, query.words) == (scope, "how do I deploy")


@pytest.mark.parametrize(
    "text", ["updated:yesterday what changed", "built-in:ENG tools", "updated:2026-13 news", "in: ENG"]
)
def test_what_is_no_filter_stays_in_the_words(text: str) -> None:
    query = read_query(text, scope=ANYWHERE)
    assert (query.scope, query.words) == (ANYWHERE, text)


@pytest.mark.parametrize("text", ["in:HR pay", "source:hr pay", "updated:2020 pay"])
def test_an_inline_filter_cannot_widen_the_callers_scope(text: str) -> None:
    scope = SearchScope(source="wiki", space="ENG", updated_since=datetime(2026, 1, 1, tzinfo=UTC))
    assert read_query(text, scope=scope).scope == scope


def test_filters_alone_are_searched_for_as_words() -> None:
    assert read_query("in:ENG", scope=ANYWHERE).words == "in:ENG"


def test_a_date_that_finds_nothing_is_not_widened() -> None:
    since = SearchScope(updated_since=datetime(2030, 1, 1, tzinfo=UTC))
    alone, beside = "updated:2030 deploy", "in:ENG updated:2030 deploy"
    assert list(spelled_otherwise(read_query(alone, scope=ANYWHERE), scope=ANYWHERE, text=alone)) == []
    *_, last = spelled_otherwise(read_query(beside, scope=ANYWHERE), scope=ANYWHERE, text=beside)
    assert (last.scope, last.words) == (since, "in:ENG deploy")


def test_filters_that_find_nothing_are_tried_in_other_letters_and_then_as_words() -> None:
    text = "in:Eng deploy"
    others = list(spelled_otherwise(read_query(text, scope=ANYWHERE), scope=ANYWHERE, text=text))
    assert [(query.scope.space, query.words) for query in others] == [
        ("ENG", "deploy"),
        ("eng", "deploy"),
        (None, "in:Eng deploy"),
    ]


def test_trying_otherwise_keeps_the_callers_own_scope() -> None:
    scope = SearchScope(source="wiki")
    text = "in:Eng label:Policy deploy"
    others = spelled_otherwise(read_query(text, scope=scope), scope=scope, text=text)
    assert {query.scope.source for query in others} == {"wiki"}


def test_a_query_without_filters_is_tried_once() -> None:
    assert list(spelled_otherwise(read_query("deploy", scope=ANYWHERE), scope=ANYWHERE, text="deploy")) == []


def test_phrases_in_any_languages_quotation_marks_are_noticed() -> None:
    query = read_query('the "Roll Back" or „kaltes Backup“ or «arrêt total»', scope=ANYWHERE)
    assert query.phrases == ("roll back", "kaltes backup", "arrêt total")


@pytest.mark.parametrize("word", ["ERR_404", "KES-1042", "v2.3.1", "getUserName", "K3", "foo::bar", "E1001"])
def test_an_identifier_is_noticed(word: str) -> None:
    assert read_query(f"what does {word} mean", scope=ANYWHERE).identifiers == (word.lower(),)


@pytest.mark.parametrize("word", ["and/or", "in-network", "Kestrel", "12", "firmware", "don't"])
def test_a_plain_word_is_no_identifier(word: str) -> None:
    assert read_query(f"what does {word} mean", scope=ANYWHERE).identifiers == ()


def test_the_words_of_a_question_come_without_its_filters() -> None:
    assert without_filters("in:ENG updated:2026 how do I deploy?") == "how do I deploy?"


@given(st.text(max_size=120))
def test_any_text_makes_a_query_with_words(text: str) -> None:
    query = read_query(text, scope=ANYWHERE)
    assert any(char.isalnum() for char in query.words) == any(char.isalnum() for char in text)
