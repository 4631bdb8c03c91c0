"""What happens on a Confluence site is seen in search after one sync: the same scenarios for Cloud and Data Center."""

from urllib.parse import unquote, urlsplit

import pytest

from tests.factories import search, versions, watched
from tests.fakes.confluence import SyncedWiki
from tests.fakes.confluence_wiki import FakeContent, FakeSpace, FakeUser
from tests.fakes.pdf import make_pdf

pytestmark = pytest.mark.integration

TWO_PARTS = "<h2>Limits</h2><p>The pump stops at two metres.</p><h2>Alarms</h2><p>The siren is loud.</p>"
EDITED = TWO_PARTS.replace("two metres", "nine metres")


@pytest.fixture
def ann(wiki: SyncedWiki) -> FakeUser:
    return wiki.people.user("ann")


@pytest.fixture
def space(wiki: SyncedWiki, ann: FakeUser) -> FakeSpace:
    return wiki.people.space("ENG", wiki.people.group("crew", ann))


@pytest.fixture
def page(wiki: SyncedWiki, space: FakeSpace) -> FakeContent:
    return wiki.people.page(space, "Pump", TWO_PARTS)


async def embedded_by_sync(wiki: SyncedWiki, **settings: object) -> int:
    before = watched(wiki.base).embedded.total()
    await wiki.sync(**settings)
    return watched(wiki.base).embedded.total() - before


async def test_an_edit_is_found_and_embeds_only_the_changed_part(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser
) -> None:
    await wiki.sync()
    wiki.people.edit(page, EDITED)
    assert await embedded_by_sync(wiki) == 1
    texts = {passage.text for passage in await search(wiki.base, "pump", email=ann.email)}
    assert "The pump stops at nine metres." in texts
    assert "The pump stops at two metres." not in texts


async def test_nothing_changed_reads_no_page_and_embeds_nothing(wiki: SyncedWiki, page: FakeContent) -> None:
    await wiki.sync()
    wiki.site.faults.requests.clear()
    assert await embedded_by_sync(wiki) == 0
    assert [path for path in wiki.site.faults.requests if page.id in path and "/restriction/" not in path] == []


@pytest.mark.parametrize("how", ["trash", "archive", "purge"])
async def test_a_page_that_is_gone_is_found_no_more(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser, how: str
) -> None:
    await wiki.sync()
    getattr(wiki.people, how)(page)
    report = await wiki.sync()
    assert report.removed == 1
    assert report.complete
    assert await wiki.found("pump", ann) == set()


async def test_a_restored_page_is_found_again(wiki: SyncedWiki, page: FakeContent, ann: FakeUser) -> None:
    await wiki.sync()
    wiki.people.trash(page)
    await wiki.sync()
    wiki.people.restore(page)
    await wiki.sync()
    assert await wiki.found("pump", ann) == {"Pump"}


async def test_a_page_that_the_token_may_not_see_any_more_is_found_no_more(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser
) -> None:
    await wiki.sync()
    wiki.people.invisible.add(page.id)
    assert (await wiki.sync()).removed == 1
    assert await wiki.found("pump", ann) == set()


async def test_a_new_title_is_found_and_shown(wiki: SyncedWiki, page: FakeContent, ann: FakeUser) -> None:
    await wiki.sync()
    wiki.people.rename(page, "Compressor")
    await wiki.sync()
    assert await wiki.found("pump", ann) == {"Compressor"}


async def test_a_move_below_a_restricted_page_closes_the_page_and_embeds_nothing(
    wiki: SyncedWiki, space: FakeSpace, page: FakeContent, ann: FakeUser
) -> None:
    attic = wiki.people.page(space, "Attic")
    wiki.people.restrict(attic, wiki.people.user("bob"))
    await wiki.sync()
    wiki.people.move(page, attic)
    assert await embedded_by_sync(wiki) == 0
    assert await wiki.found("pump", ann) == set()


async def test_a_move_to_another_space_takes_that_spaces_readers(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser
) -> None:
    bob = wiki.people.user("bob")
    other = wiki.people.space("OPS", bob)
    await wiki.sync()
    wiki.people.move(page, None, space=other)
    assert await embedded_by_sync(wiki) == 0
    assert await wiki.found("pump", ann) == set()
    assert await wiki.found("pump", bob) == {"Pump"}


async def test_a_page_that_moved_to_a_space_that_is_not_read_is_removed(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser
) -> None:
    await wiki.sync(spaces=("ENG",))
    wiki.people.move(page, None, space=wiki.people.space("OPS", ann))
    report = await wiki.sync(spaces=("ENG",))
    assert report.removed == 1
    assert await versions(wiki.base) == {}


async def test_restricting_and_opening_embed_nothing_and_read_no_page(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser
) -> None:
    await wiki.sync()
    wiki.people.restrict(page, wiki.people.user("bob"))
    assert await embedded_by_sync(wiki) == 0
    assert await wiki.found("pump", ann) == set()
    wiki.people.unrestrict(page)
    report = await wiki.sync()
    assert (report.embedded_chunks, report.fetched) == (0, 0)
    assert await wiki.found("pump", ann) == {"Pump"}


async def test_blog_posts_are_found_unless_the_settings_leave_them_out(
    wiki: SyncedWiki, space: FakeSpace, ann: FakeUser
) -> None:
    wiki.people.page(space, "News", "<p>The pump is new.</p>", kind="blogpost")
    await wiki.sync()
    assert await wiki.found("pump", ann) == {"News"}
    report = await wiki.sync(blog_posts=False)
    assert report.removed == 1
    assert await wiki.found("pump", ann) == set()


async def test_comments_are_parts_of_their_page_and_a_new_one_embeds_itself_alone(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser
) -> None:
    first = wiki.people.comment(page, "<p>Is the siren really loud?</p>", ann)
    wiki.people.comment(page, "<p>It is deafening.</p>", wiki.people.user("bob"), answers=first)
    await wiki.sync()
    wiki.people.comment(page, "<p>Measured in litres?</p>", ann, quoted="two metres")
    assert await embedded_by_sync(wiki) == 1
    found = {passage.text: passage for passage in await search(wiki.base, "siren litres", email=ann.email)}
    thread = "Ann commented:\n\nIs the siren really loud?\n\nBob commented:\n\nIt is deafening."
    assert found[thread].heading_path == ("Comments",)
    assert "focusedCommentId=" + first.id in found[thread].url
    assert "Ann commented about “two metres”:\n\nMeasured in litres?" in found


async def test_a_deleted_comment_is_found_no_more(wiki: SyncedWiki, page: FakeContent, ann: FakeUser) -> None:
    comment = wiki.people.comment(page, "<p>Confidential gossip.</p>", ann)
    await wiki.sync()
    del wiki.people.comments[comment.id]
    await wiki.sync()
    assert not any("gossip" in passage.text for passage in await search(wiki.base, "gossip", email=ann.email))


@pytest.mark.parametrize(
    ("name", "content", "media_type", "text", "heading"),
    [
        ("notes.txt", b"Turn the valve twice.", "text/plain", "Turn the valve twice.", ()),
        ("guide.md", b"# Valve\n\nTurn it twice.", "text/markdown", "Turn it twice.", ()),
        ("guide.html", b"<h2>Valve</h2><p>Turn it twice.</p>", "text/html", "Turn it twice.", ("Valve",)),
        ("manual.pdf", make_pdf("Cover", "Turn it twice."), "application/pdf", "Turn it twice.", ("Page 2",)),
    ],
)
async def test_an_attachment_with_text_is_a_document_of_its_own(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser, name: str, content: bytes, media_type: str, text: str,
    heading: tuple[str, ...],
) -> None:  # fmt: skip
    wiki.people.attach(page, name, content, media_type=media_type)
    await wiki.sync()
    found = {passage.text: passage for passage in await search(wiki.base, "valve twice", email=ann.email)}
    assert (found[text].title, found[text].heading_path) == (name, heading)


async def test_an_attachment_that_is_not_read_is_named_on_its_page_and_in_the_report(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser
) -> None:
    wiki.people.attach(page, "sketch.png", b"\x89PNG", media_type="image/png")
    report = await wiki.sync()
    assert [(each.title, "image/png" in each.reason) for each in report.missing] == [("sketch.png", True)]
    assert any("sketch.png" in passage.text for passage in await search(wiki.base, "sketch", email=ann.email))


async def test_an_attachment_goes_with_its_page(wiki: SyncedWiki, page: FakeContent, ann: FakeUser) -> None:
    wiki.people.attach(page, "notes.txt", b"Turn the valve twice.")
    await wiki.sync()
    wiki.people.trash(page)
    assert (await wiki.sync()).removed == 2
    assert await wiki.found("valve", ann) == set()


async def test_pages_are_chosen_by_subtree_labels_and_cql(
    wiki: SyncedWiki, space: FakeSpace, page: FakeContent
) -> None:
    child = wiki.people.page(space, "Pump parts", below=page)
    draft = wiki.people.page(space, "Pump draft", below=page)
    child.labels, draft.labels = ["public"], ["public", "draft"]
    for settings, chosen in (
        ({"pages": (child.id,)}, {child.id}),
        ({"pages": (page.id,)}, {page.id, child.id, draft.id}),
        ({"labels": ("public",)}, {child.id, draft.id}),
        ({"labels": ("public",), "exclude_labels": ("draft",)}, {child.id}),
        ({"cql": 'title ~ "draft"'}, {draft.id}),
    ):
        report = await wiki.sync(**settings)
        assert report.complete
        assert set(await versions(wiki.base)) == chosen


async def test_a_label_that_is_added_is_known_although_the_version_stays(
    wiki: SyncedWiki, page: FakeContent, ann: FakeUser
) -> None:
    await wiki.sync()
    page.labels = ["pumps"]
    assert await embedded_by_sync(wiki) == 0
    stored = await wiki.base.catalogue.documents.get("acme", f"wiki:{page.id}")
    assert stored is not None
    audiences = await wiki.base.catalogue.access.readable(await wiki.base.catalogue.access.principal("acme", ann.email))
    sections = await wiki.base.catalogue.documents.live_sections("acme", stored.document_id, audience_ids=audiences)
    assert sections[0].labels == ("pumps",)


async def test_every_citation_opens_at_its_heading(wiki: SyncedWiki, space: FakeSpace, ann: FakeUser) -> None:
    headings = ["Limits", "Max. depth (m)", "Größe & Gewicht", "Limits", "Что дальше?", "C++ / Rust"]
    parts = "".join(f"<h2>{heading.replace('&', '&amp;')}</h2><p>Pump text.</p>" for heading in headings)
    wiki.people.page(space, "All the pumps", parts)
    await wiki.sync()
    passages = await search(wiki.base, "pump text", email=ann.email, count=50)
    sections = await wiki.base.catalogue.documents.all_sections("acme", passages[0].document_id)
    assert [section.heading_path for section in sections] == [(heading,) for heading in headings]
    for section in sections:
        address = urlsplit(section.url)
        assert f'id="{unquote(address.fragment)}"' in await wiki.site.shown(section.url)


async def test_mentions_and_links_are_shown_by_name(wiki: SyncedWiki, space: FakeSpace, ann: FakeUser) -> None:
    key = "ri:account-id" if wiki.site.is_cloud else "ri:userkey"
    other = wiki.people.page(space, "Valve guide")
    wiki.people.page(
        space,
        "Linking",
        f'<p>Ask <ac:link><ri:user {key}="{ann.key}" /></ac:link> or read '
        f'<ac:link><ri:content-entity ri:content-id="{other.id}" /></ac:link>.</p>',
    )
    await wiki.sync()
    texts = [passage.text for passage in await search(wiki.base, "ask read", email=ann.email)]
    assert any("@Ann" in text and "Valve guide" in text for text in texts)


async def test_the_title_of_a_page_that_a_reader_may_not_see_is_not_told_by_a_link(
    wiki: SyncedWiki, space: FakeSpace, ann: FakeUser
) -> None:
    hidden = wiki.people.page(space, "Layoffs in May")
    wiki.people.restrict(hidden, wiki.people.user("boss"))
    wiki.people.page(
        space, "Linking", f'<p>Read <ac:link><ri:content-entity ri:content-id="{hidden.id}" /></ac:link>.</p>'
    )
    await wiki.sync()
    assert not any("Layoffs" in passage.text for passage in await search(wiki.base, "read layoffs", email=ann.email))


async def test_an_empty_page_is_named_and_read_once(wiki: SyncedWiki, space: FakeSpace) -> None:
    empty = wiki.people.page(space, "Empty", "<p> </p>")
    for _ in range(2):
        report = await wiki.sync()
        assert [(each.title, each.reason) for each in report.missing] == [("Empty", "there is no text on it")]
        wiki.site.faults.requests, requests = [], wiki.site.faults.requests
    assert [path for path in requests if empty.id in path and "/restriction/" not in path] == []


async def test_macros_that_are_not_known_keep_their_body_and_are_counted(
    wiki: SyncedWiki, space: FakeSpace, ann: FakeUser
) -> None:
    rich = "<ac:rich-text-body><p>{text}</p></ac:rich-text-body>"
    macro = '<ac:structured-macro ac:name="{name}">' + rich + "</ac:structured-macro>"
    body = macro.format(name="glitter", text="zebra shown") + macro.format(name="show-if", text="zebra hidden")
    wiki.people.page(space, "Macros", body)
    report = await wiki.sync()
    texts = " ".join(passage.text for passage in await search(wiki.base, "zebra", email=ann.email))
    assert "zebra shown" in texts
    assert "zebra hidden" not in texts
    assert dict(report.left_out) == {"macro glitter, but for its body": 1, "macro show-if, for some readers": 1}
