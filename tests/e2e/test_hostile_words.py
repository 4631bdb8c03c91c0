"""Words that try to act: every field of an answer, through the chat, as markup, scripts, addresses and styles."""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.fakes.browser import ask, looking
from tests.fakes.web_sides import Served

pytestmark = pytest.mark.e2e
WORDS = [
    "<script>owned()</script>",
    "<img src=x onerror=owned()>",
    "<svg/onload=owned()>",
    "<iframe srcdoc='<script>parent.owned()</script>'>",
    "<a href=javascript:owned()>x</a>",
    "<style>*{background:url(//evil.test/css)}</style>",
    "<details open ontoggle=owned()>",
    "<math><mtext><table><mglyph><style><img src=x onerror=owned()>",
    "</footnote-chat><script>owned()</script>",
    "<template><script>owned()</script></template>",
    "[x](javascript:owned())",
    "![x](http://evil.test/pixel.png)",
    "[x]: http://evil.test",
    "<http://evil.test/>",
    "`</code><img src=x onerror=owned()>`",
    '" onmouseover="owned()" x="',
    "' autofocus onfocus='owned()",
    "{{constructor.constructor('owned()')()}}",
    "${owned()}",
    "&lt;script&gt;owned()&lt;/script&gt;",
    "\u202e<script>owned()</script>\u2028owned()",
    "<link rel=stylesheet href=//evil.test/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.test'>",
    "<base href=//evil.test/>",
    "<form action=//evil.test><button>x</button></form>",
]
ADDRESSES = [
    "javascript:owned()",
    " javascript:owned()",
    "java\nscript:owned()",
    "JaVaScRiPt:owned()",
    "data:text/html,<script>opener.owned()</script>",
    "vbscript:owned()",
    "blob:http://evil.test/x",
    "file:///etc/passwd",
    "http://[broken",
]
HARMLESS = set(
    "div section header span svg path h2 h3 button p article ol li details summary b blockquote mark a".split()
)
HARMLESS |= set("form textarea code em strong ul pre table tr td th".split())


def events(words: str, address: str) -> str:
    """A stream whose every word is hostile."""
    citation = {
        "number": 1, "document_id": words, "title": words, "heading_path": [words, words], "url": address,
        "quote": words, "source": words, "updated_at": words, "above": [words, words],
        "is_outdated": True, "space": words, "age": words,
    }  # fmt: skip
    kinds = ("conflict", "stale", "outdated", "unanswered", "constructor", words)
    notices = [{"kind": kind, "text": words, "citations": [1, 2]} for kind in kinds]
    spans = [{"kind": kind, "text": words} for kind in ("text", "strong", "emphasis", "code", "script", words)]
    blocks = [{"kind": kind, "spans": spans, "rows": [[spans], [spans]]} for kind in
              ("paragraph", "code", "list", "table", "script", words)]  # fmt: skip
    sentence = {"sentence": {"text": words, "citations": [1]}, "citations": [citation], "blocks": blocks}
    done = {
        "answer_id": words, "conversation_id": words, "status": "answered", "mode": "strict", "reason": words,
        "text": words, "sentences": [sentence["sentence"]], "citations": [citation], "notices": notices,
        "closest": [], "model": {"name": words, "sha256": None}, "timings_ms": {},
    }  # fmt: skip
    refused = done | {"status": "not_found", "closest": [{"title": words, "url": address}]}
    frames: list[tuple[str, Any]] = [("sources", {"passages": [{"document_id": words}]}), ("sentence", sentence)]
    frames += [("done", done), ("done", refused)]
    return "".join(f"event: {name}\ndata: {json.dumps(body)}\n\n" for name, body in frames)


def test_no_word_of_an_answer_can_act_in_the_chat(server: Served, browser: Browser) -> None:
    with looking(browser) as (page, witness):
        page.add_init_script("window.ownedCount = 0; window.owned = () => { window.ownedCount += 1 }")
        answers = iter([(words, ADDRESSES[place % len(ADDRESSES)]) for place, words in enumerate(WORDS)])

        def answer(route: Route) -> None:
            words, address = next(answers)
            route.fulfill(body=events(words, address), content_type="text/event-stream")

        page.route("**/api/v1/ask", answer)
        page.goto(server.url)
        for words in WORDS:
            ask(page, words)
            expect(page.locator(".turn").last.locator(".actions").first).to_be_visible()
        for card in page.locator(".card").all():
            card.evaluate("(card) => { card.open = true }")
        nodes = "[...document.querySelector('footnote-chat').shadowRoot.querySelectorAll('*')]"
        tags = page.evaluate(f"{nodes}.map((node) => node.localName)")
        # The field's height is our own.
        others = f"{nodes}.filter((node) => node.localName !== 'textarea')"
        attributes = page.evaluate(f"{others}.flatMap((node) => [...node.attributes].map((each) => each.name))")
        assert set(tags) <= HARMLESS
        assert not [
            name for name in attributes if name.startswith("on") or name in {"src", "srcdoc", "style", "action"}
        ]
        assert page.locator(".card a, .closest a").count() == 0, "no address of theirs is a link"
        page.reload()  # what the tab remembered is as hostile
        expect(page.locator(".turn").first).to_be_visible()
        assert page.evaluate("window.ownedCount") == 0
        assert witness.complaints == []
        assert {address.split("/")[2] for address in witness.addresses} == {server.url.split("/")[2]}
