"""What goes wrong on a command line: one clear line on stderr, the right exit code, and nothing lost."""

import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from app.chat_models.manifest import starter_model
from tests.fakes.answer_sides import CONFIG
from tests.fakes.command import Command

pytestmark = pytest.mark.integration
QUESTION = "How many days of annual leave does everyone get each year?"


def make_command(home: Path, *, config: str = CONFIG) -> Command:
    home.mkdir(parents=True, exist_ok=True)
    (home / "pages").mkdir(exist_ok=True)
    (home / "pages" / "leave.md").write_text("# Leave\n\nEveryone gets 26 days of annual leave each year.\n")
    (home / "footnote.toml").write_text(config, encoding="utf-8")
    return Command(config=home / "footnote.toml")


def test_a_source_of_an_unknown_kind_is_refused_by_status_too(tmp_path: Path) -> None:
    done = make_command(tmp_path, config=CONFIG.replace('kind = "folder"', 'kind = "sharepoint"'))("status")
    assert done.code == 2
    assert "no 'sharepoint' among the connectors; choose one of confluence, folder, notion" in done.complaint


@pytest.fixture
def footnote(tmp_path: Path) -> Command:
    return make_command(tmp_path)


def test_no_configuration(tmp_path: Path) -> None:
    done = Command(config=tmp_path / "footnote.toml")("ask", QUESTION)
    assert done.code == 2
    assert "footnote init" in done.complaint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[serverr]\n", "unknown key 'serverr'"),
        ("[answering]\nsektions = 3\n", "unknown key 'sektions'; known keys: answer_tokens,"),
        ('[embedder]\nkind = "clippy"\n', "choose one of hashing, openai, sentence_transformers"),
        ('[chat_model]\nkind = "clippy"\n', "choose one of llama_cpp, openai, scripted"),
        ('[index]\nkind = "clippy"\n', "choose one of edge, memory, server"),
        ('[chat_model]\nkind = "scripted"\nsais = "x"\n', "unknown key 'sais'"),
        ('[chat_model]\nmodel = "./nowhere.gguf"\n', "no file"),
        ('[chat_model]\nkind = "openai"\nmodel = "m"\nbase_url = "localhost"\n', "base_url"),
    ],
)
def test_a_mistake_in_the_configuration(tmp_path: Path, text: str, said: str) -> None:
    done = make_command(tmp_path, config=text)("ask", QUESTION)
    assert done.code == 2
    assert said in done.complaint


def test_an_unknown_connector(tmp_path: Path) -> None:
    config = CONFIG.replace('kind = "folder"', 'kind = "fax"')
    done = make_command(tmp_path, config=config)("sync")
    assert done.code == 2
    assert "no 'fax' among the connectors; choose one of" in done.complaint


def test_a_source_that_is_not_configured(footnote: Command) -> None:
    done = footnote("sync", "wiki")
    assert done.code == 2
    assert "no source 'wiki'; the configuration has docs" in done.complaint


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("", "the question is empty"),
        (" \t\n", "the question is empty"),
        ("\x01\x02\x1b", "the question is empty"),
        ("a" * 100_000, "100,000 bytes long; the most is 8,192"),
    ],
    ids=["empty", "blank", "control", "100 kB"],
)
@pytest.mark.parametrize("verb", ["ask", "search"])
def test_a_question_that_is_none(footnote: Command, verb: str, question: str, said: str) -> None:
    done = footnote(verb, question)
    assert done.code == 2
    assert said in done.complaint


def test_a_question_before_the_first_sync(footnote: Command) -> None:
    done = footnote("ask", QUESTION)
    assert done.code == 0
    assert "Not found" in done.out
    assert "footnote sync" in done.complaint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ask"], "Missing argument"),
        (["sing"], "No such command 'sing'"),
        (["ask", QUESTION, "--loud"], "No such option"),
        (["ask", QUESTION, "--mode", "bold"], "choose grounded, strict or sources"),
        (["search", "x", "-k", "0"], "-k"),
        (["--log-level", "loud", "status"], "--log-level"),
        (["keys", "create", "x", "--scopes", "fly"], "no such scope: fly"),
        (["keys", "create", "x", "--scopes", ","], "none given"),
        (["check", "nowhere.jsonl"], "nowhere.jsonl"),
        (["eval", "nowhere.jsonl"], "nowhere.jsonl"),
        (["eval", "nowhere.jsonl", "--suite", "all"], "a file of questions is asked over one --suite"),
        (["eval", "nowhere.jsonl", "--compare", "no-run"], "cannot read no-run"),
        (["eval", "nowhere.jsonl", "--write", "/dev/null"], "--write takes a folder, and /dev/null cannot be one"),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_a_mistake_on_the_command_line(footnote: Command, words: list[str], said: str) -> None:
    done = footnote(*words)
    assert done.code == 2
    assert said in done.complaint


def test_a_command_named_without_anything_is_answered_with_its_help(footnote: Command) -> None:
    done = footnote("keys")
    assert done.code == 2
    assert "revoke" in done.err
    assert "Traceback" not in done.err


def test_a_line_that_is_no_claim_is_named(footnote: Command, tmp_path: Path) -> None:
    (tmp_path / "claims.jsonl").write_text('{"claim": "a", "evidence": "a"}\n{"claim": 7}\n')
    done = footnote("check", str(tmp_path / "claims.jsonl"))
    assert done.code == 2
    assert "claims.jsonl:2" in done.complaint


def test_another_embedder_under_an_index_is_said_and_changes_nothing(footnote: Command) -> None:
    assert footnote("sync").code == 0
    before = footnote("search", QUESTION, "--json").json
    other = {"FOOTNOTE_EMBEDDER__DIMENSION": "64"}
    for words in (["sync"], ["ask", QUESTION]):
        done = footnote(*words, environment=other)
        assert done.code == 0
        assert "another embedder than the index was built with: run `footnote reindex`" in done.err
    assert footnote("search", QUESTION, "--json", environment=other).json == before


def test_data_of_a_newer_version_are_refused_and_left_alone(footnote: Command, tmp_path: Path) -> None:
    assert footnote("sync").code == 0
    database = tmp_path / "data" / "catalogue.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for words in (["sync"], ["ask", QUESTION], ["status"], ["serve"]):
        done = footnote(*words)
        assert done.code == 2
        assert "written by a newer Footnote (schema 9999); upgrade" in done.complaint
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT count(*) FROM documents").fetchone() == (1,)
    connection.close()


def test_a_catalogue_that_is_no_database_is_said(footnote: Command, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "catalogue.db").write_bytes(b"not a database" * 1000)
    done = footnote("status")
    assert done.code == 1
    assert "catalogue.db" in done.complaint


def test_a_model_file_with_one_byte_changed_is_refused_by_name(tmp_path: Path) -> None:
    known = starter_model()
    content = bytearray(known.path().read_bytes())
    content[-1000] ^= 1
    (tmp_path / "tiny.gguf").write_bytes(content)
    config = CONFIG.replace('kind = "scripted"', f'model = "./tiny.gguf"\nsha256 = "{known.sha256}"')
    footnote = make_command(tmp_path, config=config)
    verified = footnote("models", "verify")
    assert verified.code == 1
    assert "chat model: tiny.gguf was changed" in verified.complaint
    assert footnote("sync").code == 0
    asked = footnote("ask", QUESTION)
    assert "Traceback" not in asked.err


def test_output_cut_short_by_its_reader_is_no_error(footnote: Command) -> None:
    line = subprocess.list2cmdline(footnote.line("status", "--config"))
    done = subprocess.run(f"{line} | head -c 1", shell=True, capture_output=True, timeout=60, check=False)
    assert done.stderr == b""


def test_ctrl_c_ends_a_sync_with_one_line(tmp_path: Path) -> None:
    footnote = make_command(tmp_path)
    os.mkfifo(tmp_path / "pages" / "never.md")
    for number in range(3000):
        (tmp_path / "pages" / f"p{number}.md").write_text(f"# Page {number}\n\nPage {number} is about pumps.\n")
    with footnote.running("sync") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"syncing docs\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == b"footnote: stopped; nothing that was finished is lost\n"
    assert footnote("status").code == 0
