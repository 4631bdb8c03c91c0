"""The ids of headings, as Confluence Cloud and Data Center make them when they show a page."""

import pytest

from ingest.parsing.link_names import LinkNames
from ingest.parsing.sections import ParsedPage
from ingest.parsing.storage_format import Deployment, parse_storage

PAGE = "<ri:page ri:content-title='T'/>"
USER = "<ac:link><ri:user ri:account-id='abc'/></ac:link>"
STATUS = (
    "<ac:structured-macro ac:name='status'><ac:parameter ac:name='colour'>Green</ac:parameter>"
    "<ac:parameter ac:name='title'>Done</ac:parameter></ac:structured-macro>"
)
ANCHOR = "<ac:structured-macro ac:name='anchor'><ac:parameter ac:name=''>top</ac:parameter></ac:structured-macro>"


def page_of(text: str, *, deployment: Deployment, title: str = "My Page") -> ParsedPage:
    names = LinkNames(users={"abc": "Ada"})
    return parse_storage(text, url="https://w.example/1", title=title, deployment=deployment, names=names).page


def anchors_of(text: str, *, deployment: Deployment, title: str = "My Page") -> list[str]:
    return [section.anchor for section in page_of(text, deployment=deployment, title=title).sections]


@pytest.mark.parametrize(
    ("heading", "cloud", "datacenter"),
    [
        ("Heading One", "Heading-One", "MyPage-HeadingOne"),
        ("What's next? (2026)", "What's-next?-(2026)", "MyPage-What'snext?(2026)"),
        ("A &amp; B/C: 100%", "A-&-B/C:-100%", "MyPage-A&B/C:100%"),
        ("🥅 &nbsp;Goals", "🥅--Goals", "MyPage-🥅Goals"),
        (" <strong>Nice</strong> to\thave ", "Nice-to-have", "MyPage-Nicetohave"),
        ("Über uns", "Über-uns", "MyPage-Überuns"),
        ("Введение", "Введение", "MyPage-Введение"),
        ("a<br/>b", "a-b", "MyPage-ab"),
        (f"{ANCHOR}3. Attachments", "[inlineExtension]3.-Attachments", "MyPage-top3.Attachments"),
        (f"Rollout {STATUS}", "Rollout-Done", "MyPage-RolloutGreenDone"),
        ("On <a data-card-appearance='inline' href='https://x.example'>https://x.example</a>", "On-[inlineCard]", None),
        (
            f"On <ac:link ac:card-appearance='inline'>{PAGE}<ac:link-body>T</ac:link-body></ac:link>",
            "On-[inlineCard]",
            "MyPage-OnT",
        ),
        ("Due <time datetime='2026-05-01'/>", "Due-[date]", "MyPage-Due"),
        (f"Ask {USER}", "Ask-@Ada", "MyPage-Ask"),
        (
            "See <ac:link><ac:plain-text-link-body><![CDATA[it]]></ac:plain-text-link-body></ac:link>",
            "See-it",
            "MyPage-Seeit",
        ),
    ],
)
def test_an_id_is_made_as_the_product_makes_it(heading: str, cloud: str, datacenter: str | None) -> None:
    text = f"<h2>{heading}</h2><p>x</p>"
    assert anchors_of(text, deployment="cloud") == [cloud]
    assert datacenter is None or anchors_of(text, deployment="datacenter") == [datacenter]


def test_repeats_are_numbered_after_a_dot() -> None:
    text = "<h2>Setup</h2><p>x</p>" * 3 + "<h2>Setup.1</h2><p>x</p>"
    assert anchors_of(text, deployment="cloud") == ["Setup", "Setup.1", "Setup.2", "Setup.1.1"]
    assert anchors_of(text, deployment="datacenter")[:3] == ["MyPage-Setup", "MyPage-Setup.1", "MyPage-Setup.2"]


@pytest.mark.parametrize("container", ["<blockquote>{}</blockquote>", "<table><tr><td>{}</td><td/></tr></table>", "{}"])
def test_headings_that_begin_no_section_count_for_the_numbers_of_others(container: str) -> None:
    text = container.format("<h2>Setup</h2>") + "<h2>Setup</h2><p>x</p>"
    assert anchors_of(text, deployment="cloud")[-1] == "Setup.1"


@pytest.mark.parametrize("title", ["Настройка", "⭐ Notes", "2026 plan", "(a)", "[КК] x"])
def test_in_data_center_an_id_that_begins_with_no_ascii_letter_gets_a_prefix(title: str) -> None:
    (anchor,) = anchors_of("<h2>B c</h2><p>x</p>", deployment="datacenter", title=title)
    assert anchor == f"id-{title.replace(' ', '')}-Bc"


def test_a_link_is_the_page_with_the_encoded_id() -> None:
    (section,) = page_of("<h2>Über [1] 100%</h2><p>x</p>", deployment="cloud").sections
    assert section.url == "https://w.example/1#%C3%9Cber-%5B1%5D-100%25"


def test_invisible_characters_stay_in_the_link_and_nowhere_else() -> None:
    (section,) = page_of("<h2>Set\u200bup\u202e</h2><p>x</p>", deployment="cloud").sections
    assert (section.heading_path, section.anchor, section.id) == (("Setup",), "Setup", "#Setup")
    assert section.url == "https://w.example/1#Set%E2%80%8Bup%E2%80%AE"


def test_a_heading_without_words_begins_no_section_and_its_image_is_kept() -> None:
    text = "<h2>A</h2><p>x</p><h2><ac:image ac:alt='Logo'/></h2><h2> </h2><p>y</p>"
    (section,) = page_of(text, deployment="cloud").sections
    assert section.text == "x\n\n[Image: Logo]\n\ny"


def test_an_image_in_a_heading_is_no_part_of_its_text() -> None:
    (section,) = page_of("<h2>Map <ac:image ac:alt='Logo'/></h2><p>x</p>", deployment="cloud").sections
    assert (section.heading_path, section.text) == (("Map",), "[Image: Logo]\n\nx")


def test_the_pages_title_as_its_first_heading_is_not_in_the_paths() -> None:
    (section,) = page_of("<h1>My page</h1><p>x</p>", deployment="cloud").sections
    assert (section.heading_path, section.url) == ((), "https://w.example/1")


def test_a_heading_as_long_as_a_page_is_a_paragraph() -> None:
    (section,) = page_of(f"<h2>{'word ' * 200}</h2>", deployment="cloud").sections
    assert section.heading_path == ()
