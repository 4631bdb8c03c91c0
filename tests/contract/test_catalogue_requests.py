"""What the catalogue promises about repeated requests, on SQLite and PostgreSQL."""

import asyncio

from kb.catalogue import Catalogue
from tests.contract.catalogues import TENANT

ASKER = "key:k1"


async def test_of_many_repeats_at_once_one_is_answered(catalogue: Catalogue, second: Catalogue) -> None:
    begun = await asyncio.gather(
        *(each.answers.begin_request(TENANT, ASKER, "once", digest="d") for each in [catalogue, second] * 4)
    )
    assert sum(begun) == 1


async def test_another_key_or_another_asker_is_another_request(catalogue: Catalogue) -> None:
    assert await catalogue.answers.begin_request(TENANT, ASKER, "one", digest="d")
    assert await catalogue.answers.begin_request(TENANT, ASKER, "two", digest="d")
    assert await catalogue.answers.begin_request(TENANT, "key:k2", "one", digest="d")
    assert not await catalogue.answers.begin_request(TENANT, ASKER, "one", digest="d")
