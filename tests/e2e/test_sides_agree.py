"""REST, the widget and Slack, asked the same by the same person, say the same: status, sentences, citations."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from app.identity_settings import IssuerTable
from app.settings import SiteTable
from app.wiring import AnswerSide
from tests.contract.test_slack_agreement import QUESTIONS, read_back
from tests.e2e.conftest import STRICT
from tests.e2e.test_widget_on_other_pages import TEXT, Host, opened_chat
from tests.fakes.answer_sides import OWNER, make_key, make_settings
from tests.fakes.browser import ask, looking
from tests.fakes.serving import serving
from tests.fakes.slack import running_slack
from tests.fakes.slack_bot import Deployment, at_work, slack_table
from tests.fakes.web_sides import Served, served

pytestmark = pytest.mark.e2e
SECRET = "0123456789abcdef0123456789abcdef"
# How much level four pays is for one of the two alone.
ASKED = [*QUESTIONS, "How many euros does level four pay? Salary bands, level four pays euros."]
_SENTENCES = """all => all.map(one => {
  const numbers = [...one.querySelectorAll(".chip")].map(chip => Number(chip.textContent));
  const copy = one.cloneNode(true);
  copy.querySelectorAll(".chip").forEach(chip => chip.remove());
  return {numbers, text: copy.textContent};
})"""
_CARDS = """all => all.map(one => (
  {number: one.querySelector(".number").textContent, url: one.querySelector("a").href}
))"""
Said = tuple[str, list[tuple[str, tuple[int, ...]]], dict[int, str]]


@pytest.fixture
def host() -> Iterator[tuple[Host, str]]:
    host = Host()
    with serving(host.app) as address:
        yield host, address


@pytest.fixture
def server(tmp_path: Path, host: tuple[Host, str]) -> Iterator[Served]:
    issuer = IssuerTable(id="shop", issuer="shop", audience="footnote", algorithm="HS256", secret=SecretStr(SECRET))
    sites = (SiteTable(id="shop", origins=(host[1],)),)
    settings = make_settings(tmp_path, config=STRICT).model_copy(update={"sites": sites, "issuers": (issuer,)})
    with served(settings, is_open=False) as running:
        yield running


@pytest.mark.parametrize("email", [OWNER, "ben@acme.test"])
def test_all_three_say_the_same(server: Served, host: tuple[Host, str], browser: Browser, email: str) -> None:
    by_rest = [from_rest(body) for body in asked_by_rest(server, email)]
    assert {status for status, _, _ in by_rest} == {"answered", "not_found"}
    assert ("84000" in str(by_rest)) == (email == OWNER)
    assert server.run(lambda side: asked_in_slack(side, email)) == by_rest
    host[0].html = f'<!doctype html><html lang="en"><title>Shop</title><body>{TEXT}{script_of(server, email)}'
    with looking(browser) as (page, witness):
        opened_chat(page, host[1])
        assert [asked_in_the_widget(page, question, number) for number, question in enumerate(ASKED)] == by_rest
        assert witness.complaints == []


def asked_by_rest(server: Served, email: str) -> list[dict[str, Any]]:
    headers = server.run(lambda side: make_key(side, "ask", email=email))
    with httpx.Client(base_url=server.url, headers=headers) as client:
        return [client.post("/api/v1/ask", json={"question": question}).json() for question in ASKED]


def from_rest(body: dict[str, Any]) -> Said:
    sentences = [(" ".join(each["text"].split()), tuple(each["citations"])) for each in body["sentences"]]
    return body["status"], sentences, {each["number"]: each["url"] for each in body["citations"]}


async def asked_in_slack(side: AnswerSide, email: str) -> list[Said]:
    async with running_slack("http") as slack:
        side.settings = side.settings.model_copy(update={"slack": slack_table(slack)})
        async with at_work(slack, side):
            made, said = Deployment(slack, side), []
            user = slack.space.user("someone", email)
            direct = slack.space.direct(user)
            for number, question in enumerate(ASKED):
                await slack.say(user, direct, question)
                await made.idle()
                said.append(read_back(slack.space.said_by_bot(direct)[number]))
    return said


def script_of(server: Served, email: str) -> str:
    now = int(time.time())
    claims = {"iss": "shop", "aud": "footnote", "email": email, "nbf": now - 60, "exp": now + 300}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    return f'<script type="module" src="{server.url}/widget.js?site=shop" data-user-token="{token}"></script>'


def asked_in_the_widget(page: Page, question: str, number: int) -> Said:
    """What stands in the chat: sentences with the numbers of their chips, and where each footnote leads."""
    ask(page, question)
    turn = page.locator(".turn").nth(number)
    expect(turn.locator(".actions")).to_be_visible()
    status = "not_found" if turn.locator(".sentences > .refused").count() else "answered"
    sentences = [
        (" ".join(str(each["text"]).split()), tuple(each["numbers"]))
        for each in turn.locator(".sentence").evaluate_all(_SENTENCES)
    ]
    urls = {int(each["number"]): str(each["url"]) for each in turn.locator(".card").evaluate_all(_CARDS)}
    return status, sentences, urls
