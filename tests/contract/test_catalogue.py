"""What the catalogue promises about readers and documents, on SQLite and on PostgreSQL."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from kb.access import NOBODY, Audience, Principal
from kb.catalogue import Catalogue
from kb.catalogue.records import Garbage
from kb.errors import CatalogueUnavailable
from tests.contract.catalogues import NOW, TENANT, commit, edited, key_of, make_chunk, make_document, store

ALICE = "alice@example.com"


async def test_equal_audiences_have_one_id(catalogue: Catalogue, second: Catalogue) -> None:
    one = await catalogue.access.intern(TENANT, Audience.of(["group:staff", ALICE]))
    same = await second.access.intern(TENANT, Audience.of([ALICE.upper(), "staff"]))
    other = await catalogue.access.intern(TENANT, Audience.of(["everyone"]))
    assert one == same != other


async def test_an_audience_interned_by_many_at_once_has_one_id(catalogue: Catalogue, second: Catalogue) -> None:
    audience = Audience.of(["staff"])
    ids = await asyncio.gather(*(each.access.intern(TENANT, audience) for each in [catalogue, second] * 5))
    assert len(set(ids)) == 1


async def test_a_principal_reads_what_any_word_of_every_layer_admits(catalogue: Catalogue) -> None:
    audiences = {
        "all": Audience.of(["everyone"]),
        "hers": Audience.of([ALICE, "bob@example.com"]),
        "staff": Audience.of(["staff"]),
        "both": Audience.of(["staff"], [ALICE]),
        "never": Audience.of(["everyone"], []),
        "nobody": NOBODY,
    }
    ids = {name: await catalogue.access.intern(TENANT, audience) for name, audience in audiences.items()}

    async def readable(principal: Principal) -> set[str]:
        found = await catalogue.access.readable(principal)
        assert list(found) == sorted(found)
        return {name for name, audience_id in ids.items() if audience_id in found}

    assert await readable(Principal(tenant=TENANT, email=None)) == {"all"}
    assert await readable(Principal(tenant=TENANT, email=ALICE)) == {"all", "hers"}
    member = Principal(tenant=TENANT, email=ALICE, groups=frozenset({"Staff"}))
    assert await readable(member) == {"all", "hers", "staff", "both"}


async def test_members_of_a_group_in_a_group_belong_to_both_even_in_a_circle(catalogue: Catalogue) -> None:
    groups = {"Staff": ["group:engineers"], "engineers": [ALICE.title(), "group:staff"], "board": ["eve@example.com"]}
    await catalogue.access.set_groups(TENANT, "settings", groups)
    principal = await catalogue.access.principal(TENANT, ALICE)
    assert principal.groups == {"staff", "engineers"}
    assert (await catalogue.access.principal(TENANT, "stranger@example.com")).groups == set()
    assert (await catalogue.access.principal(TENANT, None)).email is None


async def test_setting_the_groups_of_one_origin_leaves_the_others(catalogue: Catalogue) -> None:
    await catalogue.access.set_groups(TENANT, "settings", {"staff": [ALICE], "board": [ALICE]})
    await catalogue.access.set_groups(TENANT, "wiki", {"writers": [ALICE, ALICE]})
    await catalogue.access.set_groups(TENANT, "settings", {"staff": [ALICE]})
    assert (await catalogue.access.principal(TENANT, ALICE)).groups == {"staff", "writers"}
    await catalogue.access.set_groups(TENANT, "settings", {})
    assert (await catalogue.access.principal(TENANT, ALICE)).groups == {"writers"}


async def test_groups_set_by_two_at_once_are_those_of_one_of_them(catalogue: Catalogue, second: Catalogue) -> None:
    for _ in range(3):
        await asyncio.gather(
            *(each.access.set_groups(TENANT, "settings", {f"g{n}": [ALICE], "staff": [ALICE]})
              for n, each in enumerate([catalogue, second] * 3))
        )  # fmt: skip
    groups = (await catalogue.access.principal(TENANT, ALICE)).groups
    assert "staff" in groups
    assert len(groups) == 2


async def test_an_audience_of_another_process_is_seen_at_once(catalogue: Catalogue, second: Catalogue) -> None:
    reader = Principal(tenant=TENANT, email=ALICE)
    for number in range(3):
        assert len(await catalogue.access.readable(reader)) == number
        await second.access.intern(TENANT, Audience.of([ALICE, f"group:{number}"]))
    assert len(await catalogue.access.readable(reader)) == 3


async def test_a_change_of_two_processes_at_once_is_seen_by_a_third(catalogue: Catalogue, second: Catalogue) -> None:
    reader = Principal(tenant=TENANT, email=ALICE)
    words = [Audience.of([ALICE, f"group:{number}"]) for number in range(8)]
    interning = [(catalogue, second)[n % 2].access.intern(TENANT, audience) for n, audience in enumerate(words)]
    await asyncio.gather(*interning, *(catalogue.access.readable(reader) for _ in range(20)))
    assert len(await catalogue.access.readable(reader)) == len(words)


async def test_a_revision_number_is_never_given_twice(catalogue: Catalogue, second: Catalogue) -> None:
    ids = ["wiki:1", "wiki:0"]
    reserving = [each.documents.reserve_revisions(TENANT, ids) for each in [catalogue, second] * 5]
    reserved = await asyncio.gather(*reserving)
    for document_id in ids:
        assert sorted(each[document_id] for each in reserved) == list(range(1, 11))
    assert await catalogue.documents.reserve_revisions(TENANT, ["wiki:2", "wiki:1"]) == {"wiki:1": 11, "wiki:2": 1}


async def test_a_document_is_nowhere_until_its_first_commit(catalogue: Catalogue) -> None:
    document = make_document()
    await catalogue.documents.reserve_revisions(TENANT, [document.id])
    assert await catalogue.documents.get(TENANT, document.id) is None
    assert await catalogue.documents.versions(TENANT, "wiki") == {}
    assert await catalogue.documents.live_revisions(TENANT) == {}


async def test_a_committed_document_reads_back_as_it_was(catalogue: Catalogue) -> None:
    document = replace(make_document("Ops/1 “a”:b", "O'Brien -- 💧\n\t| a | b |", "Second."), superseded_by="wiki:2")
    await store(catalogue, document, make_chunk(0), make_chunk(1, fingerprint="g"))
    row = await catalogue.documents.get(TENANT, document.id)
    assert row is not None
    assert (row.source_id, row.native_id, row.title) == ("wiki", document.native_id, document.title)
    assert (row.fingerprint, row.live_revision, row.chunk_count) == (document.fingerprint, 1, 2)
    assert row.updated_at == NOW
    first, last = await catalogue.documents.all_sections(TENANT, document.id)
    assert (first.text, last.text) == (document.sections[0].text, "Second.")
    assert (first.heading_path, first.anchor, first.labels) == (("Limits", "Part 0"), "part-0", ("pumps",))
    assert (first.updated_at, first.status, first.superseded_by) == (NOW, "current", "wiki:2")
    assert await catalogue.documents.versions(TENANT, "wiki") == {document.native_id: "1"}
    assert await catalogue.documents.versions(TENANT, "other") == {}


async def test_the_old_revision_is_served_until_the_new_one_is_committed(catalogue: Catalogue) -> None:
    document = make_document("1", "Two metres.")
    audience = await catalogue.access.intern(TENANT, Audience.of(["everyone"]))
    await store(catalogue, document)
    revision = (await catalogue.documents.reserve_revisions(TENANT, [document.id]))[document.id]
    keys = [key_of(document, revision=1), key_of(document, revision=2)]

    async def texts() -> list[str]:
        found = await catalogue.documents.read_sections(TENANT, audience_ids=[audience], keys=keys)
        return [section.text for section in found]

    assert await texts() == ["Two metres."]
    await commit(catalogue, edited(document, "Three metres."), revision=revision, audience_id=audience)
    assert await texts() == ["Three metres."]
    assert await catalogue.documents.live_revisions(TENANT) == {document.id: (2, 1)}


async def test_a_commit_that_fails_changes_nothing(catalogue: Catalogue) -> None:
    document = make_document("1", "Two metres.")
    await store(catalogue, document)
    with pytest.raises(CatalogueUnavailable):
        await store(catalogue, edited(document, "Three metres."), make_chunk(0), make_chunk(0))
    (section,) = await catalogue.documents.all_sections(TENANT, document.id)
    assert section.text == "Two metres."
    assert len(await catalogue.builds.chunks_of(TENANT, document.id, generation=1)) == 1
    assert await catalogue.documents.garbage(TENANT) == []


async def test_sections_are_read_by_the_audiences_of_their_document_alone(catalogue: Catalogue) -> None:
    document = make_document("1", "One.", "Two.")
    mine = await catalogue.access.intern(TENANT, Audience.of(["board"]))
    others = await catalogue.access.intern(TENANT, Audience.of(["everyone"]))
    await store(catalogue, document, words=("board",))
    keys = [key_of(document, revision=1, ordinal=number) for number in (0, 1, 7)]
    read = catalogue.documents.read_sections
    assert {s.ordinal for s in await read(TENANT, audience_ids=[others, mine], keys=keys)} == {0, 1}
    assert await read(TENANT, audience_ids=[others], keys=keys) == []
    assert await read(TENANT, audience_ids=[], keys=keys) == []
    assert await read(TENANT, audience_ids=[mine], keys=[]) == []
    live = catalogue.documents.live_sections
    assert [s.text for s in await live(TENANT, document.id, audience_ids=[mine])] == ["One.", "Two."]
    assert await live(TENANT, document.id, audience_ids=[others]) == []
    assert await live(TENANT, document.id, audience_ids=[]) == []


async def test_stored_vectors_are_found_by_what_they_were_made_from_and_generation(catalogue: Catalogue) -> None:
    chunks = [make_chunk(number, fingerprint=f"f{number}") for number in range(1200)]
    await store(catalogue, make_document(), *chunks)
    wanted = [chunk.fingerprint for chunk in chunks] + ["missing", "f0"]
    found = await catalogue.builds.vectors(TENANT, generation=1, made_from=wanted)
    assert found.keys() == {chunk.fingerprint for chunk in chunks}
    assert np.array_equal(found["f3"], chunks[3].vector)
    assert found["f3"].dtype == np.float32
    assert await catalogue.builds.vectors(TENANT, generation=2, made_from=wanted) == {}
    assert await catalogue.builds.vectors(TENANT, generation=1, made_from=[]) == {}


async def test_chunks_come_back_in_order_for_rebuilding_the_index(catalogue: Catalogue) -> None:
    document = make_document()
    await store(catalogue, document, make_chunk(1, text="b"), make_chunk(0, text="a"))
    stored = await catalogue.builds.chunks_of(TENANT, document.id, generation=1)
    assert [(chunk.ordinal, chunk.text, chunk.embedded_text) for chunk in stored] == [
        (0, "a", "Page\na"),
        (1, "b", "Page\nb"),
    ]
    assert np.array_equal(stored[1].vector, make_chunk(1).vector)


async def test_touching_changes_version_time_and_readers_but_not_the_text(catalogue: Catalogue) -> None:
    document = make_document()
    await store(catalogue, document)
    board = await catalogue.access.intern(TENANT, Audience.of(["board"]))
    await catalogue.documents.touch(replace(document, version="7"), audience_id=board, generation=1)
    row = await catalogue.documents.get(TENANT, document.id)
    assert row is not None
    assert (row.version, row.audience_id, row.live_revision) == ("7", board, 1)
    assert row.fingerprint == document.fingerprint
    everyone = await catalogue.access.intern(TENANT, Audience.of(["everyone"]))
    assert await catalogue.documents.live_sections(TENANT, document.id, audience_ids=[everyone]) == []


async def test_a_document_taken_away_is_hidden_at_once_and_its_points_are_garbage(catalogue: Catalogue) -> None:
    document = make_document()
    everyone = await catalogue.access.intern(TENANT, Audience.of(["everyone"]))
    await store(catalogue, document)
    await catalogue.documents.tombstone(TENANT, document.id, reason="deleted in the wiki")
    keys = [key_of(document, revision=1)]
    assert await catalogue.documents.read_sections(TENANT, audience_ids=[everyone], keys=keys) == []
    assert await catalogue.documents.get(TENANT, document.id) is None
    assert await catalogue.documents.all_sections(TENANT, document.id) == []
    assert await catalogue.builds.chunks_of(TENANT, document.id, generation=1) == []
    assert await catalogue.documents.versions(TENANT, "wiki") == {}
    assert await catalogue.documents.garbage(TENANT) == [Garbage(document_id=document.id, keep=None)]


async def test_a_document_that_comes_back_gets_a_new_number(catalogue: Catalogue) -> None:
    document = make_document()
    await store(catalogue, document)
    await catalogue.documents.tombstone(TENANT, document.id, reason="deleted in the wiki")
    assert await store(catalogue, document) == 2
    assert await catalogue.documents.live_revisions(TENANT) == {document.id: (2, 1)}
    assert await catalogue.documents.garbage(TENANT) == [Garbage(document_id=document.id, keep=2)]


async def test_only_what_replaced_something_leaves_garbage_and_it_is_collected_once(catalogue: Catalogue) -> None:
    document = make_document()
    await store(catalogue, document)
    assert await catalogue.documents.garbage(TENANT) == []
    await store(catalogue, edited(document, "Three metres."))
    assert await catalogue.documents.garbage(TENANT) == [Garbage(document_id=document.id, keep=2)]
    await catalogue.documents.collected(TENANT, document.id, 2)
    assert await catalogue.documents.garbage(TENANT) == []


async def test_collecting_spares_a_newer_note_about_the_same_document(catalogue: Catalogue) -> None:
    document = make_document()
    await store(catalogue, document)
    await catalogue.documents.tombstone(TENANT, document.id, reason="deleted in the wiki")
    await store(catalogue, document)
    await catalogue.documents.collected(TENANT, document.id, None)
    assert await catalogue.documents.garbage(TENANT) == [Garbage(document_id=document.id, keep=2)]
    await catalogue.documents.tombstone(TENANT, document.id, reason="deleted in the wiki")
    await catalogue.documents.collected(TENANT, document.id, 2)
    assert await catalogue.documents.garbage(TENANT) == [Garbage(document_id=document.id, keep=None)]
