"""Notion from the configuration to the answer, by the command line, each command in a process of its own."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.answer_sides import CONFIG
from tests.fakes.command import Command
from tests.fakes.notion import FakeNotion, notion_served
from tests.fakes.notion_json import block, heading, paragraph, value
from tests.fakes.notion_server import TOKEN

pytestmark = pytest.mark.integration

QUESTION = "At how many metres does the pump stop?"
SOURCE = """
[[sources]]
id = "handbook"
kind = "notion"
base_url = "{address}"
requests_per_second = 1000
{audience}
"""


@pytest.fixture
def notion() -> Iterator[FakeNotion]:
    with notion_served() as fake:
        fake.workspace.add_page(
            "Pump",
            heading("Limits"),
            block("bulleted_list_item", "The alarm sounds at three metres."),
            block("bulleted_list_item", "The pump stops at two metres of water."),
            block("unsupported", block_type="button"),
        )
        source = fake.workspace.source_of(fake.workspace.add_database("Pumps", ("Pumps", {})))
        status = {"Status": value("status", {"name": "In repair"})}
        fake.workspace.add_page("Pump nine", paragraph("Its seal is worn."), parent=source, properties=status)
        fake.workspace.wait(minutes=5)
        yield fake


def make_command(notion: FakeNotion, home: Path, *, audience: str = 'audience = ["everyone"]') -> Command:
    head = CONFIG.partition("[[sources]]")[0].replace('kind = "memory"', 'kind = "edge"')
    text = head + SOURCE.format(address=notion.address, audience=audience)
    (home / "footnote.toml").write_text(text, encoding="utf-8")
    return Command(config=home / "footnote.toml")


@pytest.fixture
def footnote(notion: FakeNotion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("FOOTNOTE_HANDBOOK_TOKEN", TOKEN)
    return make_command(notion, tmp_path)


def test_a_question_is_answered_with_a_link_to_the_very_list_item(notion: FakeNotion, footnote: Command) -> None:
    done = footnote("sync")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].startswith("handbook: 3 listed, 3 indexed, 0 skipped, 0 quarantined")
    assert done.out.splitlines()[1] == "  without text here: button (1)"
    answer = footnote("ask", QUESTION, "--json").json
    (citation,) = [each for each in answer["citations"] if each["quote"] == "The pump stops at two metres of water."]
    (holder,) = [each for each, thing in notion.workspace.things.items() if "two metres" in str(thing.body)]
    assert citation["url"].endswith(f"#{holder.replace('-', '')}")


def test_labels_of_rows_narrow_a_search(footnote: Command) -> None:
    footnote("sync")
    with footnote.serving() as (_, address):
        for label, titles in (("Status: In repair", {"Pump nine"}), ("Status: Fine", set())):
            body = {"query": "pump", "filters": {"labels": [label]}}
            found = httpx.post(f"{address}/api/v1/search", json=body, timeout=60).json()["passages"]
            assert {passage["title"] for passage in found} == titles


def test_the_doctor_names_the_workspace_and_never_the_token(footnote: Command) -> None:
    done = footnote("doctor", environment={"FOOTNOTE_SERVER__PORT": "0"})
    assert "handbook (notion): signed in to Acme as Footnote; pages are shared with it" in done.out
    wrong = footnote("doctor", environment={"FOOTNOTE_HANDBOOK_TOKEN": "ntn_wrong"})
    assert "Notion refused the token" in wrong.out
    assert "ntn_wrong" not in wrong.out + wrong.err


def test_a_source_without_an_audience_does_not_sync_and_says_why(
    notion: FakeNotion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTE_HANDBOOK_TOKEN", TOKEN)
    done = make_command(notion, tmp_path, audience="")("sync")
    assert done.code == 2
    assert "Notion's API does not say who may read a page" in done.complaint
    assert notion.server.requests == []


def test_a_source_without_a_token_says_where_to_put_it(notion: FakeNotion, tmp_path: Path) -> None:
    done = make_command(notion, tmp_path)("sync")
    assert done.code == 2
    assert "FOOTNOTE_" in done.complaint


def test_a_refused_token_is_one_line_and_keeps_what_is_indexed(footnote: Command) -> None:
    footnote("sync")
    done = footnote("sync", environment={"FOOTNOTE_HANDBOOK_TOKEN": "ntn_revoked"})
    assert done.code == 1
    assert "Notion refused the token: check FOOTNOTE_HANDBOOK_TOKEN" in done.out
    assert "ntn_revoked" not in done.out + done.err
    (source,) = footnote("status", "--json").json["sources"]
    assert (source["indexed"], source["last_run"]["complete"]) == (3, False)


def test_a_run_that_is_killed_is_made_up_for(notion: FakeNotion, footnote: Command) -> None:
    for number in range(60):
        notion.workspace.add_page(f"Page {number}", paragraph(f"Text of page {number}."))
    notion.workspace.wait(minutes=5)
    enough = threading.Event()
    note = notion.server.note

    def counted(where: str) -> None:
        note(where)
        if sum("/children" in each for each in notion.server.requests) > 40:
            enough.set()

    notion.server.note = counted  # type: ignore[method-assign]  # to kill it in the middle, whenever that is
    with footnote.running("sync") as process:
        assert enough.wait(120)
        process.kill()
    done = footnote("sync")
    assert done.code == 0, done.err
    status = footnote("status", "--json")
    (source,) = json.loads(status.out)["sources"]
    assert (source["indexed"], source["missing"]) == (63, [])
