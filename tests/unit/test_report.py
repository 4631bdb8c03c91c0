"""Reports of an evaluation: nothing foreign becomes markup, nothing is loaded, every question is there."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from app.evaluation import CheckedSentence
from app.rating import QueryRating, SuiteRun
from app.report_dialogues import dialogues_report
from app.report_gold import gold_report
from app.report_page import link
from app.report_suites import suites_report
from app.scoring import score
from app.suites import Suite, SuitePage
from tests.fakes.verdicts import FACTS, make_citation, make_dialogue, make_found, make_refusal, make_verdict

HOSTILE = "\"'><script>owned()</script><img src=//evil.test onerror=owned()></style></details>\u202e&amp;"
TAGS = set(
    "html head meta title style body main h1 h2 h3 p bdi dl div dt dd table thead tbody tr th td figure figcaption svg "
    "rect line text polyline fieldset label input details summary span ul ol li blockquote a".split()
)


class Seen(HTMLParser):
    """The elements of a page, their attributes and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile_gold_report() -> str:
    words: dict[str, Any] = {"email": HOSTILE, "gold": (HOSTILE,), "gold_place": HOSTILE, "reason": HOSTILE}
    citation = make_citation(heading=HOSTILE, url="javascript:owned()", quote=HOSTILE, is_linked=False, is_quoted=False)
    sentence = CheckedSentence(text=HOSTILE, citations=(1,), is_supported=False)
    found = (make_found(heading=HOSTILE, url="http://x.test/\"onclick='owned()'"),)
    verdict = make_verdict(HOSTILE, **words, citations=(citation,), sentences=(sentence,), found=found)
    return gold_report(FACTS, score([verdict]), [verdict])


def hostile_suites_report() -> str:
    pages = (SuitePage(id=HOSTILE, title=HOSTILE, text=""), SuitePage(id="b", title="", text=HOSTILE))
    suite = Suite(name=HOSTILE, pages=pages, queries={"q": HOSTILE}, judged={"q": {HOSTILE: 1, HOSTILE * 2: 1}})
    rating = QueryRating(
        query_id="q", query=HOSTILE, found=("b",), ndcg_10=0, recall_5=0, recall_20=0, mrr_10=0, milliseconds=1
    )
    ratings = {name: [rating] for name in ("footnote", "words", "embedder")}
    return suites_report(FACTS, [SuiteRun(suite=suite, ratings=ratings)])


def hostile_conversations_report() -> str:
    words: dict[str, Any] = {"kind": HOSTILE, "question": HOSTILE, "asked": HOSTILE, "gold_place": HOSTILE}
    return dialogues_report(
        FACTS,
        [make_dialogue(earlier=(HOSTILE,), found=(make_found(heading=HOSTILE, url=HOSTILE),), half=HOSTILE, **words)],
    )


REPORTS = {
    "gold": hostile_gold_report(),
    "suites": hostile_suites_report(),
    "conversations": hostile_conversations_report(),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_foreign_words_become_text_and_nothing_else(report: str) -> None:
    seen = Seen(report)
    assert {tag for tag, _ in seen.elements} <= TAGS
    names = {name for _, attributes in seen.elements for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in {"style", "src", "srcdoc"}}
    assert HOSTILE in seen.text
    assert report.count("<style>") == report.count("</style>") == 1


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_policy_allows_the_reports_own_style_and_nothing_else(report: str) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", report, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policies = [attributes.get("content") for tag, attributes in Seen(report).elements if "http-equiv" in attributes]
    assert policies == [f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"]
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize(
    "url",
    [
        "javascript:owned()",
        "JaVaScRiPt:owned()",
        "data:text/html,x",
        "file:///etc/passwd",
        "http://[x",
        "java\nscript:x",
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert link("words", url) == "<bdi>words</bdi>"
    assert 'href="https://wiki.test/a?b&amp;c#d"' in link("words", "https://wiki.test/a?b&c#d")


def test_every_question_is_there_under_what_became_of_it() -> None:
    verdicts = [make_verdict("first?"), make_refusal("second?"), make_refusal("third?", is_answerable=False)]
    seen = Seen(gold_report(FACTS, score(verdicts), verdicts))
    shown = [attributes["class"] for tag, attributes in seen.elements if tag == "details"]
    assert shown == ["ok", "refused", "ok"]
    buttons = [attributes["id"] for tag, attributes in seen.elements if tag == "input"]
    assert buttons == ["show-all", "show-ok", "show-refused"]


def test_a_deep_or_missing_gold_section_is_said() -> None:
    deep, missing = make_verdict(section_rank=17), make_refusal(section_rank=None, is_retrieved=False)
    text = Seen(gold_report(FACTS, score([deep, missing]), [deep, missing])).text
    assert "The gold section was found at rank 17." in text
    assert "The gold section is not among the first 20." in text


def test_a_report_of_one_kind_of_questions_can_be_drawn() -> None:
    verdicts = [make_refusal(answerable=None, found=())]
    assert "unanswerable (0)" in Seen(gold_report(FACTS, score(verdicts), verdicts)).text


def test_a_conversation_shows_what_was_searched_for_and_what_the_history_did() -> None:
    verdicts = [make_dialogue(), make_dialogue("switch", rank_with=None, rank_without=2)]
    seen = Seen(dialogues_report(FACTS, verdicts))
    assert [attributes["class"] for tag, attributes in seen.elements if tag == "details"] == ["ok", "missed"]
    assert "Is it paid (leave)?" in seen.text
    assert "Without the history: rank 2." in seen.text


def test_collections_are_drawn_beside_the_two_halves_of_the_search() -> None:
    seen = Seen(hostile_suites_report())
    assert [attributes["class"] for tag, attributes in seen.elements if tag == "rect"][:3] == ["yes", "no", "third"]
    assert "chat model" not in seen.text
