"""What the catalogue promises about people who are signed in, on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kb.catalogue import Catalogue
from kb.catalogue.records import StoredSession
from tests.contract.catalogues import TENANT

NOW = datetime.now(UTC).replace(microsecond=0)
ANN = StoredSession(
    cookie_sha256="a" * 64,
    email="ann@acme.test",
    groups=("staff",),
    began_at=NOW,
    ends_at=NOW + timedelta(hours=1),
)


async def test_a_session_is_found_by_its_cookie_in_its_own_tenant(catalogue: Catalogue, second: Catalogue) -> None:
    await catalogue.sessions.add(TENANT, ANN)
    assert await second.sessions.get(TENANT, ANN.cookie_sha256) == ANN
    assert await catalogue.sessions.get("globex", ANN.cookie_sha256) is None
    assert await catalogue.sessions.get(TENANT, "b" * 64) is None


async def test_whoever_signs_out_is_out_everywhere(catalogue: Catalogue, second: Catalogue) -> None:
    await catalogue.sessions.add(TENANT, ANN)
    await second.sessions.end("globex", ANN.cookie_sha256)
    assert await catalogue.sessions.get(TENANT, ANN.cookie_sha256) is not None
    await second.sessions.end(TENANT, ANN.cookie_sha256)
    assert await catalogue.sessions.get(TENANT, ANN.cookie_sha256) is None


async def test_a_session_ends_by_itself(catalogue: Catalogue) -> None:
    over = replace(ANN, cookie_sha256="c" * 64, ends_at=NOW - timedelta(seconds=1))
    await catalogue.sessions.add(TENANT, over)
    assert await catalogue.sessions.get(TENANT, over.cookie_sha256) is None
    # Kept nowhere: another sign-in sweeps it away, and its cookie could be added anew.
    await catalogue.sessions.add(TENANT, ANN)
    await catalogue.sessions.add(TENANT, over)
