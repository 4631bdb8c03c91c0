"""People named by signed tokens, over real HTTP: what opens, what does not, and that no refusal says why."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.wiring import AnswerSide
from tests.fakes.answer_sides import CONFIG, OWNER, PAGES, QUESTION, closed, make_key, make_settings, opened_side
from tests.fakes.oidc import Provider, ec_key, public_jwk, rsa_key, running_provider

SECRET = "0123456789abcdef0123456789abcdef"
SITE = "https://shop.acme.test"
STAFF = "---\naudience: [group:staff]\n---\n# Staff party\n\n## When\n\nThe staff party is on 12 June.\n"
ISSUERS = """
[[issuers]]
id = "intranet"
issuer = "https://intranet.acme.test"
audience = "footnote"
algorithm = "RS256"
jwks_url = "{url}/jwks"
groups_claim = "groups"
[[issuers]]
id = "portal"
issuer = "https://portal.acme.test"
audience = "footnote"
algorithm = "HS256"
[[issuers]]
id = "phone"
issuer = "https://phone.acme.test"
audience = "footnote"
algorithm = "ES256"
jwks_file = "phone.json"
needs_not_before = false
[[sites]]
id = "shop"
origins = ["https://shop.acme.test"]
"""


@pytest.fixture
def host() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture
async def side(tmp_path: Path, host: Provider, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AnswerSide]:
    monkeypatch.setenv("FOOTNOTE_ISSUER_PORTAL_SECRET", SECRET)
    (tmp_path / "phone.json").write_text(json.dumps({"keys": [public_jwk(ec_key(0), kid="p")]}))
    config = CONFIG + ISSUERS.format(url=host.url)
    async with opened_side(make_settings(tmp_path, pages={**PAGES, "party.md": STAFF}, config=config)) as opened:
        yield opened


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token of the intranet says. A claim that is None is left out."""
    now = int(time.time())
    plain = {"iss": "https://intranet.acme.test", "aud": "footnote", "exp": now + 300, "nbf": now, "email": OWNER}
    return {name: value for name, value in (plain | changes).items() if value is not None}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def titles(client: httpx.AsyncClient, headers: dict[str, str], query: str = "salary pays euros") -> set[str]:
    response = await client.post("/api/v1/search", json={"query": query, "k": 20}, headers=headers)
    assert response.status_code == 200, response.text
    return {passage["title"] for passage in response.json()["passages"]}


async def test_a_token_opens_what_its_person_may_read_and_no_more(side: AnswerSide, host: Provider) -> None:
    async with closed(side) as client:
        owner = bearer(host.sign(claims()))
        other = bearer(host.sign(claims(email="eve@acme.test")))
        assert "Salary bands" in await titles(client, owner)
        assert "Salary bands" not in await titles(client, other)
        assert (await client.get("/documents/docs:pay.md", headers=owner)).status_code == 200
        assert (await client.get("/metrics", headers=owner)).status_code == 403
        assert (await client.get("/admin", headers=owner)).status_code == 401


async def test_an_address_is_compared_without_regard_to_capitals(side: AnswerSide, host: Provider) -> None:
    async with closed(side) as client:
        assert "Salary bands" in await titles(client, bearer(host.sign(claims(email=OWNER.upper()))))


async def test_groups_of_a_token_count_where_the_settings_name_their_claim(side: AnswerSide, host: Provider) -> None:
    portal = claims(iss="https://portal.acme.test", email="eve@acme.test", groups=["staff"])
    async with closed(side) as client:
        staff = bearer(host.sign(claims(email="eve@acme.test", groups=["Staff", "other"])))
        assert "Staff party" in await titles(client, staff, "staff party")
        unnamed = bearer(jwt.encode(portal, SECRET, algorithm="HS256"))
        assert "Staff party" not in await titles(client, unnamed, "staff party")


async def test_groups_of_another_shape_are_none(side: AnswerSide, host: Provider) -> None:
    shapes: list[object] = ["staff", {"staff": 1}, [["staff"]], 7, ["docs/g/staff"]]
    async with closed(side) as client:
        for groups in shapes:
            token = bearer(host.sign(claims(email="eve@acme.test", groups=groups)))
            assert "Staff party" not in await titles(client, token, "staff party"), groups


async def test_each_algorithm_works_for_the_issuer_that_has_it(side: AnswerSide) -> None:
    portal = jwt.encode(claims(iss="https://portal.acme.test"), SECRET, algorithm="HS256")
    phone = claims(iss="https://phone.acme.test", nbf=None)
    async with closed(side) as client:
        assert "Salary bands" in await titles(client, bearer(portal))
        for headers in ({"kid": "p"}, {}):
            token = jwt.encode(phone, ec_key(0), algorithm="ES256", headers=headers)
            assert "Salary bands" in await titles(client, bearer(token))


async def test_a_token_beside_a_key_narrows_what_the_key_may_do(side: AnswerSide, host: Provider) -> None:
    app_key = await make_key(side, "search", "admin", "metrics", email="app@acme.test")
    async with closed(side) as client:
        both = app_key | {"X-Footnote-User": host.sign(claims())}
        assert "Salary bands" in await titles(client, both)
        assert "Salary bands" not in await titles(client, app_key)
        assert (await client.post("/api/v1/ask", json={"question": QUESTION}, headers=both)).status_code == 403
        assert (await client.get("/metrics", headers=both)).status_code == 403
        bad = app_key | {"X-Footnote-User": host.sign(claims(aud="other"))}
        assert (await client.post("/api/v1/search", json={"query": "pay"}, headers=bad)).status_code == 401
        alone = {"X-Footnote-User": host.sign(claims())}
        assert (await client.post("/api/v1/search", json={"query": "pay"}, headers=alone)).status_code == 401


async def test_what_was_asked_belongs_to_the_person(side: AnswerSide, host: Provider) -> None:
    async with closed(side) as client:
        mine, others = bearer(host.sign(claims())), bearer(host.sign(claims(email="eve@acme.test")))
        answer = (await client.post("/api/v1/ask", json={"question": QUESTION}, headers=mine)).json()
        assert (await client.get(f"/api/v1/answers/{answer['answer_id']}", headers=mine)).status_code == 200
        assert (await client.get(f"/api/v1/answers/{answer['answer_id']}", headers=others)).status_code == 404


def b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed_by_hand(head: dict[str, Any], body: dict[str, Any], secret: bytes) -> str:
    """HS256 with any bytes for a secret: PyJWT refuses to sign with a public key."""
    text = f"{b64(head)}.{b64(body)}"
    digest = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def forged(host: Provider) -> dict[str, str]:
    """Tokens that must open nothing, by what is wrong with them."""
    now, good = int(time.time()), host.sign(claims())
    head, body, signature = good.split(".")
    rs = {"alg": "RS256", "typ": "JWT", "kid": host.kid}
    # The public key as a shared secret: how libraries that believe the token's `alg` were fooled.
    public = rsa_key(host.key).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    stranger = jwt.encode(claims(), rsa_key(99), algorithm="RS256", headers={"kid": host.kid})
    portal = "https://portal.acme.test"
    made = {
        "alg none": f"{b64(rs | {'alg': 'none'})}.{body}.",
        "alg none with a signature": f"{b64(rs | {'alg': 'none'})}.{body}.{signature}",
        "alg nOnE": f"{b64(rs | {'alg': 'nOnE'})}.{body}.{signature}",
        "public key as secret": signed_by_hand(rs | {"alg": "HS256"}, claims(), public),
        "signed by another key": stranger,
        "its own key": jwt.encode(claims(), rsa_key(99), algorithm="RS256", headers={"jwk": public_jwk(rsa_key(99))}),
        "its own address of keys": jwt.encode(
            claims(), rsa_key(99), algorithm="RS256", headers={"jku": f"{host.url}/evil", "kid": "evil"}
        ),
        "another algorithm of the family": jwt.encode(
            claims(), rsa_key(host.key), algorithm="RS512", headers={"kid": host.kid}
        ),
        "unknown key": jwt.encode(claims(), rsa_key(host.key), algorithm="RS256", headers={"kid": "nobody"}),
        "critical header": jwt.encode(
            claims(), rsa_key(host.key), algorithm="RS256", headers={"kid": host.kid, "crit": ["exp"]}
        ),
        "another body": f"{head}.{b64(claims(email='ceo@acme.test'))}.{signature}",
        "no signature": f"{head}.{body}.",
        "cut signature": good[:-6],
        "expired": host.sign(claims(exp=now - 31)),
        "expired as text": host.sign(claims(exp="tomorrow")),
        "expires never": host.sign(claims(exp=None)),
        "expires beyond numbers": host.sign(claims(exp=float("inf"))),
        "good for ten years": host.sign(claims(exp=now + 315_360_000)),
        "not yet": host.sign(claims(nbf=now + 600)),
        "no nbf": host.sign(claims(nbf=None)),
        "no aud": host.sign(claims(aud=None)),
        "another aud": host.sign(claims(aud="shop")),
        "aud of numbers": host.sign(claims(aud=[1, 2])),
        "no iss": host.sign(claims(iss=None)),
        "another iss": host.sign(claims(iss="https://evil.test")),
        "another configured iss": host.sign(claims(iss=portal)),
        "iss with a slash": host.sign(claims(iss="https://intranet.acme.test/")),
        "iss of another shape": host.sign(claims()).replace(body, b64(claims(iss=["https://intranet.acme.test"]))),
        "no email": host.sign(claims(email=None)),
        "email of another shape": host.sign(claims(email=[OWNER])),
        "empty email": host.sign(claims(email="")),
        "two addresses": host.sign(claims(email=f"{OWNER},eve@acme.test")),
        "email with a line": host.sign(claims(email=f"{OWNER}\n")),
        # The Kelvin sign is a k when it is made small.
        "letter of another script": host.sign(claims(email="mi\u212ae@acme.test")),
        "unverified": host.sign(claims(email_verified=False)),
        "weak secret guessed": jwt.encode(claims(iss=portal), "x" * 32, algorithm="HS256"),
        "deep": f"{b64(rs)}.{base64.urlsafe_b64encode(b'[' * 5000).decode().rstrip('=')}.{signature}",
        "deep header": f"{base64.urlsafe_b64encode(b'[' * 5000).decode().rstrip('=')}.{body}.{signature}",
        "header is no object": f"{b64([1])}.{body}.{signature}",
        "body is no object": f"{head}.{b64([1])}.{signature}",
        "kid of another shape": f"{b64(rs | {'kid': 7})}.{body}.{signature}",
        "oversized": host.sign(claims(padding="x" * 9000)),
        "not base64": f"{head}.!!!!.{signature}",
        "dots": "a.b.c",
        "five parts": "a.b.c.d.e",
    }
    return made


async def test_no_forged_token_opens_anything_and_every_refusal_reads_the_same(
    side: AnswerSide, host: Provider
) -> None:
    said = set()
    async with closed(side) as client:
        assert "Salary bands" in await titles(client, bearer(host.sign(claims())))
        for name, token in forged(host).items():
            response = await client.post("/api/v1/search", json={"query": "salary"}, headers=bearer(token))
            assert response.status_code == 401, f"{name}: {response.text}"
            if token.count(".") == 2 and len(token) < 8192 and "!" not in token and not token.endswith("."):
                said.add(response.json()["detail"])
    assert len(said) == 1
    assert "/evil" not in host.seen, "no address is taken from a token"


async def test_unknown_keys_make_us_ask_the_host_once(side: AnswerSide, host: Provider) -> None:
    async with closed(side) as client:
        await titles(client, bearer(host.sign(claims())))
        for number in range(20):
            token = jwt.encode(claims(), rsa_key(0), algorithm="RS256", headers={"kid": f"nobody-{number}"})
            await client.post("/api/v1/search", json={"query": "salary"}, headers=bearer(token))
    assert host.seen.count("/jwks") == 1


async def test_keys_that_cannot_be_had_are_a_503_that_says_so(side: AnswerSide, host: Provider) -> None:
    host.jwks_status = 404
    async with closed(side) as client:
        response = await client.post("/api/v1/search", json={"query": "pay"}, headers=bearer(host.sign(claims())))
    assert (response.status_code, response.json()["title"]) == (503, "Who you are cannot be checked now")
    assert int(response.headers["retry-after"]) >= 1
    assert host.url not in response.text


async def test_other_sites_pages_bring_tokens_only_where_they_are_a_configured_site(
    side: AnswerSide, host: Provider
) -> None:
    token = bearer(host.sign(claims()))
    async with closed(side) as client:
        known = await client.get("/api/v1/conversations", headers=token | {"Origin": SITE})
        unknown = await client.get("/api/v1/conversations", headers=token | {"Origin": "https://evil.test"})
    assert (known.status_code, unknown.status_code) == (200, 401)


async def test_a_visitor_whom_the_site_names_is_that_person_until_the_token_ends(
    side: AnswerSide, host: Provider
) -> None:
    page = {"Origin": SITE}
    async with closed(side, page) as client:
        begin = {"site": "shop", "user_token": host.sign(claims(exp=int(time.time()) + 120))}
        visit = (await client.post("/widget/visits", json=begin)).json()
        assert visit["expires_in"] <= 120
        pay = {"question": "What does level four pay?"}
        named = (await client.post("/api/v1/ask", json=pay, headers=bearer(visit["token"]))).json()
        unnamed = (await client.post("/widget/visits", json={"site": "shop"})).json()
        nobody = (await client.post("/api/v1/ask", json=pay, headers=bearer(unnamed["token"]))).json()
    assert "docs:pay.md" in {citation["document_id"] for citation in named["citations"]}
    assert "docs:pay.md" not in {citation["document_id"] for citation in nobody["citations"]}


async def test_a_visit_with_a_bad_token_or_from_elsewhere_is_refused(side: AnswerSide, host: Provider) -> None:
    good, bad = host.sign(claims()), host.sign(claims(aud="other"))
    async with closed(side) as client:
        for origin, token in ((SITE, bad), ("https://evil.test", good), (SITE, ""), (SITE, "x" * 9000)):
            response = await client.post(
                "/widget/visits", json={"site": "shop", "user_token": token}, headers={"Origin": origin}
            )
            assert response.status_code in {401, 422}, (origin, token[:20])
    assert host.seen.count("/jwks") == 1, "nothing is fetched for a page that may not come"
