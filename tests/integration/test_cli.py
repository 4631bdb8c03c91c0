"""Every command, run as a person runs it, over a few pages and without models."""

import json
from pathlib import Path

import pytest

from kb.settings import STARS
from tests.fakes.answer_sides import CONFIG, OWNER, make_settings
from tests.fakes.command import Command
from tests.unit.test_suites import make_suite

pytestmark = pytest.mark.integration
QUESTION = "How many days of annual leave does everyone get each year?"
EDGE_CONFIG = CONFIG.replace('kind = "memory"', 'kind = "edge"')


@pytest.fixture(scope="module")
def footnote(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A synced knowledge base."""
    home = tmp_path_factory.mktemp("acme")
    make_settings(home, config=EDGE_CONFIG)
    command = Command(config=home / "footnote.toml")
    done = command("sync")
    assert done.code == 0, done.err
    assert "docs: 4 listed, 4 indexed" in done.out
    assert done.err == "syncing docs\n"
    return command


def test_a_second_sync_embeds_nothing(footnote: Command) -> None:
    done = footnote("sync", "docs")
    assert done.code == 0
    assert "0 read, 0 chunks embedded" in done.out


def test_ask_prints_sentences_and_footnotes(footnote: Command) -> None:
    done = footnote("ask", QUESTION)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "  Everyone gets 26 days of annual leave each year. [1]"
    assert any(line.startswith("  [1] Annual leave › Entitlement  updated ") for line in lines)
    assert "      http://127.0.0.1:8080/documents/docs:leave.md#entitlement" in lines
    assert "      “Everyone gets 26 days of annual leave each year.”" in lines
    assert done.err == ""


def test_ask_prints_the_endpoints_object(footnote: Command) -> None:
    answer = footnote("ask", QUESTION, "--json").json
    assert answer["status"] == "answered"
    assert answer["citations"][0]["document_id"] == "docs:leave.md"


def test_an_answer_of_the_command_line_can_be_made_again(footnote: Command) -> None:
    answer_id = footnote("ask", QUESTION, "--json").json["answer_id"]
    done = footnote("replay", answer_id, "--gate")
    assert done.code == 0, done.out
    assert "Nothing is different." in done.out


@pytest.mark.parametrize("answer_id", ["a_0000", "../x", "' or 1=1"])
def test_an_answer_that_was_never_kept_is_named_in_one_line(footnote: Command, answer_id: str) -> None:
    done = footnote("replay", answer_id)
    assert done.code == 2
    assert "there is no answer" in done.complaint


def test_search_prints_passages(footnote: Command) -> None:
    done = footnote("search", "annual leave", "-k", "2")
    assert " 1. Annual leave › " in done.out
    assert len(footnote("search", "annual leave", "-k", "2", "--json").json["passages"]) == 2


def test_a_person_sees_what_that_person_may_read(footnote: Command) -> None:
    def found(*who: str) -> set[str]:
        passages = footnote("search", "What does level four pay?", "-k", "50", "--json", *who).json["passages"]
        return {passage["document_id"] for passage in passages}

    assert "docs:pay.md" in found("--as", OWNER)
    assert "docs:pay.md" not in found("--as", "eve@acme.test") | found()


def test_check_says_what_is_supported(footnote: Command, tmp_path: Path) -> None:
    claims = tmp_path / "claims.jsonl"
    records = [
        {"claim": "The pump stops at two metres.", "evidence": "The pump stops at two metres."},
        {"claim": "The pump stops at nine metres.", "evidence": ["Unrelated.", "The pump stops at two metres."]},
    ]
    claims.write_text("\n".join(map(json.dumps, records)) + "\n\n")
    verdicts = [json.loads(line) for line in footnote("check", str(claims)).out.splitlines()]
    assert [verdict["supported"] for verdict in verdicts] == [True, False]
    assert all(0 <= verdict["score"] <= 1 for verdict in verdicts)


def test_status_lists_the_sources(footnote: Command) -> None:
    lines = footnote("status").out.splitlines()
    assert lines[0].split("\t")[:5] == ["source", "listed", "indexed", "skipped", "quarantined"]
    assert lines[0].split("\t")[5:] == ["unread", "out of date", "last sync", "lag", "next sync", "state"]
    assert lines[1].split("\t")[:5] == ["docs", "4", "4", "0", "0"]


def test_status_as_json_has_the_promised_shape(footnote: Command) -> None:
    status = footnote("status", "--json").json
    assert {"sources", "index", "models"} <= set(status)
    (source,) = status["sources"]
    assert {"id", "listed", "indexed", "skipped", "quarantined", "missing", "last_run"} <= set(source)
    run = {"started_at", "seconds", "requests", "fetched", "embedded_chunks", "removed", "complete", "reason"}
    assert run <= set(source["last_run"])


def test_status_shows_the_settings_and_no_secret(footnote: Command) -> None:
    done = footnote("status", "--config", environment={"FOOTNOTE_DOCS_TOKEN": "s3cret"})
    assert done.json["sources"][0]["token"] == STARS
    assert "s3cret" not in done.out + done.err


def test_eval_scores_a_golden_set(footnote: Command, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    record = {"question": QUESTION, "answers": ["26 days"], "page": "leave.md", "heading": None, "answerable": True}
    gold.write_text(json.dumps(record) + "\n")
    scores = footnote("eval", str(gold), "--json").json["scores"]
    assert (scores["questions"], scores["gold_contained"], scores["invalid_quotes"]) == (1, 1.0, 0)


def test_eval_asks_questions_over_a_collection_and_leaves_our_own_pages_alone(
    footnote: Command, tmp_path: Path
) -> None:
    pages = [{"id": "p1", "title": "Pumps", "text": "The pump stops at pier four. The alarm sounds at three metres."}]
    judged = "query-id\tcorpus-id\tscore\nq1\tp1\t1\n"
    make_suite(tmp_path, "pumps", corpus="".join(json.dumps(page) for page in pages), judged=judged)
    gold = tmp_path / "gold.jsonl"
    records = [
        {"question": "Where does the pump stop?", "answers": ["It stops at pier four"], "answerable": True},
        {"question": QUESTION, "answers": [], "answerable": False},
    ]
    gold.write_text("\n".join(map(json.dumps, records)))
    keep = tmp_path / "keep"
    done = footnote("eval", str(gold), "--suite", "pumps", "--suites", str(tmp_path), "--keep", str(keep), "--json")
    first, second = done.json["verdicts"]
    assert "The pump stops at pier four." in first["text"]
    assert (first["is_contained"], first["share_said"]) == (False, 1.0)
    assert "26 days" not in second["text"]
    assert done.json["scores"]["gold_words_said"] == 1.0
    assert (keep / "pumps" / "pages" / "p1.md").is_file()
    assert footnote("status", "--json").json["sources"][0]["listed"] == 4


def test_eval_writes_a_report_and_compares_with_an_earlier_run(footnote: Command, tmp_path: Path) -> None:
    gold, run = tmp_path / "gold.jsonl", tmp_path / "new/run"
    record = {"question": QUESTION, "answers": ["26 days"], "page": "leave.md", "heading": None, "answerable": True}
    gold.write_text(json.dumps(record) + "\n")
    written = footnote("eval", str(gold), "--write", str(run))
    assert (written.code, written.err) == (0, f"wrote {run / 'run.json'} and {run / 'report.html'}\n")
    assert QUESTION in (run / "report.html").read_text(encoding="utf-8")
    compared = footnote("eval", str(gold), "--compare", str(run))
    assert "gold\tgold_contained\t1\t+0.0000\t+0.0000\t+0.0000\t" in compared.out
    assert "gold\tanswered_when_answerable\t1" in compared.out


def test_eval_keeps_compares_and_holds_conversations(footnote: Command, tmp_path: Path) -> None:
    talks, run, gate = tmp_path / "talks.jsonl", tmp_path / "run", tmp_path / "gate.toml"
    talks.write_text(json.dumps({"turns": [QUESTION, "Is it paid?"], "page": "leave.md", "kind": "pronoun"}) + "\n")
    gate.write_text("[conversations.at_least]\nrecall_with = 1\ngain = 0.5\n")
    written = footnote("eval", str(talks), "--write", str(run))
    assert (written.code, written.err) == (0, f"wrote {run / 'run.json'} and {run / 'report.html'}\n")
    assert "Is it paid?" in (run / "report.html").read_text(encoding="utf-8")
    compared = footnote("eval", str(talks), "--compare", str(run), "--gate", str(gate))
    assert "conversations\trecall_with\t1\t+0.0000" in compared.out
    assert (compared.code, compared.err) == (1, "footnote: conversations: gain is 0, and must be at least 0.5\n")


def test_models_are_listed_and_verified(footnote: Command) -> None:
    assert "embedder\thashing\thashing\t" in footnote("models", "list").out
    done = footnote("models", "verify")
    assert (done.code, done.out) == (
        0,
        "embedder: hashing: nothing to verify\nchat model: scripted: nothing to verify\n",
    )


def test_tuning_a_model_that_has_no_formats_is_refused(footnote: Command) -> None:
    done = footnote("models", "tune")
    assert done.code == 2
    assert "tuned where it is served" in done.complaint


def test_a_key_lives_and_dies(footnote: Command, tmp_path: Path) -> None:
    own = Command(config=footnote.config, data_dir=tmp_path)
    made = own("keys", "create", "intranet", "--scopes", "ask", "--as", OWNER, "--days", "3")
    text = made.out.strip()
    assert text.startswith("fn_")
    key_id = text.split("_")[1]
    (row,) = own("keys", "list").out.splitlines()[1:]
    assert row.split("\t")[:4] == [key_id, "intranet", "ask", OWNER]
    assert row.endswith("active")
    assert text.split("_", 2)[2] not in row
    assert own("keys", "revoke", key_id).out == f"revoked {key_id}\n"
    assert own("keys", "list").out.splitlines()[1].endswith("revoked")
    again = own("keys", "revoke", key_id)
    assert again.code == 2
    assert "no active key" in again.complaint


def test_doctor_finds_nothing_wrong(footnote: Command) -> None:
    done = footnote("doctor", environment={"FOOTNOTE_SERVER__PORT": "0"})
    assert done.code == 0, done.out
    assert {line[0] for line in done.out.splitlines()} == {"✓"}
    assert len(done.out.splitlines()) >= 7


def test_doctor_says_what_is_wrong_and_looks_at_the_rest(footnote: Command) -> None:
    done = footnote("doctor", environment={"FOOTNOTE_SERVER__HOST": "0.0.0.0"})
    assert done.code == 1
    (wrong,) = [line for line in done.out.splitlines() if line.startswith("✗")]
    assert "address" in wrong
    assert "footnote keys create" in wrong


def test_doctor_says_that_the_index_is_of_another_embedder(footnote: Command) -> None:
    done = footnote("doctor", environment={"FOOTNOTE_SERVER__PORT": "0", "FOOTNOTE_EMBEDDER__DIMENSION": "48"})
    assert done.code == 1
    (wrong,) = [line for line in done.out.splitlines() if line.startswith("✗")]
    assert "index: it was built with the embedder" in wrong
    assert "footnote reindex" in wrong


def test_demo_asks_one_question_and_exits(footnote: Command) -> None:
    done = footnote("demo", "--ask", QUESTION)
    assert done.code == 0
    assert "docs: 4 listed" in done.out
    assert "26 days of annual leave" in done.out


def test_init_writes_a_configuration_that_works(tmp_path: Path) -> None:
    docs = tmp_path / "our docs"
    docs.mkdir()
    (docs / "a.md").write_text("# Tea\n\nTea is served at four.\n")
    footnote = Command(config=tmp_path / "footnote.toml")
    done = footnote("init", str(docs), "--audience", "everyone")
    assert done.code == 0
    assert 'path = "./our docs"' in footnote.config.read_text()
    quick = {"FOOTNOTE_EMBEDDER__KIND": "hashing", "FOOTNOTE_CHAT_MODEL__KIND": "scripted"}
    assert "1 listed, 1 indexed" in footnote("sync", environment=quick).out


def test_init_overwrites_nothing(footnote: Command, tmp_path: Path) -> None:
    before = footnote.config.read_text()
    done = footnote("init", str(tmp_path))
    assert done.code == 2
    assert "exists already" in done.complaint
    assert footnote.config.read_text() == before
