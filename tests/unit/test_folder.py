"""The folder connector: what becomes a document, what is not opened, and bad files that harm nobody but themselves."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from ingest.changes import Checkpoint, Listing
from ingest.connectors import folder
from kb.access import Principal
from kb.documents import Document
from kb.errors import SourceUnavailable
from tests.factories import TENANT
from tests.folders import Pages, without_privileges


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    return Pages(tmp_path / "wiki")


@pytest.fixture
def public() -> Iterator[Pages]:
    """Pages that a user without privileges can reach."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield Pages(path)
    shutil.rmtree(path)


async def test_a_page_knows_its_title_space_link_and_labels(pages: Pages) -> None:
    pages.write("people/leave.md", "---\nlabels: [policy]\n---\n# Annual leave\n\n## Carry over\n\nFive days.\n")
    page = (await pages.documents(base_url="https://git.example/wiki"))["people/leave.md"]
    assert (page.title, page.space, page.labels) == ("Annual leave", "people", ("policy",))
    assert page.sections[0].url == "https://git.example/wiki/people/leave.md#carry-over"


async def test_without_a_title_of_its_own_a_page_is_called_like_its_file(pages: Pages) -> None:
    pages.write("on-call_rota.md", "Ann, then Bob.")
    assert (await pages.documents())["on-call_rota.md"].title == "On call rota"


async def test_the_listing_comes_first_and_the_checkpoint_last(pages: Pages) -> None:
    pages.write("a.md", "x")
    changes = await pages.changes()
    assert isinstance(changes[0], Listing)
    assert isinstance(changes[-1], Checkpoint)
    assert changes[0].is_complete


async def test_a_second_run_opens_no_file(pages: Pages) -> None:
    for name in ("a.md", "b.html", "c/d.md"):
        pages.write(name, "text")
    known = {name: page.version for name, page in (await pages.documents()).items()}
    connector = pages.connector()
    again = [change async for change in connector.changes(None, known=known)]
    assert [type(change) for change in again] == [Listing, Checkpoint]
    assert connector.request_count == 0


async def test_an_edited_file_alone_is_read_again(pages: Pages) -> None:
    for name in ("a.md", "b.md"):
        pages.write(name, "text")
    known = {name: page.version for name, page in (await pages.documents()).items()}
    pages.write("b.md", "next")
    assert set(await pages.documents(known=known)) == {"b.md"}


async def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read_again(pages: Pages) -> None:
    file = pages.write("a.md", "text")
    known = {name: page.version for name, page in (await pages.documents()).items()}
    about = file.stat()
    other = pages.write("other", "next")
    os.utime(other, ns=(about.st_atime_ns, about.st_mtime_ns))
    os.replace(other, file)
    assert set(await pages.documents(known=known)) == {"a.md"}


async def test_a_file_written_this_moment_is_looked_at_again_next_time(pages: Pages) -> None:
    (pages.path / "a.md").write_text("text")
    known = {name: page.version for name, page in (await pages.documents()).items()}
    assert set(await pages.documents(known=known)) == {"a.md"}


@pytest.mark.parametrize("change", [{"audience": ("ann@a.example",)}, {"base_url": "https://new.example"}])
async def test_a_setting_that_decides_what_a_page_is_reads_every_page_again(
    pages: Pages, change: dict[str, object]
) -> None:
    pages.write("a.md", "text")
    known = {name: page.version for name, page in (await pages.documents()).items()}
    assert set(await pages.documents(known=known, **change)) == {"a.md"}


async def test_front_matter_narrows_who_may_read_and_never_widens(pages: Pages) -> None:
    pages.write("a.md", "---\naudience: [group:board, everyone]\n---\nx")
    pages.write("b.md", "---\naudience: []\n---\nx")
    found = await pages.documents(audience=("group:staff",))
    ann = Principal(tenant=TENANT, email="ann@a.example", groups=frozenset({"board"}))
    staff = Principal(tenant=TENANT, email="bob@a.example", groups=frozenset({"staff"}))
    assert [page.audience.admits(ann) for page in found.values()] == [False, False]
    assert [page.audience.admits(staff) for page in found.values()] == [True, False]


@pytest.mark.parametrize("audience", [None, ()])
def test_a_folder_without_an_audience_is_refused(audience: object) -> None:
    with pytest.raises(ValidationError, match="a folder does not say who may read it"):
        folder.Config(path=Path("x"), audience=audience)  # type: ignore[arg-type]  # the mistake under test


async def test_bad_files_are_named_with_one_clear_reason_and_the_rest_is_read(pages: Pages) -> None:
    pages.write("good.md", "text")
    pages.write("empty.md", "")
    pages.write("blank.md", "\n\n")
    pages.write("binary.md", b"\x89PNG\r\n\x1a\n\x00\x00")
    pages.write("latin.md", "Caf\xe9\nM\xfcller".encode("latin-1"))
    pages.write("half.md", b"\xff\xfea\x00b")
    pages.write("front.md", "---\nlabels: [a\n---\nx")
    pages.write("logo.png", b"x")
    pages.write("notes.docx", b"x")
    with (pages.path / "huge.md").open("wb") as huge:
        huge.truncate(50_000_000)
    assert set(await pages.documents()) == {"good.md"}
    assert await pages.problems() == {
        "empty.md": ("Skipped", "the file is empty"),
        "blank.md": ("Skipped", "there is no text in it"),
        "binary.md": ("Failed", "it is binary, not text"),
        "latin.md": ("Failed", "not UTF-8 (line 1): save it as UTF-8"),
        "half.md": ("Failed", "not UTF-16, although it says so: save it as UTF-8"),
        "front.md": ("Failed", "front matter, line 2: expected ',' or ']', but got '<stream end>'"),
        "logo.png": ("Skipped", "an image; only the alternative text on a page is read"),
        "notes.docx": ("Skipped", "neither Markdown nor HTML"),
        "huge.md": ("Skipped", "50.0 MB are more than the 20.0 MB of max_bytes"),
    }


async def test_every_file_is_listed_read_or_not(pages: Pages) -> None:
    for name in ("a.md", "b.png", "c/d.md"):
        pages.write(name, "text")
    pages.write("bad.md", b"\x00")
    assert dict((await pages.listed()).titles) == {"a.md": "A", "b.png": "B", "bad.md": "Bad", "c/d.md": "D"}


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.md", "\ufeffCafé".encode()),
        ("a.md", "Café".encode("utf-16")),
        ("a.html", '<meta charset="iso-8859-1"><p>Café'.encode("latin-1")),
        ("a.html", '<?xml version="1.0" encoding="windows-1252"?><p>Café</p>'.encode("cp1252")),
    ],
)
async def test_text_that_says_its_encoding_is_read(pages: Pages, name: str, raw: bytes) -> None:
    pages.write(name, raw)
    assert (await pages.documents())[name].sections[0].text == "Café"


async def test_a_file_that_may_not_be_read_is_named_and_the_rest_is_read(public: Pages) -> None:
    public.write("good.md", "text")
    public.write("secret.md", "text").chmod(0)
    with without_privileges():
        found = await public.changes()
    assert [page.native_id for page in found if isinstance(page, Document)] == ["good.md"]
    assert ("secret.md", "cannot be read: Permission denied") in [
        (getattr(each, "native_id", ""), getattr(each, "reason", "")) for each in found
    ]


async def test_a_folder_inside_that_may_not_be_opened_makes_the_listing_incomplete(public: Pages) -> None:
    public.write("good.md", "text")
    public.write("closed/page.md", "text").parent.chmod(0)
    with without_privileges():
        listed = await public.listed()
    (public.path / "closed").chmod(0o700)
    assert (listed.is_complete, listed.reason) == (False, "cannot open closed/: Permission denied")


async def test_a_folder_that_is_not_there_says_so(pages: Pages) -> None:
    with pytest.raises(SourceUnavailable, match=r"cannot open the folder .*: No such file or directory; is it mounted"):
        await pages.changes(path=pages.path / "nowhere")


async def test_an_empty_folder_in_place_of_the_one_that_was_synced_says_so(pages: Pages, tmp_path: Path) -> None:
    pages.write("a.md", "text")
    *_, since = await pages.changes()
    assert isinstance(since, Checkpoint)
    (tmp_path / "mountpoint").mkdir()
    with pytest.raises(SourceUnavailable, match="is empty, and another folder than at the last sync: is it mounted"):
        await pages.changes(since=since, path=tmp_path / "mountpoint")


async def test_a_folder_that_was_emptied_lists_nothing(pages: Pages) -> None:
    file = pages.write("a.md", "text")
    *_, since = await pages.changes()
    assert isinstance(since, Checkpoint)
    file.unlink()
    assert (await pages.listed(since=since)).titles == {}


async def test_a_file_deleted_between_the_listing_and_its_turn_is_named(pages: Pages) -> None:
    pages.write("a.md", "text")
    file = pages.write("b.md", "text")
    found = []
    async for change in pages.connector().changes(None, known={}):
        file.unlink(missing_ok=True)
        found.append((getattr(change, "native_id", ""), getattr(change, "reason", "")))
    assert ("b.md", "it was deleted while the folder was read") in found


async def test_a_file_changed_between_the_listing_and_its_turn_is_read_as_it_is_now(pages: Pages) -> None:
    pages.write("a.md", "old")
    connector = pages.connector()
    found = []
    async for change in connector.changes(None, known={}):
        if isinstance(change, Listing):
            pages.write("a.md", "new and longer")
        if isinstance(change, Document):
            found.append(change)
    assert [page.sections[0].text for page in found] == ["new and longer"]
    assert await pages.documents(known={found[0].native_id: found[0].version}) == {}


@pytest.mark.parametrize("swapped", ["fifo", "link"])
async def test_what_takes_a_files_place_while_it_waits_its_turn_is_not_followed(
    pages: Pages, tmp_path: Path, swapped: str
) -> None:
    (tmp_path / "passwords").write_text("secret")
    file = pages.write("a.md", "text")
    found = []
    async for change in pages.connector().changes(None, known={}):
        if isinstance(change, Listing):
            file.unlink()
            os.mkfifo(file) if swapped == "fifo" else file.symlink_to(tmp_path / "passwords")
        found.append(change)
    assert not any(isinstance(change, Document) for change in found)


async def test_evidence_that_a_file_is_gone_is_a_folder_without_it(pages: Pages) -> None:
    pages.write("a.md", "text")
    connector = pages.connector(exclude=("drafts",))
    assert await connector.confirm_removed("a.md") is None
    assert await connector.confirm_removed("b.md") == "the file is gone"
    assert await connector.confirm_removed("a.md/below") == "the file is gone"
    assert await connector.confirm_removed("drafts/c.md") == "left out by the source's settings"


async def test_a_folder_that_is_away_is_no_evidence(pages: Pages) -> None:
    connector = pages.connector(path=pages.path / "nowhere")
    assert await connector.confirm_removed("a.md") is None


async def test_an_outdated_page_names_the_one_that_replaces_it(pages: Pages) -> None:
    pages.write("old.md", "---\nsuperseded_by: new.md\n---\nx")
    page = (await pages.documents())["old.md"]
    assert (page.status, page.superseded_by) == ("outdated", "wiki:new.md")


async def test_a_title_and_a_time_of_any_size_are_taken(pages: Pages) -> None:
    file = pages.write("a.md", f"# {'Word ' * 50}\n\nx")
    os.utime(file, ns=(0, -(2**62)))
    assert len((await pages.documents())["a.md"].title) <= 300
