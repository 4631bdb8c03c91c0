"""The widget where the page says who its visitor is: that person's answers, and nobody else's conversation."""

import time
from pathlib import Path

import jwt
import pytest
from playwright.sync_api import Browser, expect
from pydantic import SecretStr

from app.identity_settings import IssuerTable
from app.settings import SiteTable
from tests.e2e.test_widget_on_other_pages import TEXT, Host, opened_chat
from tests.fakes.answer_sides import OWNER, make_settings
from tests.fakes.browser import ask, looking
from tests.fakes.serving import serving
from tests.fakes.web_sides import served

pytestmark = pytest.mark.e2e
SECRET = "0123456789abcdef0123456789abcdef"
PAY = "What does level four pay?"


def token(email: str, *, seconds: int = 300) -> str:
    now = int(time.time())
    claims = {"iss": "shop", "aud": "footnote", "email": email, "nbf": now - 60, "exp": now + seconds}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def test_a_named_visitor_gets_what_that_person_may_read(tmp_path: Path, browser: Browser) -> None:
    host = Host()
    issuer = IssuerTable(id="shop", issuer="shop", audience="footnote", algorithm="HS256", secret=SecretStr(SECRET))
    with serving(host.app) as address:
        sites = (SiteTable(id="shop", origins=(address,)),)
        settings = make_settings(tmp_path).model_copy(update={"sites": sites, "issuers": (issuer,)})
        with served(settings, is_open=False) as server, looking(browser) as (page, witness):

            def visit(word: str) -> None:
                script = (
                    f'<script type="module" src="{server.url}/widget.js?site=shop" data-user-token="{word}"></script>'
                )
                host.html = f'<!doctype html><html lang="en"><title>Shop</title><body>{TEXT}{script}'
                opened_chat(page, address)

            visit(token(OWNER))
            ask(page, PAY)
            expect(page.locator(".sentence")).to_contain_text("84000")
            expect(page.locator(".actions")).to_be_visible()  # the answer is whole, and remembered
            visit(token(OWNER))
            expect(page.locator(".sentence")).to_contain_text("84000")
            # Another person at the same tab: what was said before is not theirs.
            visit(token("eve@acme.test"))
            expect(page.locator(".turn")).to_have_count(0)
            ask(page, PAY)
            expect(page.locator(".actions, .turn .refused").first).to_be_visible()
            expect(page.locator("footnote-chat")).not_to_contain_text("84000")
            assert witness.complaints == []
            visit(token(OWNER, seconds=-60))
            ask(page, PAY)
            expect(page.locator(".turn .refused")).to_be_visible()
