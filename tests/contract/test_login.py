"""Signing in through an OpenID Connect provider, over real HTTP: the way in, the way out, and what is no way."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.main import build_app
from app.wiring import AnswerSide
from tests.fakes.answer_sides import CONFIG, OWNER, QUESTION, calling, make_settings, opened_side
from tests.fakes.oidc import CLIENT, SECRET, Provider, public_jwk, rsa_key, running_provider

HOST = "wiki.acme.test"
CALLBACK = f"https://{HOST}/login/callback"
LOGIN = """
[server]
public_url = "https://wiki.acme.test"
[login]
issuer = "{url}"
client_id = "{client}"
email_domains = ["acme.test"]
groups_claim = "groups"
admin_groups = ["Wiki Admins"]
admin_emails = ["root@acme.test"]
"""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider(Provider(redirect_uris=(CALLBACK,))) as running:
        yield running


@pytest.fixture
async def side(tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AnswerSide]:
    monkeypatch.setenv("FOOTNOTE_LOGIN__CLIENT_SECRET", SECRET)
    config = CONFIG + LOGIN.format(url=provider.url, client=CLIENT)
    async with opened_side(make_settings(tmp_path, config=config)) as opened:
        yield opened


@pytest.fixture
async def browser(side: AnswerSide) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(side, is_open=False)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
        yield client


async def to_provider(browser: httpx.AsyncClient, to: str = "/") -> str:
    """The provider's address that the browser is sent to."""
    response = await browser.get("/login", params={"to": to})
    assert response.status_code == 303, response.text
    return response.headers["location"]


async def back(address: str) -> str:
    """Where the provider sends the browser back to: path and query."""
    async with httpx.AsyncClient() as outside:
        response = await outside.get(address)
    assert response.status_code == 302, response.text
    assert response.headers["location"].startswith(CALLBACK)
    return response.headers["location"].removeprefix(f"https://{HOST}")


async def sign_in(browser: httpx.AsyncClient, to: str = "/") -> httpx.Response:
    return await browser.get(await back(await to_provider(browser, to)))


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/api/v1/conversations")).status_code == 200


async def test_somebody_signs_in_and_comes_back_to_where_they_were(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    provider.claims["email"] = OWNER
    page = await browser.get("/documents/docs:pay.md", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login?to=%2Fdocuments%2Fdocs%3Apay.md")
    done = await sign_in(browser, "/documents/docs:pay.md")
    assert (done.status_code, done.headers["location"]) == (303, "/documents/docs:pay.md")
    assert "84000" in (await browser.get("/documents/docs:pay.md")).text
    answer = await browser.post("/api/v1/ask", json={"question": QUESTION})
    assert answer.json()["status"] == "answered"
    chat = await browser.get("/")
    assert OWNER in chat.text
    assert (await browser.get("/admin")).status_code == 401, "reading is not administration"
    assert provider.refusals == []


async def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(browser: httpx.AsyncClient) -> None:
    done = await sign_in(browser)
    cookies = [each for each in done.headers.get_list("set-cookie") if each.startswith("__Host-footnote=")]
    parts = {part.strip().lower() for part in cookies[-1].split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)


async def test_without_signing_in_the_chat_page_leads_there_and_nothing_is_answered(
    browser: httpx.AsyncClient,
) -> None:
    page = await browser.get("/")
    assert (page.status_code, page.headers["location"]) == (303, "/login?to=%2F")
    assert (await browser.post("/api/v1/ask", json={"question": QUESTION})).status_code == 401
    assert (await browser.get("/documents/docs:leave.md")).status_code == 401


async def test_groups_and_addresses_make_administrators(browser: httpx.AsyncClient, provider: Provider) -> None:
    provider.claims["groups"] = ["wiki admins"]
    await sign_in(browser, "/admin")
    assert (await browser.get("/admin")).status_code == 200
    provider.claims = {"email": "Root@acme.test", "email_verified": True}
    await sign_in(browser)
    assert (await browser.get("/admin")).status_code == 200
    provider.claims["email"] = "eve@acme.test"
    await sign_in(browser)
    assert (await browser.get("/admin")).status_code == 401


async def test_signing_out_ends_the_session_for_whoever_has_the_cookie(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    stolen = dict(browser.cookies)
    refused = await browser.post("/logout", headers={"Origin": "https://evil.test"})
    assert (refused.status_code, await is_signed_in(browser)) == (401, True)
    done = await browser.post("/logout", headers={"Origin": f"https://{HOST}"})
    assert (done.status_code, done.headers["location"]) == (303, "/logout")
    assert "signed out" in (await browser.get("/logout")).text
    browser.cookies.update(stolen)
    assert not await is_signed_in(browser)


async def test_signing_in_again_ends_the_session_before(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    before = browser.cookies["__Host-footnote"]
    await sign_in(browser)
    assert browser.cookies["__Host-footnote"] != before
    browser.cookies.clear()
    browser.cookies.set("__Host-footnote", before, domain=HOST)
    assert not await is_signed_in(browser)


async def test_another_sites_page_gets_nothing_by_the_cookie(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    for origin in ("https://evil.test", "https://shop.acme.test", "null", f"https://{HOST}.evil.test"):
        asked = await browser.post("/api/v1/ask", json={"question": QUESTION}, headers={"Origin": origin})
        assert asked.status_code == 401, origin
        assert "access-control-allow-origin" not in asked.headers


async def test_an_answer_is_good_once_and_for_the_browser_that_began(
    browser: httpx.AsyncClient, side: AnswerSide
) -> None:
    answer = await back(await to_provider(browser))
    begun = browser.cookies["__Host-footnote-login"]
    async with calling(build_app(side, is_open=False), host=HOST) as stranger:
        assert (await stranger.get(answer)).status_code == 401, "an answer for another browser"
    assert (await browser.get(answer)).status_code == 303
    browser.cookies.clear()
    browser.cookies.set("__Host-footnote-login", begun, domain=HOST)
    assert (await browser.get(answer)).status_code == 401, "the same answer again"
    assert not await is_signed_in(browser)


async def test_a_code_that_was_used_elsewhere_is_refused_by_the_provider(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    answer = await back(await to_provider(browser))
    (granted,) = provider.granted.values()
    granted.is_spent = True
    refused = await browser.get(answer)
    assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
    assert provider.refusals == ["the code is unknown or was used before"]


async def test_a_code_of_another_attempt_does_not_fit(browser: httpx.AsyncClient, provider: Provider) -> None:
    """Whoever slips their own code under somebody else's answer meets the verifier and the nonce."""
    others = parse_qs(urlsplit(await back(await to_provider(browser))).query)["code"][0]
    mine = urlsplit(await back(await to_provider(browser)))
    query = {name: values[0] for name, values in parse_qs(mine.query).items()} | {"code": others}
    assert (await browser.get(mine.path, params=query)).status_code == 401
    assert provider.refusals == ["code_verifier"]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "x" * 43},
        {"state": ""},
        {"iss": "https://evil.test"},
        {"code": ""},
        {"code": "guessed"},
        {"error": "access_denied", "code": ""},
    ],
)
async def test_an_answer_that_is_not_to_our_question_is_refused(
    browser: httpx.AsyncClient, changes: dict[str, str]
) -> None:
    answer = urlsplit(await back(await to_provider(browser)))
    query = {name: values[0] for name, values in parse_qs(answer.query).items()} | changes
    refused = await browser.get(answer.path, params=query)
    assert refused.status_code == 401
    assert not await is_signed_in(browser)


async def test_a_forged_attempt_is_none(browser: httpx.AsyncClient) -> None:
    answer = await back(await to_provider(browser))
    body, _, signature = browser.cookies["__Host-footnote-login"].partition(".")
    turned = signature[:-1] + ("1" if signature.endswith("0") else "0")
    for forged in ("", ".", f"{body}.", f"{body}.{turned}", f"e30.{signature}", "é"):
        cookie = f"__Host-footnote-login={forged}".encode()
        browser.cookies.clear()
        assert (await browser.get(answer, headers=[(b"cookie", cookie)])).status_code == 401, forged


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another nonce that is long enough"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"iss": "https://evil.test"},
        {"exp": 1},
        {"sub": None},
        {"email": None},
        {"email_verified": False},
        {"email_verified": None},
    ],
)
async def test_a_token_of_the_provider_must_be_for_us_now_and_name_somebody(
    browser: httpx.AsyncClient, provider: Provider, wrong: dict[str, object]
) -> None:
    provider.wrong = wrong
    done = await sign_in(browser)
    assert (done.status_code, await is_signed_in(browser)) == (401, False)


async def test_only_people_of_the_allowed_domains_sign_in(browser: httpx.AsyncClient, provider: Provider) -> None:
    for email in ("eve@evil.test", "eve@acme.test.evil.test", "eve@sub.acme.test", "eve@xacme.test"):
        provider.claims["email"] = email
        assert (await sign_in(browser)).status_code == 403, email
    assert not await is_signed_in(browser)


async def test_a_rotated_key_is_found_and_another_provider_s_is_not(
    browser: httpx.AsyncClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.identity_keys.LEAST_GAP_SECONDS", 0.0)
    assert (await sign_in(browser)).status_code == 303
    provider.key = 1
    assert (await sign_in(browser)).status_code == 303
    provider.shown_keys = [public_jwk(rsa_key(2), kid="key-1")]
    provider.key = 3
    assert (await sign_in(browser)).status_code == 401


async def test_a_provider_that_does_not_answer_is_said_in_words(
    browser: httpx.AsyncClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.metadata = {"issuer": "https://evil.test"}
    assert [(await browser.get("/login")).status_code for _ in range(5)] == [503] * 5
    assert len(provider.seen) == 1, "it is not asked for each who wants to sign in"
    monkeypatch.setattr("app.oidc.REST_SECONDS", 0.0)
    for metadata in ({"issuer": "https://evil.test"}, {"token_endpoint": "http://evil.test/token"}, {"jwks_uri": 7}):
        provider.metadata = metadata
        told = await browser.get("/login")
        assert told.status_code == 503, metadata
        assert "Try again in a minute" in told.text
        assert "evil" not in told.text
    provider.metadata = {}
    back_again = await browser.get("/login")
    assert back_again.status_code == 303, back_again.text


async def test_a_client_secret_is_posted_where_the_provider_wants_that(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    await sign_in(browser)
    assert provider.refusals == ["client authentication"], "this one takes HTTP Basic alone, and got none"
