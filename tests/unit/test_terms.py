"""Search terms: endings, languages, identifiers, unspaced scripts, and the weights BM25 gives them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.index.bm25 import document_terms, query_terms
from kb.terms import LONGEST_TERM, detect_languages, query_languages, term_id, terms_of


def are_found(query: str, text: str, *, language: str = "english") -> bool:
    """Does the query share a term with the text, as an index of `language` would see both?"""
    return bool(set(query_terms(query, language=language)[0]) & set(document_terms(text, language=language)[0]))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How many days of leave can I carry over to the next year?", "english"),
        ("Wie viele Urlaubstage kann ich in das nächste Jahr übertragen?", "german"),
        ("Combien de jours de congé puis-je reporter sur l'année suivante ?", "french"),
        ("¿Cuántos días de vacaciones puedo guardar para el año que viene?", "spanish"),
        ("Quanti giorni di ferie si possono riportare nell'anno che viene?", "italian"),
        ("Quantos dias de férias posso guardar para o ano que vem?", "portuguese"),
        ("Hoeveel vakantiedagen kan ik meenemen naar het volgende jaar?", "dutch"),
        ("Hur många semesterdagar kan jag spara till nästa år?", "swedish"),
        ("Ile dni urlopu mogę przenieść na następny rok?", "polish"),
    ],
)
def test_a_question_shows_its_language_by_its_function_words(text: str, language: str) -> None:
    assert detect_languages(text)[0] == language


def test_a_text_without_function_words_shows_no_language() -> None:
    assert detect_languages("Kestrel K3 rollback") == ()


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("rolling back firmware updates", "Firmware\n\nHow to roll back an update of the firmware."),
        (
            "Welche Regeln gelten für Rückerstattungen?",
            "Regeln\n\nDie Rückerstattung ist in der Regel nach einer Woche da.",
        ),
        ("Urlaubstage übertragen", "Urlaub\n\nDer Urlaubstag, der nicht genommen wurde, ist zu übertragen."),
        ("правила отпусков", "Отпуск\n\nКаждое правило отпуска."),
        ("年假政策", "人事\n\n公司的年假规定。"),
        ("有給休暇", "休暇\n\n社員は有給休暇を取得できます。"),
        ("café", "Food\n\nThe cafe is on the ground floor."),
        ("1000 readings", "Limits\n\nAt most 1,000 of them a minute."),
        ("APIs", "Interface\n\nThe API is versioned."),
    ],
)
def test_a_query_finds_other_forms_of_its_words(query: str, text: str) -> None:
    assert are_found(query, text)


@pytest.mark.parametrize("query", ["what is it", "Wie ist das?", "¿Qué es?", "  ", "?!"])
def test_a_query_of_function_words_has_no_terms(query: str) -> None:
    assert query_terms(query, language="english") == ([], [])


def test_an_acronym_that_looks_like_a_function_word_is_searched_for() -> None:
    assert are_found("IT support", "Desk\n\nAsk IT for a laptop.")


@pytest.mark.parametrize("identifier", ["ERR_404", "KES-1042", "v2.3.1", "api/v1/devices", "getUserName"])
def test_an_identifier_is_a_term_of_its_own(identifier: str) -> None:
    assert identifier.lower() in [term.lower() for term in terms_of(f"see {identifier} here", language="none")]


def test_the_parts_of_an_identifier_are_terms_too() -> None:
    assert {"get", "user", "name"} <= set(terms_of("getUserName", language="english"))


def test_a_word_that_may_be_german_or_english_is_looked_for_in_both_forms() -> None:
    assert set(query_languages("die casting", language="english")) >= {"german", "english"}


def test_a_sentence_is_looked_for_in_its_own_language_alone() -> None:
    assert query_languages("How do I reset the thermostat?", language="german") == ("english",)


def test_a_word_of_the_title_weighs_more_than_one_of_the_text() -> None:
    ids, weights = document_terms("Rollback\n\nfirmware and other words of the text", language="english")
    found = dict(zip(ids, weights, strict=True))
    assert found[term_id("rollback")] > found[term_id("firmwar")]


def test_a_text_without_headings_has_none_of_their_weight() -> None:
    bare = document_terms("\none paragraph\n\nand another", language="english")
    assert bare == document_terms("\n\none paragraph\n\nand another", language="english")


def test_a_words_weight_depends_on_its_own_text_alone() -> None:
    before = document_terms("Title\n\none chunk of text", language="english")
    document_terms("Other\n\nanother chunk of text, much longer than the first one was", language="english")
    assert document_terms("Title\n\none chunk of text", language="english") == before


def test_a_terms_number_is_the_same_in_every_process() -> None:
    assert term_id("kestrel") == 3900399179


@given(st.text(max_size=200), st.sampled_from(["english", "german", "finnish", "unheard-of"]))
def test_any_text_has_bounded_terms(text: str, language: str) -> None:
    terms = terms_of(text, language=language)
    assert all(0 < len(term) <= LONGEST_TERM for term in terms)


@given(st.text(max_size=200))
def test_any_text_has_one_positive_weight_a_term(text: str) -> None:
    ids, weights = document_terms(text, language="english")
    assert len(ids) == len(set(ids)) == len(weights)
    assert all(weight > 0 for weight in weights)
