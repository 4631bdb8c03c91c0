"""What the catalogue promises about messages that were accepted: each once, none lost, on SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

from kb.catalogue import Catalogue
from tests.contract.catalogues import TENANT

SLACK = "slack"


async def accept(catalogue: Catalogue, *keys: str, place: str = "T1:C1", tenant: str = TENANT) -> int | None:
    return await catalogue.inbox.accept(tenant, SLACK, keys=keys, place=place, body={"text": keys[0]})


async def claimed(catalogue: Catalogue, holder: str = "one", *, seconds: float = 60) -> str | None:
    message = await catalogue.inbox.claim(TENANT, SLACK, holder=holder, seconds=seconds)
    return None if message is None else message.key


async def test_a_message_is_accepted_once_by_any_of_its_keys(catalogue: Catalogue, second: Catalogue) -> None:
    assert await accept(catalogue, "message:1", "event:1") == 0
    assert await accept(second, "message:1", "event:2") is None
    assert await accept(second, "message:2", "event:1") is None
    assert await accept(second, "message:2", "event:3") == 1


async def test_of_many_copies_at_once_one_is_accepted(catalogue: Catalogue, second: Catalogue) -> None:
    taken = await asyncio.gather(
        *(accept(each, "message:1", f"event:{n}") for n, each in enumerate([catalogue, second] * 5))
    )
    assert sorted(taken, key=str) == [0, *[None] * 9]


async def test_messages_are_claimed_oldest_first_and_by_one_worker_each(
    catalogue: Catalogue, second: Catalogue
) -> None:
    for number in range(6):
        await accept(catalogue, f"message:{number}")
    assert await claimed(catalogue) == "message:0"
    keys = await asyncio.gather(*(claimed(each, f"w{n}") for n, each in enumerate([catalogue, second] * 4)))
    assert sorted(key for key in keys if key) == [f"message:{number}" for number in range(1, 6)]


async def test_what_a_dead_worker_held_is_claimed_again_and_says_where_its_answer_began(catalogue: Catalogue) -> None:
    await accept(catalogue, "message:1")
    await claimed(catalogue, seconds=-1)
    await catalogue.inbox.note_reply(TENANT, SLACK, "message:1", "1700000000.000100")
    message = await catalogue.inbox.claim(TENANT, SLACK, holder="two", seconds=60)
    assert message is not None
    assert (message.attempts, message.reply, message.body) == (1, "1700000000.000100", {"text": "message:1"})
    assert await claimed(catalogue, "three") is None


async def test_a_worker_that_holds_on_is_not_robbed(catalogue: Catalogue) -> None:
    await accept(catalogue, "message:1")
    await claimed(catalogue, "one", seconds=-1)
    await catalogue.inbox.hold(TENANT, SLACK, holder="one", seconds=60)
    assert await claimed(catalogue, "two") is None


async def test_what_a_worker_lets_go_of_is_claimed_at_once(catalogue: Catalogue) -> None:
    await accept(catalogue, "message:1")
    await claimed(catalogue, "one")
    await catalogue.inbox.release(TENANT, SLACK, holder="one")
    assert await claimed(catalogue, "two") == "message:1"


async def test_a_finished_message_has_no_body_and_is_still_known(catalogue: Catalogue) -> None:
    await accept(catalogue, "message:1", place="T1:C1:1")
    await claimed(catalogue)
    await catalogue.inbox.finish(TENANT, SLACK, "message:1")
    assert await catalogue.inbox.unfinished_count(TENANT, SLACK) == 0
    assert await accept(catalogue, "message:1") is None
    assert await catalogue.inbox.has_place(TENANT, SLACK, "T1:C1:1")
    assert not await catalogue.inbox.has_place(TENANT, SLACK, "T1:C1:2")


async def test_keys_are_forgotten_when_they_are_old_and_finished(catalogue: Catalogue) -> None:
    await accept(catalogue, "message:1", "event:1")
    await accept(catalogue, "message:2")
    await claimed(catalogue)
    await catalogue.inbox.finish(TENANT, SLACK, "message:1")
    assert await catalogue.inbox.forget(TENANT, SLACK, before=datetime.now(UTC) + timedelta(seconds=1)) == 2
    assert await accept(catalogue, "message:1") == 1


async def test_one_too_many_is_remembered_and_not_kept(catalogue: Catalogue) -> None:
    await accept(catalogue, "message:1")
    assert await catalogue.inbox.accept(TENANT, SLACK, keys=["message:2"], place="", body={}, most_waiting=1) == 1
    assert await accept(catalogue, "message:2") is None
    assert await catalogue.inbox.unfinished_count(TENANT, SLACK) == 1


async def test_another_tenants_messages_are_not_seen(catalogue: Catalogue) -> None:
    await accept(catalogue, "message:1", tenant="globex")
    assert await claimed(catalogue) is None
    assert await accept(catalogue, "message:1") == 0
