"""What a folder holds: links, circles, odd names and patterns; and where links between its pages lead."""

import os
from pathlib import Path

import pytest

from ingest.connectors.folder_links import LinkTargets
from ingest.connectors.folder_tree import PathFilter
from tests.folders import Pages


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    return Pages(tmp_path / "wiki")


async def test_links_that_go_in_circles_end(pages: Pages) -> None:
    pages.write("a/b/page.md", "text")
    (pages.path / "a/b/up").symlink_to(pages.path / "a")
    (pages.path / "self").symlink_to(pages.path / "self")
    (pages.path / "root").symlink_to(pages.path)
    assert set(await pages.documents()) == {"a/b/page.md"}
    assert {name: kind for name, (kind, _) in (await pages.problems()).items()} == {
        "a/b/up": "Skipped", "self": "Skipped", "root": "Skipped",
    }  # fmt: skip


async def test_a_link_never_leads_out_of_the_folder(pages: Pages, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/b.md").write_text("secret")
    pages.write("a.md", "text")
    (pages.path / "link.md").symlink_to(tmp_path / "secret.md")
    (pages.path / "links").symlink_to(tmp_path / "secrets")
    assert set(await pages.documents()) == {"a.md"}
    assert (await pages.problems())["link.md"][1] == "a link that leaves the folder is not followed"


async def test_a_link_to_a_page_of_the_folder_is_read_once_at_its_own_place(pages: Pages) -> None:
    pages.write("a.md", "text")
    (pages.path / "b.md").symlink_to(pages.path / "a.md")
    assert set(await pages.documents()) == {"a.md"}


async def test_pages_mounted_through_a_hidden_folder_are_read(pages: Pages) -> None:
    pages.write("..2026_01/page.md", "text")
    (pages.path / "..data").symlink_to(pages.path / "..2026_01")
    (pages.path / "page.md").symlink_to(pages.path / "..data/page.md")
    assert set(await pages.documents()) == {"page.md"}


async def test_hidden_files_and_folders_are_not_listed(pages: Pages) -> None:
    pages.write(".git/a.md", "text")
    pages.write(".hidden.md", "text")
    assert (await pages.listed()).titles == {}


async def test_what_is_no_file_is_named_and_not_opened(pages: Pages) -> None:
    os.mkfifo(pages.path / "pipe.md")
    assert await pages.problems() == {"pipe.md": ("Skipped", "not a regular file")}


async def test_a_name_that_is_no_text_is_reported_under_one_that_is(pages: Pages) -> None:
    pages.write(os.fsdecode(b"caf\xe9.md"), "text")
    ((name, (kind, reason)),) = (await pages.problems()).items()
    assert name.startswith("caf�.md (")
    assert (kind, reason) == ("Failed", "its path is too long or not plain text: rename it")
    assert list((await pages.listed()).titles) == [name]


async def test_folders_as_deep_as_the_file_system_allows_are_read_or_named(pages: Pages) -> None:
    pages.write("/".join(["folder"] * 100) + "/page.md", "text")
    pages.write("/".join(["folder"] * 150) + "/page.md", "text")
    assert len(await pages.documents()) == 1
    assert [reason for _, reason in (await pages.problems()).values()] == [
        "its path is too long or not plain text: rename it"
    ]


@pytest.mark.parametrize(
    ("include", "exclude", "wanted"),
    [
        ((), (), {"a.md", "x/b.md", "x/y/c.md"}),
        (("x/*",), (), {"x/b.md"}),
        (("x/**",), (), {"x/b.md", "x/y/c.md"}),
        (("**/c.md",), (), {"x/y/c.md"}),
        (("c.md",), (), {"x/y/c.md"}),
        ((), ("x",), {"a.md"}),
        ((), ("./x/y/",), {"a.md", "x/b.md"}),
        ((), ("?.md",), set()),
    ],
)
def test_patterns_choose_files(include: tuple[str, ...], exclude: tuple[str, ...], wanted: set[str]) -> None:
    paths = PathFilter(include=include, exclude=exclude)
    assert {name for name in ("a.md", "x/b.md", "x/y/c.md") if paths.wants_file(name)} == wanted


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("start.md", "docs/guide/start.md"),
        ("./start.md#install", "docs/guide/start.md"),
        ("start.html", "docs/guide/start.md"),
        ("start", "docs/guide/start.md"),
        ("start/", "docs/guide/start.md"),
        ("../start/", "docs/guide/start.md"),  # written for a page published as guide/install/
        ("..", "docs/guide/index.md"),
        ("../faq.md", "docs/faq.md"),
        ("/faq.html", "docs/faq.md"),
        ("/docs/faq.md", "docs/faq.md"),
        ("../../README.md", "README.md"),
        ("../my%20notes.md", "docs/my notes.md"),
        ("../../../etc/passwd.md", None),
        ("missing.md", None),
        ("https://a.example/start.md", None),
        ("//a.example/start.md", None),
        ("mailto:a@a.example", None),
        ("#install", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_a_link_leads_to_the_page_its_author_meant(link: str, target: str | None) -> None:
    targets = LinkTargets(
        ["README.md", "docs/faq.md", "docs/my notes.md", "docs/guide/index.md", "docs/guide/start.md",
         "docs/guide/install.md", "docs/logo.png"]
    )  # fmt: skip
    assert targets.resolve("docs/guide/install.md", link) == target


def test_a_page_that_will_come_later_can_be_named() -> None:
    targets = LinkTargets(["old.md"])
    assert targets.expect("old.md", "new.md") == "new.md"
    assert targets.expect("old.md", "") is None
