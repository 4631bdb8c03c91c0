"""`footnote serve` as a process: what it needs to start, what it answers, how it ends."""

import json
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.answer_sides import CONFIG, make_settings
from tests.fakes.command import Command

pytestmark = pytest.mark.integration
QUESTION = "How many days of annual leave does everyone get each year?"


@pytest.fixture(scope="module")
def footnote(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A synced knowledge base; strict, so that hashed words can refuse what shares none."""
    home = tmp_path_factory.mktemp("acme")
    config = CONFIG.replace('kind = "memory"', 'kind = "edge"').replace("answerable_above = 0.0", "")
    make_settings(home, config=config)
    command = Command(config=home / "footnote.toml")
    assert command("sync").code == 0
    return command


def post(url: str, body: dict[str, object], key: str | None = None) -> tuple[int, Any]:  # what JSON may hold
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, json.loads(exc.read())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_ends_in_order_at_a_signal(footnote: Command, number: signal.Signals) -> None:
    with footnote.serving() as (process, url):
        status, answer = post(f"{url}/api/v1/ask", {"question": QUESTION})
        assert (status, answer["status"]) == (200, "answered")
        assert answer["citations"][0]["url"].startswith(f"{url}/documents/"), "links name the port that was taken"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.decode() == "stopped\n"
    assert "Traceback" not in err.decode()
    assert "26 days" not in err.decode(), "no answer in the log"


def test_at_sigterm_a_stream_that_was_begun_finishes_and_ready_says_draining(
    footnote: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTE_CHAT_MODEL__PAUSE_SECONDS", "0.3")
    with footnote.serving() as (process, url):
        body = json.dumps({"question": QUESTION, "stream": True}).encode()
        request = urllib.request.Request(f"{url}/api/v1/ask", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as stream:
            first = stream.readline()
            process.send_signal(signal.SIGTERM)
            while (told := ready(url))[0] == 200:
                pass
            assert told == (503, "draining")
            events = [first, *stream]
        _, err = process.communicate(timeout=60)
    names = [line.split()[1] for line in events if line.startswith(b"event: ")]
    assert (names[0], names[-1]) == (b"sources", b"done")
    assert (process.returncode, "Traceback" in err.decode()) == (0, False)


def ready(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=10) as response:
            return response.status, json.loads(response.read())["status"]
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, json.loads(exc.read())["status"]


def test_it_logs_each_request_as_facts(footnote: Command) -> None:
    with footnote.running("serve", "--port", "0", "--json-logs") as process:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().decode().split() if word.startswith("http"))
        post(f"{url}/api/v1/search", {"query": "salaries of everyone"})
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    records = [json.loads(line) for line in err.decode().splitlines()]
    (request,) = [record for record in records if record["message"] == "request"]
    assert (request["method"], request["route"], request["status"]) == ("POST", "/api/v1/search", 200)
    assert len(request["request_id"]) == 16
    assert "salaries" not in err.decode()


def test_a_port_in_use_is_said_in_one_line(footnote: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = footnote("serve", "--port", port)
    assert done.code == 2
    assert f"cannot serve on 127.0.0.1:{port}: something listens there already" in done.complaint


def test_another_address_than_loopback_needs_a_key_first(footnote: Command, tmp_path: Path) -> None:
    done = footnote("serve", "--host", "0.0.0.0", "--port", "0")
    assert done.code == 2
    assert "footnote keys create" in done.complaint


def test_with_a_key_it_serves_those_who_have_it(footnote: Command, tmp_path: Path) -> None:
    own = Command(config=footnote.config, data_dir=tmp_path)
    key = own("keys", "create", "test").out.strip()
    with own.running("serve", "--host", "0.0.0.0", "--port", "0") as process:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().decode().split() if word.startswith("http"))
        assert post(f"{url}/api/v1/search", {"query": "leave"})[0] == 401
        assert post(f"{url}/api/v1/search", {"query": "leave"}, key)[0] == 200


def test_sync_works_while_it_serves(footnote: Command) -> None:
    with footnote.serving() as (_, url):
        (footnote.config.parent / "pages" / "tea.md").write_text("# Tea\n\nTea is served at four o'clock.\n")
        done = footnote("sync")
        # The server syncs by itself too; whoever comes second is told so, and nothing is lost.
        assert done.code == 0 or "another sync" in done.out + done.err
        found = post(f"{url}/api/v1/search", {"query": "When is tea served?"})[1]["passages"]
        assert done.code != 0 or "docs:tea.md" in {passage["document_id"] for passage in found}
