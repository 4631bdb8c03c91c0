"""What the catalogue promises about sources, keys, generations, tenants and its database, on SQLite and PostgreSQL."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from kb.access import Audience, Principal
from kb.catalogue import Catalogue
from kb.catalogue.records import Generation, Problem, SectionKey, SourceCounts, StoredKey
from kb.errors import CatalogueTooNew, CatalogueUnavailable, ConfigError
from tests.contract.catalogues import NOW, TENANT, make_chunk, make_document, store

WIKI = "wiki"


def make_key(key_id: str = "k1", *, tenant: str = TENANT, age_days: int = 0) -> StoredKey:
    return StoredKey(
        key_id=key_id,
        tenant=tenant,
        name="Intranet",
        secret_sha256="0" * 64,
        scopes=("ask", "search"),
        email=None,
        created_at=NOW - timedelta(days=age_days),
        expires_at=NOW,
        revoked_at=None,
    )


async def make_generation(catalogue: Catalogue, *, embedder: str = "e1", tenant: str = TENANT) -> Generation:
    return await catalogue.generations.create(tenant, embedder_identity=embedder, embedder_name="E", dimension=4)


async def test_a_lease_has_one_holder_at_a_time(catalogue: Catalogue, second: Catalogue) -> None:
    assert await catalogue.sources.acquire(TENANT, WIKI, holder="a", seconds=60)
    assert not await second.sources.acquire(TENANT, WIKI, holder="b", seconds=60)
    assert await second.sources.holder(TENANT, WIKI) == "a"
    assert await catalogue.sources.acquire(TENANT, WIKI, holder="a", seconds=60)
    assert await second.sources.acquire(TENANT, "other", holder="b", seconds=60)


async def test_of_many_who_ask_at_once_one_gets_the_lease(catalogue: Catalogue, second: Catalogue) -> None:
    asking = [
        each.sources.acquire(TENANT, WIKI, holder=f"h{number}", seconds=60)
        for number, each in enumerate([catalogue, second] * 5)
    ]
    assert sum(await asyncio.gather(*asking)) == 1


async def test_a_lease_given_back_is_free_for_others(catalogue: Catalogue, second: Catalogue) -> None:
    await catalogue.sources.acquire(TENANT, WIKI, holder="a", seconds=60)
    await second.sources.release(TENANT, WIKI, holder="b")
    assert await catalogue.sources.holder(TENANT, WIKI) == "a"
    await catalogue.sources.release(TENANT, WIKI, holder="a")
    assert await catalogue.sources.holder(TENANT, WIKI) is None
    assert await second.sources.acquire(TENANT, WIKI, holder="b", seconds=60)


async def test_a_lease_that_ran_out_goes_to_the_next_and_is_lost_for_good(
    catalogue: Catalogue, second: Catalogue
) -> None:
    await catalogue.sources.acquire(TENANT, WIKI, holder="a", seconds=-1)
    assert await catalogue.sources.renew(TENANT, WIKI, holder="a", seconds=-1)
    assert await second.sources.acquire(TENANT, WIKI, holder="b", seconds=60)
    assert not await catalogue.sources.renew(TENANT, WIKI, holder="a", seconds=60)
    assert not await catalogue.sources.acquire(TENANT, WIKI, holder="a", seconds=60)
    assert await second.sources.renew(TENANT, WIKI, holder="b", seconds=60)


async def test_a_lease_taken_before_the_clock_was_put_back_a_day_keeps_nobody_out(
    catalogue: Catalogue, second: Catalogue
) -> None:
    await catalogue.sources.acquire(TENANT, WIKI, holder="a", seconds=86_400)
    assert await second.sources.acquire(TENANT, WIKI, holder="b", seconds=60)
    assert not await catalogue.sources.renew(TENANT, WIKI, holder="a", seconds=60)


async def test_a_checkpoint_stays_until_it_is_replaced_or_forgotten(catalogue: Catalogue, second: Catalogue) -> None:
    assert await catalogue.sources.checkpoint(TENANT, WIKI) is None
    await catalogue.sources.acquire(TENANT, WIKI, holder="a", seconds=60)
    for value in ('{"since": "2026-03-01"}', "later", None):
        await catalogue.sources.save_checkpoint(TENANT, WIKI, value)
        assert await second.sources.checkpoint(TENANT, WIKI) == value
    assert await catalogue.sources.holder(TENANT, WIKI) == "a"


async def test_a_listing_replaces_what_was_known_and_is_counted(catalogue: Catalogue) -> None:
    failed = Problem(kind="failed", native_id="b", title="B", reason="not a page")
    skipped = Problem(kind="skipped", native_id="a", title="A “x”", reason="too large")
    await store(catalogue, make_document("c"))
    assert await catalogue.sources.counts(TENANT, WIKI) == SourceCounts(listed=0, indexed=1, skipped=0, quarantined=0)
    await catalogue.sources.save_listing(TENANT, WIKI, listed=3, problems_found=[failed, failed, skipped])
    assert await catalogue.sources.problems(TENANT, WIKI) == [skipped, failed]
    assert await catalogue.sources.counts(TENANT, WIKI) == SourceCounts(listed=3, indexed=1, skipped=1, quarantined=1)
    await catalogue.sources.save_listing(TENANT, WIKI, listed=1, problems_found=[])
    assert await catalogue.sources.problems(TENANT, WIKI) == []
    assert await catalogue.sources.counts(TENANT, "other") == SourceCounts(
        listed=0, indexed=0, skipped=0, quarantined=0
    )


async def test_the_latest_run_is_known_before_and_after_it_ends(catalogue: Catalogue) -> None:
    assert await catalogue.sources.last_run(TENANT, WIKI) is None
    await catalogue.sources.start_run(TENANT, WIKI, run_id="r1")
    await catalogue.sources.finish_run(TENANT, run_id="r1", report={"indexed": 3, "problems": ["é"]})
    ended = await catalogue.sources.last_run(TENANT, WIKI)
    assert ended is not None
    assert ended.finished_at is not None
    assert ended.finished_at >= ended.started_at
    assert ended.report == {"indexed": 3, "problems": ["é"]}
    await catalogue.sources.start_run(TENANT, WIKI, run_id="r2")
    running = await catalogue.sources.last_run(TENANT, WIKI)
    assert running is not None
    assert (running.run_id, running.finished_at, running.report) == ("r2", None, None)


async def test_a_key_reads_back_and_lists_by_age(catalogue: Catalogue) -> None:
    young, old = make_key("young"), make_key("old", age_days=9)
    await catalogue.keys.add(young)
    await catalogue.keys.add(old)
    assert await catalogue.keys.get(TENANT, "young") == young
    assert await catalogue.keys.get(TENANT, "none") is None
    assert await catalogue.keys.list(TENANT) == [old, young]


async def test_a_key_is_revoked_once(catalogue: Catalogue) -> None:
    await catalogue.keys.add(make_key())
    assert await catalogue.keys.revoke(TENANT, "k1")
    assert not await catalogue.keys.revoke(TENANT, "k1")
    assert not await catalogue.keys.revoke(TENANT, "none")
    revoked = await catalogue.keys.get(TENANT, "k1")
    assert revoked is not None
    assert revoked.revoked_at is not None


async def test_the_first_generation_is_live_and_the_same_embedder_gets_it_again(catalogue: Catalogue) -> None:
    assert await catalogue.generations.live(TENANT) is None
    first = await make_generation(catalogue)
    assert await catalogue.generations.live(TENANT) == first
    assert await make_generation(catalogue) == first


async def test_a_generation_of_another_embedder_does_not_go_live_by_itself(catalogue: Catalogue) -> None:
    first = await make_generation(catalogue)
    other = await make_generation(catalogue, embedder="e2")
    assert other.id != first.id
    assert await catalogue.generations.live(TENANT) == first


async def test_generations_made_at_once_have_one_live_one(catalogue: Catalogue, second: Catalogue) -> None:
    made = await asyncio.gather(*(make_generation(each) for each in [catalogue, second] * 5))
    assert {generation.id for generation in made} == {made[0].id}
    assert await second.generations.live(TENANT) == made[0]


async def test_the_database_itself_refuses_a_second_live_generation(catalogue: Catalogue, catalogue_url: str) -> None:
    await make_generation(catalogue)
    await make_generation(catalogue, tenant="globex")
    await make_generation(catalogue, embedder="e2")
    with pytest.raises(Exception, match=r"(?i)unique"):
        await run_sql(catalogue_url, "UPDATE generations SET is_live = (1 = 1)")


async def run_sql(url: str, statement: str) -> None:
    """Behind the catalogue's back."""
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()


async def test_tenants_are_walled_off(catalogue: Catalogue) -> None:
    document = make_document()
    await store(catalogue, document, make_chunk(fingerprint="f"), words=("everyone",))
    everyone = await catalogue.access.intern(TENANT, Audience.of(["everyone"]))
    await catalogue.access.set_groups(TENANT, "settings", {"staff": ["a@example.com"]})
    await catalogue.documents.tombstone("globex", document.id, reason="not theirs")
    key = SectionKey(document_id=document.id, revision=1, section_ordinal=0)
    assert await catalogue.documents.get(TENANT, document.id) is not None
    assert await catalogue.documents.get("globex", document.id) is None
    assert await catalogue.documents.read_sections("globex", audience_ids=[everyone], keys=[key]) == []
    assert await catalogue.documents.live_sections("globex", document.id, audience_ids=[everyone]) == []
    assert await catalogue.builds.vectors("globex", generation=1, made_from=["f"]) == {}
    assert await catalogue.documents.versions("globex", WIKI) == {}
    assert await catalogue.documents.live_revisions("globex") == {}
    assert await catalogue.documents.garbage(TENANT) == []
    assert await catalogue.access.readable(Principal(tenant="globex", email="a@example.com")) == ()
    assert (await catalogue.access.principal("globex", "a@example.com")).groups == set()
    assert await catalogue.access.intern("globex", Audience.of(["everyone"])) != everyone


async def test_sources_keys_and_generations_are_walled_off_too(catalogue: Catalogue) -> None:
    await catalogue.sources.acquire(TENANT, WIKI, holder="a", seconds=60)
    await catalogue.sources.save_checkpoint(TENANT, WIKI, "here")
    await catalogue.sources.start_run(TENANT, WIKI, run_id="r1")
    await catalogue.sources.finish_run("globex", run_id="r1", report={})
    await catalogue.keys.add(make_key())
    await make_generation(catalogue)
    assert await catalogue.sources.acquire("globex", WIKI, holder="b", seconds=60)
    assert await catalogue.sources.checkpoint("globex", WIKI) is None
    assert await catalogue.sources.last_run("globex", WIKI) is None
    run = await catalogue.sources.last_run(TENANT, WIKI)
    assert run is not None
    assert run.finished_at is None
    assert await catalogue.keys.get("globex", "k1") is None
    assert await catalogue.keys.list("globex") == []
    assert not await catalogue.keys.revoke("globex", "k1")
    assert await catalogue.generations.live("globex") is None


@pytest.mark.integration
async def test_a_catalogue_opened_by_many_processes_at_once_is_made_once(catalogue_url: str) -> None:
    script = (
        "import asyncio, sys; from kb.catalogue import Catalogue\n"
        "async def main():\n"
        "    async with await Catalogue.open(sys.argv[1]) as made:\n"
        "        print((await made.documents.reserve_revisions('acme', ['wiki:1']))['wiki:1'])\n"
        "asyncio.run(main())"
    )
    command = (sys.executable, "-c", script, catalogue_url)
    started = [await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(4)]
    printed = [(await process.communicate())[0] for process in started]
    assert sorted(int(line) for line in printed) == [1, 2, 3, 4]


async def test_two_who_write_at_the_same_time_wait_for_each_other(catalogue: Catalogue, second: Catalogue) -> None:
    writing = [store(each, make_document(str(number))) for number in range(20) for each in (catalogue, second)]
    assert sorted(await asyncio.gather(*writing)) == [1] * 20 + [2] * 20


async def test_what_was_committed_is_there_after_reopening(catalogue_url: str) -> None:
    async with await Catalogue.open(catalogue_url) as first:
        await store(first, make_document())
    async with await Catalogue.open(catalogue_url) as again:
        assert await again.documents.versions(TENANT, WIKI) == {"1": "1"}


async def test_a_reading_transaction_sees_one_moment(catalogue: Catalogue, second: Catalogue) -> None:
    count = text("SELECT count(*) FROM documents")
    async with catalogue._database.read() as connection:
        before = (await connection.execute(count)).scalar_one()
        await store(second, make_document())
        assert (await connection.execute(count)).scalar_one() == before == 0


async def test_a_database_of_a_newer_footnote_is_refused_and_left_alone(catalogue_url: str) -> None:
    await (await Catalogue.open(catalogue_url)).close()
    await run_sql(catalogue_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogueTooNew, match="schema 9999"):
        await Catalogue.open(catalogue_url)
    await run_sql(catalogue_url, "UPDATE alembic_version SET version_num = '0001'")
    await (await Catalogue.open(catalogue_url)).close()


@pytest.mark.parametrize("url", ["", "catalogue.db", "nosuchdb://x", "sqlite:///x.db", "mysql+nosuch://x/y"])
async def test_an_address_that_means_nothing_is_a_mistake_in_the_settings(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no database address that works here") as caught:
        await Catalogue.open(url)
    assert "\n" not in str(caught.value)


async def test_a_server_that_is_not_there_is_unavailable_and_its_password_stays_secret() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(CatalogueUnavailable) as caught:
        await Catalogue.open("postgresql+psycopg://me:hush@127.0.0.1:1/footnote?connect_timeout=5")
    assert "\n" not in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "127.0.0.1/footnote" in str(caught.value)


@pytest.mark.parametrize("place", ["a-file/data/catalogue.db", "a-folder", "a-file"])
async def test_a_path_that_cannot_be_a_catalogue_is_said_in_one_line(place: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_bytes(b"This is not a database. " * 100)
    (tmp_path / "a-folder").mkdir()
    with pytest.raises(CatalogueUnavailable, match=place.partition("/")[0]) as caught:
        await Catalogue.open(f"sqlite+aiosqlite:///{tmp_path / place}")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "a-file").read_bytes().startswith(b"This is not")
