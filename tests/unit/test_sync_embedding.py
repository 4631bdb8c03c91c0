"""What a sync embeds again, and what it does not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kb.access import Audience
from kb.index.base import IndexFilter
from kb.wiring import KnowledgeBase
from tests.factories import NOW, TENANT, index_agrees, listing, make_page, search, sync, texts_found, versions, watched

PAGE = make_page("leave", "You get 26 days a year.", "Carry over five days.", "Ask your lead.")


async def second_sync(base: KnowledgeBase, changed: object) -> int:
    """Chunks embedded when the page comes again like this."""
    await sync(base, listing(PAGE), PAGE)
    watched(base).embedded.clear()
    report = await sync(base, listing(PAGE), changed)
    assert report.embedded_chunks == watched(base).embedded.total()
    assert await index_agrees(base)
    return report.embedded_chunks


async def test_a_page_that_comes_again_unchanged_embeds_nothing(base: KnowledgeBase) -> None:
    assert await second_sync(base, PAGE) == 0


async def test_an_edit_embeds_the_chunks_of_the_changed_section_alone(base: KnowledgeBase) -> None:
    edited = replace(
        make_page("leave", "You get 26 days a year.", "Carry over ten days.", "Ask your lead."), version="2"
    )
    assert await second_sync(base, edited) == 1
    (text,) = watched(base).embedded
    assert text.endswith("Carry over ten days.")


async def test_a_section_put_in_between_embeds_itself_alone(base: KnowledgeBase) -> None:
    first, second, third = PAGE.sections
    added = replace(first, id="#new", anchor="new", heading_path=("New",), url="https://wiki.test/page#new")
    assert await second_sync(base, replace(PAGE, version="2", sections=(first, added, second, third))) == 1


async def test_a_removed_section_embeds_nothing_and_is_found_no_more(base: KnowledgeBase) -> None:
    assert await second_sync(base, replace(PAGE, version="2", sections=PAGE.sections[:1])) == 0
    assert await texts_found(base, "carry over five days") == {"You get 26 days a year."}


async def test_a_new_version_of_the_same_text_embeds_nothing_and_is_remembered(base: KnowledgeBase) -> None:
    assert await second_sync(base, replace(PAGE, version="2")) == 0
    assert await versions(base) == {"leave": "2"}


async def test_a_new_version_of_the_same_text_is_no_new_revision(base: KnowledgeBase) -> None:
    await sync(base, listing(PAGE), PAGE)
    before = await base.catalogue.documents.live_revisions(TENANT)
    await sync(base, listing(PAGE), replace(PAGE, version="2"))
    assert await base.catalogue.documents.live_revisions(TENANT) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("title", "Holidays"), ("labels", ("policy",)), ("status", "outdated"), ("space", "PEOPLE")],
)
async def test_what_is_said_about_a_page_changes_without_embedding(
    base: KnowledgeBase, name: str, value: object
) -> None:
    assert await second_sync(base, replace(PAGE, version="2", **{name: value})) == 0
    sections = await base.catalogue.documents.all_sections(TENANT, PAGE.id)
    assert [getattr(section, name) for section in sections] == [value] * 3


async def test_a_new_title_is_searched_for_by_its_words(base: KnowledgeBase) -> None:
    other = make_page("tea", "Tea is in the kitchen.")
    await sync(base, listing(PAGE, other), PAGE, other)
    await sync(base, listing(PAGE, other), replace(PAGE, version="2", title="Sabbatical"))
    assert {passage.document_id for passage in (await search(base, "sabbatical"))[:3]} == {PAGE.id}


async def test_an_audience_that_narrows_closes_the_page_and_embeds_nothing(base: KnowledgeBase) -> None:
    closed = replace(PAGE, version="2", audience=Audience.of(["everyone"], ["ann@a.example"]))
    assert await second_sync(base, closed) == 0
    assert await texts_found(base, "26 days") == set()
    assert len(await texts_found(base, "26 days", email="ann@a.example")) == 3


async def test_two_pages_with_the_same_title_and_section_embed_it_once(base: KnowledgeBase) -> None:
    one, two = (make_page(name, "The same words.", title="Same") for name in ("one", "two"))
    report = await sync(base, listing(one, two), one, two)
    assert (report.embedded_chunks, report.reused_chunks) == (1, 1)


async def test_a_page_never_gets_a_vector_that_another_pages_title_is_in(base: KnowledgeBase) -> None:
    one, two = (make_page(name, "The same words.") for name in ("one", "two"))
    await sync(base, listing(one, two), one, two)
    three = make_page("three", "The same words.")
    await sync(base, listing(one, two, three), three)
    assert set(watched(base).embedded.values()) == {1}
    assert {text.splitlines()[0] for text in watched(base).embedded} == {"Page one", "Page two", "Page three"}


async def test_a_vector_from_before_a_rename_is_given_to_no_other_page(base: KnowledgeBase) -> None:
    await sync(base, listing(PAGE), PAGE)
    await sync(base, listing(PAGE), replace(PAGE, version="2", title="Holidays"))
    watched(base).embedded.clear()
    other = make_page("other", *(section.text for section in PAGE.sections), title="Holidays")
    report = await sync(base, listing(PAGE, other), other)
    assert report.embedded_chunks == 3


async def test_a_new_version_of_the_same_text_is_found_by_its_new_time(base: KnowledgeBase) -> None:
    await sync(base, listing(PAGE), PAGE)
    later = NOW + timedelta(days=9)
    await sync(base, listing(PAGE), replace(PAGE, version="2", updated_at=later))
    where = IndexFilter(tenant=TENANT, audience_ids=(1,), updated_since=later)
    assert await base.index.search(where=where, vector=None, text="26 days", k=5) != []


async def test_a_page_given_twice_in_a_run_is_stored_as_it_came_last(base: KnowledgeBase) -> None:
    await sync(base, listing(PAGE), PAGE)
    draft = make_page("leave", "A draft that was taken back.", version="2")
    await sync(base, listing(PAGE), draft, replace(PAGE, version="3"))
    assert await versions(base) == {"leave": "3"}
    assert await texts_found(base, "draft taken back") == {section.text for section in PAGE.sections}


async def test_a_full_sync_reads_everything_and_embeds_nothing_of_it_again(base: KnowledgeBase) -> None:
    await sync(base, listing(PAGE), PAGE)
    report = await sync(base, listing(PAGE), PAGE, is_full=True)
    assert (report.fetched, report.embedded_chunks) == (1, 0)


async def test_an_index_that_lost_its_points_is_filled_again_without_the_embedder(base: KnowledgeBase) -> None:
    await sync(base, listing(PAGE), PAGE)
    await base.index.delete_revisions(tenant=TENANT, document_id=PAGE.id, keep=None)
    watched(base).fails_after = 0
    report = await sync(base, listing(PAGE))
    assert report.repaired == 1
    assert await index_agrees(base)
    assert len(await texts_found(base, "26 days")) == 3
