"""Public keys over real HTTP: how long they are kept, when they are looked for again, and which are never used."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.identity_keys import LEAST_GAP_SECONDS, MOST_STALE, KeySet, keys_at, keys_in
from app.identity_settings import Algorithm
from kb.errors import IdentityUnavailable
from kb.http import HttpClients
from tests.fakes.oidc import Provider, ec_key, public_jwk, rsa_key, running_provider

KEEP_SECONDS = 600.0


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def host(running: Provider) -> Provider:
    running.key, running.shown_keys, running.jwks_body, running.jwks_status = 0, None, None, 200
    running.seen.clear()
    return running


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def make_keys(host: Provider, clock: Clock | None = None, *, algorithm: Algorithm = "RS256") -> KeySet:
    read = keys_at(f"{host.url}/jwks", HttpClients())
    return KeySet(read, algorithm=algorithm, keep_seconds=KEEP_SECONDS, clock=clock or Clock())


async def test_keys_are_fetched_once_while_they_are_fresh(host: Provider) -> None:
    clock = Clock()
    keys = make_keys(host, clock)
    assert await keys.find("key-0") is not None
    clock.now += KEEP_SECONDS - 1
    assert await keys.find("key-0") is not None
    assert host.seen == ["/jwks"]
    clock.now += 2
    assert await keys.find("key-0") is not None
    assert host.seen == ["/jwks", "/jwks"]


async def test_many_who_wait_for_the_keys_fetch_them_once(host: Provider) -> None:
    keys = make_keys(host)
    found = await asyncio.gather(*(keys.find("key-0") for _ in range(20)))
    assert None not in found
    assert host.seen == ["/jwks"]


async def test_a_rotated_key_is_found_and_a_withdrawn_one_is_not(host: Provider) -> None:
    clock = Clock()
    keys = make_keys(host, clock)
    assert await keys.find("key-0") is not None
    host.key = 1
    clock.now += LEAST_GAP_SECONDS
    assert await keys.find("key-1") is not None
    assert await keys.find("key-0") is None


async def test_unknown_ids_make_us_ask_no_more_often_than_now_and_then(host: Provider) -> None:
    clock = Clock()
    keys = make_keys(host, clock)
    for _ in range(50):
        assert await keys.find("nobody") is None
    assert host.seen == ["/jwks"]
    clock.now += LEAST_GAP_SECONDS
    assert await keys.find("nobody") is None
    assert host.seen == ["/jwks", "/jwks"]


async def test_keys_are_used_for_a_while_when_the_host_is_down_and_then_no_more(host: Provider) -> None:
    clock = Clock()
    keys = make_keys(host, clock)
    assert await keys.find("key-0") is not None
    host.jwks_status = 404
    clock.now += KEEP_SECONDS * MOST_STALE - 1
    assert await keys.find("key-0") is not None
    clock.now += 2
    with pytest.raises(IdentityUnavailable):
        await keys.find("key-0")
    host.jwks_status = 200
    clock.now += LEAST_GAP_SECONDS
    assert await keys.find("key-0") is not None, "and all is well when the host is back"


async def test_a_token_without_an_id_is_for_the_only_key_there_is(host: Provider) -> None:
    assert await make_keys(host).find(None) is not None
    host.shown_keys = [public_jwk(rsa_key(number), kid=f"key-{number}") for number in range(2)]
    assert await make_keys(host).find(None) is None


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"keys": 7}', b"[" * 5000, b'{"keys": []}' + b" " * 300_000, b"\xff\xfe"]
)
async def test_a_document_that_holds_no_keys_is_none(host: Provider, body: bytes) -> None:
    host.jwks_body = body
    with pytest.raises(IdentityUnavailable):
        await make_keys(host).find("key-0")


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "EC"},
        {"n": "AAAA"},
        {"kid": 7},
        {"kid": ["key-0"]},
        {"e": None},
        {"use": ["sig"]},
    ],
)
async def test_a_key_for_something_else_is_not_used(host: Provider, changes: dict[str, Any]) -> None:
    host.shown_keys = [public_jwk(rsa_key(0), kid="key-0") | changes]
    assert await make_keys(host).find("key-0") is None


async def test_short_keys_and_other_curves_are_not_used(host: Provider) -> None:
    host.shown_keys = [public_jwk(rsa_key(7, 1024), kid="short"), public_jwk(ec_key(0), kid="p", crv="P-384")]
    assert await make_keys(host).find("short") is None
    assert await make_keys(host, algorithm="ES256").find("p") is None


async def test_keys_in_a_file_are_read_again_too(tmp_path: Path) -> None:
    file, clock = tmp_path / "keys.json", Clock()
    file.write_text(json.dumps({"keys": [public_jwk(ec_key(0), kid="a")]}))
    keys = KeySet(keys_in(file), algorithm="ES256", keep_seconds=KEEP_SECONDS, clock=clock)
    assert await keys.find("a") is not None
    file.write_text(json.dumps({"keys": [public_jwk(ec_key(1), kid="b")]}))
    clock.now += LEAST_GAP_SECONDS
    assert await keys.find("b") is not None
    with pytest.raises(IdentityUnavailable):
        await KeySet(keys_in(tmp_path / "none.json"), algorithm="ES256", keep_seconds=60, clock=clock).find("a")


async def test_a_redirect_is_not_followed(host: Provider) -> None:
    host.jwks_status = 302
    with pytest.raises(IdentityUnavailable):
        await make_keys(host).find("key-0")
