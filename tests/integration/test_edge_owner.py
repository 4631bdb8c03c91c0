"""The owner process of an edge index: one at most, back at once when it dies, and nothing it acknowledged is lost."""

import asyncio
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kb.errors import IndexFailure, IndexUnavailable
from kb.index import edge_wire
from kb.index.base import Index
from kb.index.edge_start import ALREADY_OWNED
from kb.index.edge_wire import open_connection, read_frame, to_frame
from tests.contract.indexes import find, make_page, pages
from tests.integration.owners import SECONDS, has_ended, open_edge, owner_of, try_to_own

pytestmark = pytest.mark.integration


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[Index]:
    opened = open_edge(tmp_path)
    yield opened
    await opened.close()


async def test_a_second_owner_is_refused_in_one_line(index: Index, tmp_path: Path) -> None:
    pid = await owner_of(index)
    code, said = await try_to_own(tmp_path / "index")
    assert (code, said) == (
        ALREADY_OWNED,
        f"footnote: {tmp_path / 'index'} has an owner already: its owner is process {pid}\n",
    )


async def test_a_second_owner_is_refused_while_the_first_hangs(index: Index, tmp_path: Path) -> None:
    pid = await owner_of(index)
    os.kill(pid, signal.SIGSTOP)
    try:
        code, _ = await try_to_own(tmp_path / "index")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert code == ALREADY_OWNED


async def test_clients_that_start_together_share_one_owner(tmp_path: Path) -> None:
    clients = [open_edge(tmp_path) for _ in range(6)]
    owners = await asyncio.gather(*(owner_of(client) for client in clients))
    for client in clients:
        await client.close()
    assert len(set(owners)) == 1


async def test_nothing_acknowledged_is_lost_when_the_owner_is_killed(index: Index) -> None:
    for number in range(20):
        await index.upsert_revision(make_page("holiday policy", "network diagram", document_id=f"wiki:{number}"))
    await index.delete_revisions(tenant="acme", document_id="wiki:0", keep=None)
    await index.set_audience(tenant="acme", document_id="wiki:1", audience_id=2)
    # Nothing was flushed, and nobody is told: the same client goes on with another owner.
    os.kill(await owner_of(index), signal.SIGKILL)
    counts = await index.counts(tenant="acme")
    assert dict(counts) == {(f"wiki:{number}", 1): 2 for number in range(1, 20)}
    assert "wiki:1" not in pages(await find(index, "holiday policy", k=50))


async def test_an_owner_that_was_killed_is_replaced_at_the_next_call(index: Index) -> None:
    killed = await owner_of(index)
    os.kill(killed, signal.SIGKILL)
    assert await owner_of(index) != killed


async def test_clients_go_on_when_the_owner_is_told_to_end(index: Index) -> None:
    await index.upsert_revision(make_page("holiday policy"))
    first = await owner_of(index)
    os.kill(first, signal.SIGTERM)
    assert pages(await find(index, "holiday policy")) == ["wiki:home"]
    assert await has_ended(first)


async def test_an_owner_leaves_when_nobody_uses_it(tmp_path: Path) -> None:
    index = open_edge(tmp_path, idle_seconds=0.5)
    pid = await owner_of(index)
    await index.close()
    assert await has_ended(pid)
    assert not (tmp_path / "index" / "owner.sock").exists()


async def test_an_owner_stays_while_a_client_is_connected(tmp_path: Path) -> None:
    index = open_edge(tmp_path, idle_seconds=0.2)
    brief = open_edge(tmp_path, idle_seconds=0.2)
    pid = await owner_of(index)
    for _ in range(20):
        assert await owner_of(brief) == pid
        await brief.close()
    await index.close()


async def test_an_owner_that_hangs_is_an_unavailable_index(tmp_path: Path) -> None:
    index = open_edge(tmp_path, search_seconds=SECONDS)
    pid = await owner_of(index)
    await index.close()
    hasty = open_edge(tmp_path, search_seconds=0.3, call_seconds=0.3)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(IndexUnavailable, match=f"did not answer within 0.3 s: its owner is process {pid}"):
            await find(hasty, "holiday policy")
        with pytest.raises(IndexUnavailable, match="did not answer"):
            await hasty.upsert_revision(make_page("holiday policy"))
        assert not (await hasty.health()).is_ready
    finally:
        os.kill(pid, signal.SIGCONT)
        await hasty.close()


async def test_many_searches_of_a_hanging_owner_all_end_in_time(tmp_path: Path) -> None:
    index = open_edge(tmp_path)
    pid = await owner_of(index)
    await index.close()
    hasty = open_edge(tmp_path, search_seconds=0.5)
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(SECONDS):  # one after the other they would take longer
            found = await asyncio.gather(*(find(hasty, "holiday") for _ in range(200)), return_exceptions=True)
    finally:
        os.kill(pid, signal.SIGCONT)
        await hasty.close()
    assert {type(error) for error in found} == {IndexUnavailable}


async def test_a_directory_that_cannot_be_used_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("not a directory")
    index = open_edge(tmp_path)
    with pytest.raises(IndexUnavailable, match=r"cannot use the index directory .*/index: \w+") as error:
        await index.flush()
    assert "\n" not in str(error.value)


async def test_an_owner_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "index" / "owner.lock").mkdir(parents=True)
    index = open_edge(tmp_path)
    with pytest.raises(IndexUnavailable, match=r"does not start: cannot use .*Is a directory; its log is"):
        await index.flush()


async def test_only_this_user_can_reach_the_socket_and_the_files(index: Index, tmp_path: Path) -> None:
    await index.upsert_revision(make_page("holiday policy"))
    home = tmp_path / "index"
    assert stat.S_IMODE((home / "owner.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    opened_to_others = [path for path in (home / "gen-0001").rglob("*") if path.stat().st_mode & 0o077]
    assert opened_to_others == []


async def test_a_data_directory_may_have_a_long_path(tmp_path: Path) -> None:
    index = open_edge(tmp_path / ("long" * 50) / ("longer" * 30))
    await index.upsert_revision(make_page("holiday policy"))
    assert pages(await find(index, "holiday policy")) == ["wiki:home"]
    await index.close()


async def test_a_data_directory_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    relative, absolute = open_edge(Path("data")), open_edge(tmp_path / "data")
    assert await owner_of(relative) == await owner_of(absolute)
    await relative.close()
    await absolute.close()


async def test_a_revision_is_never_seen_in_part_while_it_is_written(tmp_path: Path) -> None:
    writer, reader = open_edge(tmp_path), open_edge(tmp_path)
    texts = [f"holiday number{number}" for number in range(40)]
    await writer.upsert_revision(make_page(*texts, revision=1))

    async def write() -> None:
        for revision in range(2, 30):
            await writer.upsert_revision(make_page(*texts, revision=revision))
            await writer.delete_revisions(tenant="acme", document_id="wiki:home", keep=revision)

    writing = asyncio.create_task(write())
    seen = set()
    while not writing.done():
        seen |= set((await reader.counts(tenant="acme")).values())
    await writing
    await writer.close()
    await reader.close()
    assert seen == {40}


async def test_searches_do_not_keep_a_write_waiting_for_ever(tmp_path: Path) -> None:
    writer, readers = open_edge(tmp_path), [open_edge(tmp_path) for _ in range(8)]
    await writer.upsert_revision(make_page(*(f"holiday number{number}" for number in range(300))))

    async def search_on(reader: Index) -> None:
        while True:
            await find(reader, "holiday", k=300)

    searching = [asyncio.create_task(search_on(reader)) for reader in readers]
    async with asyncio.timeout(SECONDS):
        for revision in range(2, 12):
            await writer.upsert_revision(make_page("holiday policy", document_id="wiki:new", revision=revision))
    for task in searching:
        task.cancel()
    await asyncio.gather(*searching, return_exceptions=True)
    for client in (writer, *readers):
        await client.close()


async def test_a_client_of_another_version_is_told_so(index: Index, tmp_path: Path) -> None:
    await owner_of(index)
    reader, writer = await open_connection(tmp_path / "index")
    writer.write(to_frame({"protocol": 1, "op": "flush"}))
    reply = await read_frame(reader)
    writer.close()
    await writer.wait_closed()
    assert (reply["error"], "another version" in reply["message"]) == ("IndexUnavailable", True)


@pytest.mark.parametrize("sent", [b"\xff" * 64, b"\x00\x00\x00\x02\xc1\xc1", b"\x00"], ids=str)
async def test_what_is_no_request_disturbs_nobody(index: Index, tmp_path: Path, sent: bytes) -> None:
    pid = await owner_of(index)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(tmp_path / "index" / "owner.sock"))
        stranger.sendall(sent)
    assert await owner_of(index) == pid


async def test_an_operation_that_fails_leaves_the_owner_at_work(index: Index, tmp_path: Path) -> None:
    pid = await owner_of(index)
    reader, writer = await open_connection(tmp_path / "index")
    writer.write(to_frame({"protocol": edge_wire.PROTOCOL, "op": "no such operation"}))
    reply = await read_frame(reader)
    writer.close()
    await writer.wait_closed()
    assert reply["error"] == "IndexFailure"
    assert await owner_of(index) == pid


async def test_a_page_too_large_for_a_message_is_refused(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_wire, "MOST_FRAME_BYTES", 1_000)
    with pytest.raises(IndexFailure, match="cannot be put into the index") as refusal:
        await index.upsert_revision(make_page(*["holiday policy"] * 20))
    assert not refusal.value.retryable


async def test_a_shard_that_was_half_made_is_made_again(index: Index, tmp_path: Path) -> None:
    left_behind = tmp_path / "index" / "gen-0001" / "shard.part"
    left_behind.mkdir(parents=True)
    (left_behind / "edge_config.json").write_text("{")
    await index.upsert_revision(make_page("holiday policy"))
    assert pages(await find(index, "holiday policy")) == ["wiki:home"]


async def test_a_damaged_shard_says_how_it_is_built_again(index: Index, tmp_path: Path) -> None:
    damaged = tmp_path / "index" / "gen-0001" / "shard"
    damaged.mkdir(parents=True)
    (damaged / "edge_config.json").write_text("{")
    with pytest.raises(IndexFailure, match="footnote sync"):
        await index.counts(tenant="acme")


async def test_the_log_holds_no_text_of_a_page(index: Index, tmp_path: Path) -> None:
    await index.upsert_revision(make_page("holiday policy"))
    os.kill(await owner_of(index), signal.SIGKILL)
    await find(index, "confidential holiday")
    log = (tmp_path / "index" / "owner.log").read_text()
    assert "owner started" in log
    assert "holiday" not in log
