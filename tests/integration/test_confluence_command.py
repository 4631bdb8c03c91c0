"""Confluence from the configuration to the answer, by the command line, each command in a process of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.answer_sides import CONFIG
from tests.fakes.command import Command
from tests.fakes.confluence import DEPLOYMENTS, FakeConfluence, running_confluence
from tests.fakes.confluence_cloud import EMAIL
from tests.fakes.confluence_cloud import TOKEN as CLOUD_TOKEN
from tests.fakes.confluence_datacenter import TOKEN as DATACENTER_TOKEN

pytestmark = pytest.mark.integration

QUESTION = "At how many metres does the pump stop?"
SOURCE = """
[[sources]]
id = "team-wiki"
kind = "confluence"
deployment = "{deployment}"
url = "{url}"
spaces = ["ENG"]
{email}
"""


@pytest.fixture(params=DEPLOYMENTS)
def site(request: pytest.FixtureRequest) -> Iterator[FakeConfluence]:
    with running_confluence(request.param) as running:
        ann, bob = running.wiki.user("ann"), running.wiki.user("bob")
        space = running.wiki.space("ENG", running.wiki.group("crew", ann, bob))
        page = running.wiki.page(space, "Pump", "<h2>Limits</h2><p>The pump stops at two metres of water.</p>")
        running.wiki.restrict(page, ann)
        yield running


@pytest.fixture
def footnote(site: FakeConfluence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    email = f'email = "{EMAIL}"' if site.is_cloud else ""
    source = SOURCE.format(deployment=site.deployment, url=site.url, email=email)
    head = CONFIG.partition("[[sources]]")[0].replace('kind = "memory"', 'kind = "edge"')
    (tmp_path / "footnote.toml").write_text(head + source, encoding="utf-8")
    monkeypatch.setenv("FOOTNOTE_TEAM_WIKI_TOKEN", CLOUD_TOKEN if site.is_cloud else DATACENTER_TOKEN)
    return Command(config=tmp_path / "footnote.toml")


def test_a_person_is_answered_from_the_pages_that_this_person_may_read(site: FakeConfluence, footnote: Command) -> None:
    done = footnote("sync")
    assert (done.code, done.out.splitlines()[0].partition(";")[0]) == (
        0,
        "team-wiki: 1 listed, 1 indexed, 0 skipped, 0 quarantined",
    )
    asked = footnote("ask", QUESTION, "--as", "ann@example.com", "--json")
    assert asked.code == 0, asked.err
    answer = asked.json
    assert answer["status"] == "answered"
    (citation, *_) = answer["citations"]
    assert citation["quote"] == "The pump stops at two metres of water."
    assert citation["url"].startswith(site.url)
    assert citation["url"].endswith("#Limits" if site.is_cloud else "#Pump-Limits")
    refused = footnote("ask", QUESTION, "--as", "bob@example.com", "--json").json
    assert (refused["status"], refused["citations"], refused["closest"]) == ("not_found", [], [])


def test_doctor_names_the_spaces_and_never_the_token(site: FakeConfluence, footnote: Command) -> None:
    done = footnote("doctor", environment={"FOOTNOTE_SERVER__PORT": "0"})
    assert "team-wiki (confluence): signed in as Footnote-Bot; 1 spaces (ENG); restrictions can be read" in done.out
    wrong = footnote("doctor", environment={"FOOTNOTE_TEAM_WIKI_TOKEN": "not-the-token"})
    assert wrong.code == 1
    assert "team-wiki: " in wrong.out
    assert "not-the-token" not in wrong.out + wrong.err


def test_a_token_that_is_missing_is_one_line_that_names_the_variable(footnote: Command) -> None:
    done = footnote("sync", environment={"FOOTNOTE_TEAM_WIKI_TOKEN": ""})
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "FOOTNOTE_TEAM_WIKI_TOKEN" in done.err
