"""The chat page and stored documents: who sees them, and that nothing in them can act in a browser."""

import gzip
import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.channels.web import document_page
from app.wiring import AnswerSide
from kb.catalogue.records import StoredSection
from tests.fakes.answer_sides import OWNER, closed, make_key, make_settings, open_to_anyone, opened_side


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


async def test_missing_and_forbidden_documents_look_the_same(side: AnswerSide) -> None:
    stranger, owner = await make_key(side, "ask", email="eve@acme.test"), await make_key(side, "ask", email=OWNER)
    async with closed(side) as client:
        missing = await client.get("/documents/docs:nothing.md", headers=stranger)
        forbidden = await client.get("/documents/docs:pay.md", headers=stranger)
        allowed = await client.get("/documents/docs:pay.md", headers=owner)
    assert (missing.status_code, forbidden.status_code, allowed.status_code) == (404, 404, 200)
    assert {**missing.json(), "request_id": ""} == {**forbidden.json(), "request_id": ""}
    assert "84000" in allowed.text


async def test_a_person_reads_in_words_why_a_link_does_not_open(side: AnswerSide) -> None:
    page, stranger = {"Accept": "text/html"}, await make_key(side, "ask", email="eve@acme.test")
    async with closed(side) as browser:
        refused = await browser.get("/documents/docs:pay.md", headers=page)
        await browser.post("/session", headers=stranger)
        missing, forbidden = [
            await browser.get(f"/documents/docs:{name}.md", headers=page) for name in ("no<b>thing", "pay")
        ]
    assert (refused.status_code, missing.status_code, forbidden.status_code) == (401, 404, 404)
    assert "<h1>This page needs a key</h1>" in refused.text
    assert "<h1>There is no such page</h1>" in missing.text
    assert missing.text == forbidden.text
    assert all("script-src 'self'" in each.headers["content-security-policy"] for each in (refused, missing))


async def test_a_browser_with_a_key_opens_links_that_can_carry_no_header(side: AnswerSide) -> None:
    key = await make_key(side, "ask", email=OWNER)
    async with closed(side) as browser:
        given = await browser.post("/session", headers=key)
        assert given.status_code == 204
        assert (await browser.get("/documents/docs:pay.md")).status_code == 200
        assert (await browser.post("/api/v1/search", json={"query": "pay"})).status_code == 401
    cookie = given.headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "path=/documents"} <= {part.strip() for part in cookie.split(";")}
    assert "max-age" not in cookie


async def test_a_browser_without_a_valid_key_gets_no_cookie(side: AnswerSide) -> None:
    async with closed(side) as browser:
        given = await browser.post("/session", headers={"Authorization": "Bearer fn_x"})
        assert (given.status_code, "set-cookie" in given.headers) == (401, False)
        forged = await browser.get("/documents/docs:leave.md", headers={"Cookie": "footnote_reader=fn_x"})
    assert forged.status_code == 401


async def test_the_cookie_of_a_revoked_key_opens_nothing(side: AnswerSide) -> None:
    key = await make_key(side, "ask")
    async with closed(side) as browser:
        await browser.post("/session", headers=key)
        assert (await browser.get("/documents/docs:leave.md")).status_code == 200
        await side.knowledge_base.catalogue.keys.revoke("acme", key["Authorization"].split("_")[1])
        assert (await browser.get("/documents/docs:leave.md")).status_code == 401


async def test_a_documents_address_reaches_no_file(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        for path in ("docs:../footnote.toml", "..%2f..%2fetc%2fpasswd", "docs%3Aleave.md%00", "%ff", ""):
            assert (await client.get(f"/documents/{path}")).status_code == 404, path


async def test_only_the_pages_own_files_are_assets(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        for name in ("../web.py", "..%2fweb.py", "page.css%00", "__init__.py", "PAGE.CSS"):
            assert (await client.get(f"/assets/{name}")).status_code == 404, name


class Elements(HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


HARMLESS = set("html head meta title link body main header h1 h2 h3 h4 p section em strong code pre ul ol li".split())
HARMLESS |= set("table thead tbody tr th td blockquote hr br".split())


def must_be_inert(page: str) -> None:
    elements = Elements(page)
    assert set(elements.tags) <= HARMLESS
    assert not [name for name, _ in elements.attributes if name.startswith("on") or name in {"src", "style", "srcdoc"}]
    assert {value for name, value in elements.attributes if name == "href"} <= {"/assets/page.css", "/assets/icon.svg"}


async def test_a_hostile_page_is_shown_as_text(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        response = await client.get("/documents/docs:hostile.md")
    must_be_inert(response.text)
    assert "Widgets are blue." in response.text
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def make_section(**changes: object) -> StoredSection:
    plain: dict[str, object] = {
        "document_id": "docs:a.md",
        "revision": 1,
        "ordinal": 0,
        "section_id": "s",
        "title": "Title",
        "heading_path": ("Heading",),
        "anchor": "anchor",
        "url": "/documents/docs:a.md#anchor",
        "text": "Text.",
        "source_id": "docs",
        "space": "",
        "labels": (),
        "updated_at": datetime(2026, 1, 2, tzinfo=UTC),
        "status": "current",
        "superseded_by": None,
        "audience_id": 1,
    }
    known = StoredSection.__dataclass_fields__
    blanks = {name: () for name in known if name not in plain}
    return StoredSection(**(plain | blanks | changes))


HOSTILE_WORDS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</section></main></body><iframe src=//evil.test>",
    "[a](javascript:alert(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "![a](http://evil.test/x.png)",
    "<http://evil.test>",
    "[a]: http://evil.test\n\n[a]",
    "| a |\n| --- |\n| <script>alert(1)</script> |",
    "```\n</code></pre><script>alert(1)</script>\n```",
    '```"onclick=alert(1)\nx\n```',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!-- --><b onmouseover=alert(1)>x</b>",
    "\u2028<script>\u2029alert(1)</script>",
    "# <img src=x onerror=alert(1)>",
    "> - 1. <details open ontoggle=alert(1)>",
]


@pytest.mark.parametrize("words", HOSTILE_WORDS)
@pytest.mark.parametrize("place", ["title", "heading_path", "anchor", "text", "source_id", "space"])
def test_no_field_of_a_page_can_become_markup(words: str, place: str) -> None:
    page = document_page([make_section(**{place: (words,) if place == "heading_path" else words})])
    must_be_inert(page)
    if place == "title":
        assert html.escape(words) in page


def test_a_section_without_an_anchor_has_no_empty_id() -> None:
    assert 'id=""' not in document_page([make_section(anchor="")])


async def test_the_chat_page_uses_nothing_inline_and_nothing_from_elsewhere(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        response = await client.get("/")
        elements = Elements(response.text)
        addresses = [value for name, value in elements.attributes if name in {"src", "href"}]
        assert addresses
        for address in addresses:
            assert (await client.get(address)).status_code == 200, address
    assert not [name for name, _ in elements.attributes if name.startswith("on") or name == "style"]
    assert re.findall(r"<script[^>]*>(.*?)</script>", response.text) == [""]
    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "img-src")} == {"'self'"}
    assert policy["require-trusted-types-for"] == "'script'"


async def test_the_chats_script_makes_no_markup_of_text(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        script = (await client.get("/widget.js")).text
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert way not in script


async def test_the_chats_script_is_packed_into_fifteen_kilobytes(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        response = await client.get("/widget.js", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert len(gzip.compress(response.content, 9, mtime=0)) <= 15_000
    assert "calc(var(--radius) + 4px)" in response.text, "signs in styles keep the space they need"
    assert "Ask a question…" in response.text
    assert "/** " not in response.text
    assert "import {" not in response.text
