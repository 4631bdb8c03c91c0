"""Keys: what opens, what does not, and that a refusal says nothing about why."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.auth import SCOPES, Caller, NewKey, is_loopback, must_be_safe_to_bind, new_key, resolve_caller
from kb.access import Principal
from kb.catalogue import Catalogue
from kb.catalogue.records import StoredKey
from kb.errors import AccessDenied, ConfigError, ScopeMissing

TENANT = "acme"
NOW = datetime.now(UTC)


@pytest.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[Catalogue]:
    async with await Catalogue.open(f"sqlite+aiosqlite:///{tmp_path / 'catalogue.db'}") as opened:
        yield opened


def stored(key: NewKey, **changes: object) -> StoredKey:
    plain = StoredKey(
        key_id=key.key_id,
        tenant=TENANT,
        name="test",
        secret_sha256=key.secret_sha256,
        scopes=("ask",),
        email=None,
        created_at=NOW,
        expires_at=None,
        revoked_at=None,
    )
    return replace(plain, **changes)


async def resolve(catalogue: Catalogue, header: str | None, *, is_open: bool = False) -> Caller:
    return await resolve_caller(header, catalogue, tenant=TENANT, is_open=is_open)


async def refusal(catalogue: Catalogue, header: str | None, *, is_open: bool = False) -> str:
    with pytest.raises(AccessDenied) as refused:
        await resolve(catalogue, header, is_open=is_open)
    return str(refused.value)


async def test_a_key_opens_with_its_scopes_and_its_person(catalogue: Catalogue) -> None:
    key = new_key()
    await catalogue.access.set_groups(TENANT, "settings", {"people": ("ann@acme.test",)})
    await catalogue.keys.add(stored(key, scopes=("ask", "search"), email="ann@acme.test"))
    caller = await resolve(catalogue, f"Bearer {key.text}")
    assert caller.scopes == {"ask", "search"}
    assert caller.principal.email == "ann@acme.test"
    assert "group:people" in caller.principal.names


async def test_the_scheme_may_be_spelled_as_http_allows(catalogue: Catalogue) -> None:
    key = new_key()
    await catalogue.keys.add(stored(key))
    assert (await resolve(catalogue, f"bearer  {key.text} ")).scopes == {"ask"}


async def test_every_refusal_reads_the_same(catalogue: Catalogue) -> None:
    good, revoked, expired, foreign = new_key(), new_key(), new_key(), new_key()
    await catalogue.keys.add(stored(good))
    await catalogue.keys.add(stored(revoked, revoked_at=NOW))
    await catalogue.keys.add(stored(expired, expires_at=NOW - timedelta(seconds=1)))
    await catalogue.keys.add(stored(foreign, tenant="globex"))
    headers = [
        None,
        "",
        "Bearer",
        "Bearer fn_",
        f"Basic {good.text}",
        good.text,
        f"Bearer {good.text}x",
        f"Bearer {good.text[:-1]}",
        f"Bearer {good.text.upper()}",
        f"Bearer {new_key().text}",
        f"Bearer fn_{good.key_id}_{new_key().text.split('_', 2)[2]}",
        f"Bearer {revoked.text}",
        f"Bearer {expired.text}",
        f"Bearer {foreign.text}",
        f"Bearer {good.text}\x00",
        "Bearer " + "fn_" + "é" * 56,
        "Bearer " + "a" * 100_000,
    ]
    assert len({await refusal(catalogue, header) for header in headers}) == 1


async def test_wrong_credentials_are_refused_even_where_none_are_needed(catalogue: Catalogue) -> None:
    assert "valid API key" in await refusal(catalogue, "Bearer nonsense", is_open=True)


async def test_an_open_server_answers_anyone_as_nobody_in_particular(catalogue: Catalogue) -> None:
    caller = await resolve(catalogue, None, is_open=True)
    assert caller.principal == Principal(tenant=TENANT, email=None)
    assert caller.scopes == {"ask", "search"}


async def test_the_first_key_closes_an_open_server_at_once(catalogue: Catalogue) -> None:
    await resolve(catalogue, None, is_open=True)
    await catalogue.keys.add(stored(new_key()))
    assert "valid API key" in await refusal(catalogue, None, is_open=True)


async def test_a_revoked_key_is_useless_at_once(catalogue: Catalogue) -> None:
    key = new_key()
    await catalogue.keys.add(stored(key))
    await resolve(catalogue, f"Bearer {key.text}")
    assert await catalogue.keys.revoke(TENANT, key.key_id)
    await refusal(catalogue, f"Bearer {key.text}")


@pytest.mark.parametrize("needed", SCOPES)
def test_a_scope_that_the_key_lacks_is_named(needed: str) -> None:
    anyone = Principal(tenant=TENANT, email=None)
    Caller(principal=anyone, scopes=frozenset({needed})).must_have(needed)
    Caller(principal=anyone, scopes=frozenset({needed})).must_have("other", needed)
    others = Caller(principal=anyone, scopes=frozenset(SCOPES) - {needed})
    with pytest.raises(ScopeMissing, match=needed):
        others.must_have(needed)


def test_keys_are_random_and_their_secret_is_not_stored() -> None:
    keys = [new_key() for _ in range(200)]
    assert len({key.text for key in keys}) == len({key.key_id for key in keys}) == 200
    secrets = [key.text.split("_", 2)[2] for key in keys]
    assert all(len(secret) == 43 for secret in secrets)
    assert all(secret not in repr(key) for key, secret in zip(keys, secrets, strict=True))


async def test_only_loopback_may_be_bound_without_a_key(catalogue: Catalogue) -> None:
    assert await must_be_safe_to_bind("127.0.0.1", catalogue, tenant=TENANT)
    for host in ("0.0.0.0", "::", "192.168.1.7", "wiki.acme.test", ""):
        with pytest.raises(ConfigError, match="footnote keys create"):
            await must_be_safe_to_bind(host, catalogue, tenant=TENANT)


@pytest.mark.parametrize("useless", [{"revoked_at": NOW}, {"expires_at": NOW - timedelta(days=1)}])
async def test_a_key_that_opens_nothing_does_not_count(catalogue: Catalogue, useless: dict[str, object]) -> None:
    await catalogue.keys.add(stored(new_key(), **useless))
    with pytest.raises(ConfigError, match="no valid API key"):
        await must_be_safe_to_bind("0.0.0.0", catalogue, tenant=TENANT)


async def test_revoking_the_last_key_does_not_open_the_server(catalogue: Catalogue) -> None:
    await catalogue.keys.add(stored(new_key(), revoked_at=NOW))
    assert await must_be_safe_to_bind("127.0.0.1", catalogue, tenant=TENANT) is False
    assert "valid API key" in await refusal(catalogue, None, is_open=True)


async def test_a_valid_key_allows_any_address_and_closes_the_server(catalogue: Catalogue) -> None:
    await catalogue.keys.add(stored(new_key()))
    assert await must_be_safe_to_bind("0.0.0.0", catalogue, tenant=TENANT) is False


async def test_where_people_can_say_who_they_are_nobody_comes_in_without(catalogue: Catalogue) -> None:
    for host in ("0.0.0.0", "127.0.0.1"):
        assert await must_be_safe_to_bind(host, catalogue, tenant=TENANT, knows_people=True) is False


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.evil.test", False),
        ("127.0.0.1.nip.io", False),
        ("2130706433", False),
        ("0x7f.1", False),
        ("", False),
    ],
)
def test_loopback_is_told_by_the_address_itself(host: str, is_here: bool) -> None:
    assert is_loopback(host) is is_here
