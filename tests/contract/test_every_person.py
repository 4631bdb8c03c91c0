"""Every route times every way in which a person is named: signed tokens, alone or beside a key, and sessions."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import jwt
import pytest
from pydantic import SecretStr

from app.identity_settings import IssuerTable, LoginTable
from app.settings import SiteTable
from app.wiring import AnswerSide
from kb.catalogue.records import StoredSession
from tests.contract.test_channels import SCOPES_OF
from tests.fakes.answer_sides import (
    ADMIN_BUTTONS,
    ADMIN_PAGES,
    ROUTES,
    call,
    closed,
    make_key,
    make_settings,
    opened_side,
)

pytestmark = pytest.mark.integration
SITE = "https://shop.test"
OTHER = "https://evil.test"
OWN = "http://wiki.acme.test"
SECRET = "0123456789abcdef0123456789abcdef"
READER = {"ask", "search"}
READER_MAIL, ADMIN_MAIL = "liam@acme.test", "root@acme.test"


@dataclass(frozen=True, kw_only=True)
class Way:
    """How somebody comes. `may`: the scopes that count then; none: nobody is let in. `key`: scopes of a key beside."""

    may: frozenset[str] = frozenset()
    origin: str | None = None
    claims: Mapping[str, object] | None = None
    secret: str = SECRET
    key: tuple[str, ...] | None = None
    session: str = ""
    hours: int = 1


def way(*may: str, **how: object) -> Way:
    return Way(may=frozenset(may), **how)  # type: ignore[arg-type]  # as the class has them


LATER = int(time.time()) + 3600
WAYS = {
    "a token": way(*READER, claims={}),
    "a token, from a page of a site": way(*READER, claims={}, origin=SITE),
    "a token, from our own page": way(*READER, claims={}, origin=OWN),
    "a token, from a page of no site": way(claims={}, origin=OTHER),
    "a token, from a sandbox": way(claims={}, origin="null"),
    "a token that is over": way(claims={"exp": 1000}),
    "a token that is not yet": way(claims={"nbf": LATER, "exp": LATER + 60}),
    "a token for somebody else": way(claims={"aud": "another"}),
    "a token of nobody we know": way(claims={"iss": "https://evil.test"}),
    "a token without an address": way(claims={"email": None}),
    "a token that another signed": way(claims={}, secret=SECRET[::-1]),
    "a key and a token": way(*READER, claims={}, key=("ask", "search", "admin", "metrics")),
    "a key that may ask, and a token": way("ask", claims={}, key=("ask", "admin")),
    "a key that may only administer, and a token": way(claims={}, key=("admin",)),
    "a key and a token that another signed": way(claims={}, secret=SECRET[::-1], key=("ask", "search")),
    "a session": way(*READER, session=READER_MAIL),
    "a session, from our own page": way(*READER, session=READER_MAIL, origin=OWN),
    "a session, from a page of a site": way(session=READER_MAIL, origin=SITE),
    "a session, from another page": way(session=READER_MAIL, origin=OTHER),
    "a session, from a sandbox": way(session=READER_MAIL, origin="null"),
    "a session that is over": way(session=READER_MAIL, hours=-1),
    "a session of a domain that may no longer": way(session="eve@globex.test"),
    "an administrator's session": way(*READER, "admin", session=ADMIN_MAIL),
    "an administrator's session, from another page": way(session=ADMIN_MAIL, origin=OTHER),
}
# They name somebody, who may do nothing then.
NAMED_FOR_NOTHING = {"a key that may only administer, and a token"}


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    issuer = IssuerTable(
        id="portal", issuer="https://portal.test", audience="footnote", algorithm="HS256", secret=SecretStr(SECRET)
    )
    login = LoginTable(
        issuer="https://accounts.test",
        client_id="footnote",
        email_domains=("acme.test",),
        admin_emails=(ADMIN_MAIL,),
    )
    sites = (SiteTable(id="shop", origins=(SITE,)),)
    settings = make_settings(tmp_path).model_copy(update={"sites": sites, "issuers": (issuer,), "login": login})
    async with opened_side(settings) as opened:
        yield opened


async def headers_of(side: AnswerSide, how: Way) -> dict[str, str]:
    """What somebody sends who comes this way."""
    headers = {"Origin": how.origin} if how.origin else {}
    if how.session:
        cookie = sha256(how.session.encode()).hexdigest()[:43]
        now = datetime.now(UTC)
        session = StoredSession(
            cookie_sha256=sha256(cookie.encode()).hexdigest(),
            email=how.session,
            groups=(),
            began_at=now - timedelta(hours=2),
            ends_at=now + timedelta(hours=how.hours),
        )
        await side.knowledge_base.catalogue.sessions.add("acme", session)
        return headers | {"Cookie": f"footnote_session={cookie}"}
    now = int(time.time())
    plain = {"iss": "https://portal.test", "aud": "footnote", "email": READER_MAIL, "nbf": now - 5, "exp": now + 300}
    claims = {name: value for name, value in {**plain, **(how.claims or {})}.items() if value is not None}
    token = jwt.encode(claims, how.secret, algorithm="HS256")
    if how.key is None:
        return headers | {"Authorization": f"Bearer {token}"}
    return headers | await make_key(side, *how.key) | {"X-Footnote-User": token}


@pytest.mark.parametrize("name", WAYS)
async def test_a_person_may_do_what_a_person_may_and_nothing_else(side: AnswerSide, name: str) -> None:
    how = WAYS[name]
    headers = await headers_of(side, how)
    async with closed(side) as client:
        for route in ROUTES:
            status = (await call(client, route, headers)).status_code
            is_refused = {403} if how.may or name in NAMED_FOR_NOTHING else {401}
            # Whoever is somebody gets the cookie that opens stored documents, and is asked again there.
            is_open = bool(SCOPES_OF[route] & how.may) or (route == "session" and is_refused == {403})
            assert status in ({200, 204} if is_open else is_refused), (name, route)
        for path in ADMIN_PAGES:
            page = await client.get(path, headers=headers)
            assert (page.status_code == 200) is ("admin" in how.may), (name, path)


@pytest.mark.parametrize("name", WAYS)
async def test_nobody_presses_a_button_of_the_administration_without_its_page(side: AnswerSide, name: str) -> None:
    headers = await headers_of(side, WAYS[name])
    async with closed(side) as client:
        for path in ADMIN_BUTTONS:
            pressed = await client.post(path, data={"source": "docs", "name": "x", "scope": "ask"}, headers=headers)
            assert pressed.status_code == 401, (name, path)
    assert [key.name for key in await side.knowledge_base.catalogue.keys.list("acme") if key.name == "x"] == []
