"""Signing in and out as a person does it: the chat page, a stored document, the administration, and the way out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from app.identity_settings import LoginTable
from tests.e2e.test_accessibility import AXE, violations
from tests.e2e.test_administration import keep_answers
from tests.fakes.answer_sides import OWNER, make_settings
from tests.fakes.browser import ask, looking
from tests.fakes.oidc import CLIENT, SECRET, Provider, running_provider
from tests.fakes.web_sides import served

pytestmark = pytest.mark.e2e
Shoot = Callable[[Page, str], None]


def make_login(provider: Provider) -> LoginTable:
    return LoginTable(
        issuer=provider.url,
        client_id=CLIENT,
        client_secret=SecretStr(SECRET),
        email_domains=("acme.test",),
        admin_emails=(OWNER,),
    )


def test_somebody_signs_in_asks_administers_and_signs_out(tmp_path: Path, browser: Browser, shoot: Shoot) -> None:
    with running_provider(Provider(claims={"email": OWNER, "email_verified": True})) as provider:
        settings = make_settings(tmp_path).model_copy(update={"login": make_login(provider)})
        (tmp_path / "pages" / "broken.md").write_bytes(b"\x00\xff\xfe" * 30)
        with served(settings, is_open=False) as server, looking(browser) as (page, witness):
            provider.redirect_uris = (f"{server.url}/login/callback",)
            page.goto(f"{server.url}/documents/docs:pay.md")
            expect(page).to_have_url(f"{server.url}/documents/docs:pay.md")
            expect(page.get_by_text("Level four pays 84000 euros.")).to_be_visible()
            page.goto(server.url)
            expect(page.get_by_text(OWNER)).to_be_visible()
            ask(page, "What does level four pay?")
            expect(page.locator(".sentence")).to_contain_text("84000")
            shoot(page, "chat-signed-in")
            page.set_viewport_size({"width": 390, "height": 780})
            shoot(page, "chat-signed-in-phone")
            page.set_viewport_size({"width": 1100, "height": 760})
            server.run(lambda side: keep_answers(side, ["How do I book the boat house?", "Where is lunch?"]))
            administer(page, server.url, shoot)
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
            shoot(page, "signed-out")
            assert witness.complaints == []
            provider.claims["email"] = "eve@evil.test"
            page.goto(f"{server.url}/")
            expect(page.get_by_text("eve@evil.test may not sign in here.")).to_be_visible()
            shoot(page, "may-not-sign-in")
            if AXE.exists():
                assert violations(page) == []


def administer(page: Page, url: str, shoot: Shoot) -> None:
    """Every button of the administration, and a record."""
    page.goto(f"{url}/admin")
    page.get_by_text("1 missing from docs").click()
    page.get_by_role("button", name="Read again").click()
    expect(page.get_by_role("status")).to_have_text("It is read again at the next sync, which is asked for.")
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_role("status")).to_have_text("The source is read as soon as it is free.")
    page.get_by_text("Make a key").click()
    page.get_by_label("What it is for").fill("intranet")
    shoot(page, "administration-new-key")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("status")).to_contain_text("fn_")
    shoot(page, "administration-made-key")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_contain_text("revoked")
    if AXE.exists():
        assert violations(page) == []
    page.get_by_role("link", name="What does level four pay?").first.click()
    expect(page.get_by_role("heading", name="What does level four pay?")).to_be_visible()
    expect(page.locator(".sentences")).to_contain_text("84000")
    shoot(page, "answer-record")
    if AXE.exists():
        assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    shoot(page, "answer-record-phone-dark")
    page.goto(f"{url}/admin")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    shoot(page, "administration-phone-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1100, "height": 760})
