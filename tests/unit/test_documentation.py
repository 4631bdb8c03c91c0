"""The documentation says what the code does: settings, plugins, links."""

import re
from pathlib import Path

import pytest

from kb.plugins import available
from scripts.configuration import PLACE, render

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def test_the_page_of_settings_is_what_the_settings_classes_say() -> None:
    assert PLACE.read_text(encoding="utf-8") == render(), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_to_a_file(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [target for target in LINK.findall(prose) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("page", "package"),
    [("connectors.md", "ingest.connectors"), ("models.md", "kb.embedders"), ("models.md", "app.chat_models")],
)
def test_every_plugin_has_its_paragraph(page: str, package: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert [kind for kind in available(package) if f"`{kind}`" not in text] == []


def test_every_page_is_on_the_map() -> None:
    text = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [
        page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md" and page.name not in text
    ] == []


def test_the_changelog_has_a_place_for_what_comes() -> None:
    assert "\n## Unreleased\n\n- " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
