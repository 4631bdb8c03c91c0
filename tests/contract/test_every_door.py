"""Every route times every way to say who one is: one table, made from the routes, with none left out."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from app.auth import SCOPES
from app.settings import SiteTable
from app.wiring import AnswerSide
from tests.contract.test_channels import SCOPES_OF
from tests.fakes.answer_sides import ADMIN_PAGES, ROUTES, call, closed, make_key, make_settings, opened_side

SITE = "https://shop.test"
OTHER = "https://evil.test"
# Two thousand requests.
pytestmark = pytest.mark.integration
YESTERDAY = datetime.now(UTC) - timedelta(days=1)
# What a visitor of a site may do: ask, and see the answers of this visit.
FOR_VISITORS = {name for name, scopes in SCOPES_OF.items() if "ask" in scopes}
# Whoever calls, and from which page; then whether a route that the scopes open lets them in.
WAYS = {
    "a key of nobody's": (True, None),
    "a key of a person's": (True, None),
    "a key made for a page, from there": (True, SITE),
    "a key made for a page, from no page": (True, None),
    "a key made for a page, from another": (False, OTHER),
    "a key made for a page, from a sandbox": (False, "null"),
    "a key from a page it was not made for": (False, SITE),
    "a revoked key": (False, None),
    "a key that expired": (False, None),
    "another tenant's key": (False, None),
}


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    settings = make_settings(tmp_path)
    sites = (SiteTable(id="shop", origins=(SITE,)),)
    async with opened_side(settings.model_copy(update={"sites": sites})) as opened:
        yield opened


async def credentials(side: AnswerSide, way: str, *scopes: str) -> dict[str, str]:
    """The headers of somebody who comes this way with these scopes."""
    made_for = (SITE,) if "made for a page," in way else ()
    changes: dict[str, object] = {"origins": made_for} if made_for else {}
    changes |= {"a revoked key": {"revoked_at": YESTERDAY}, "a key that expired": {"expires_at": YESTERDAY}}.get(
        way, {}
    )
    changes |= {"tenant": "globex"} if "tenant" in way else {}
    email = "liam@acme.test" if "person" in way else None
    origin = WAYS[way][1]
    return await make_key(side, *scopes, email=email, **changes) | ({"Origin": origin} if origin else {})


@pytest.mark.parametrize("way", WAYS)
async def test_a_route_opens_to_whom_it_should_and_to_nobody_else(side: AnswerSide, way: str) -> None:
    is_let_in, _ = WAYS[way]
    async with closed(side) as client:
        for scope in SCOPES:
            headers = await credentials(side, way, scope)
            for route in ROUTES:
                status = (await call(client, route, headers)).status_code
                wanted = {200, 204} if scope in SCOPES_OF[route] else {403}
                assert status in (wanted if is_let_in else {401}), (way, scope, route)
            for path in ADMIN_PAGES:
                status = (await client.get(path, headers=headers)).status_code
                assert (status == 200) is (is_let_in and scope == "admin"), (way, scope, path)


async def test_a_visitor_may_ask_and_nothing_else(side: AnswerSide) -> None:
    async with closed(side) as client:
        visit = await visitor(client, SITE)
        for route in ROUTES:
            status = (await call(client, route, visit)).status_code
            assert status in ({200, 204} if route in FOR_VISITORS else {401, 403}), route
        for origin in ({"Origin": OTHER}, {"Origin": "null"}, {}):
            for route in ROUTES:
                stolen = {"Authorization": visit["Authorization"], **origin}
                assert (await call(client, route, stolen)).status_code == 401, (route, origin)
        assert (await client.get("/admin", headers=visit)).status_code == 401


async def test_a_forged_visit_opens_nothing(side: AnswerSide) -> None:
    async with closed(side) as client:
        visit = await visitor(client, SITE)
        forged = visit | {"Authorization": visit["Authorization"][:-4] + "0000"}
        assert {(await call(client, route, forged)).status_code for route in ROUTES} == {401}


async def visitor(client: httpx.AsyncClient, origin: str) -> dict[str, str]:
    """The headers of a page of the site."""
    token = (await client.post("/widget/visits", json={"site": "shop"}, headers={"Origin": origin})).json()["token"]
    return {"Authorization": f"Bearer {token}", "Origin": origin}
