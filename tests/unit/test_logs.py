"""Logs: one line a record, facts and ids in it, neither secrets nor anybody's words."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from kb.logs import configure_logging, request_id, run_id

logger = logging.getLogger("tests.logs")


@pytest.fixture
def restored_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def output(restored_root: None) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level="debug", as_json=True, stream=stream)
    return stream


@pytest.fixture
def plain_output(restored_root: None) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level="debug", as_json=False, stream=stream)
    return stream


def test_a_record_is_one_json_object_with_its_facts(output: io.StringIO) -> None:
    logger.info("document indexed", extra={"document_id": "docs:a.md", "chunk_count": 3})
    record = json.loads(output.getvalue())
    assert record.pop("time").endswith("+00:00")
    assert record == {
        "level": "INFO",
        "logger": "tests.logs",
        "message": "document indexed",
        "document_id": "docs:a.md",
        "chunk_count": 3,
    }


def test_ids_come_from_the_context(output: io.StringIO) -> None:
    tokens = request_id.set("r1"), run_id.set("s1")
    try:
        logger.info("asked")
    finally:
        request_id.reset(tokens[0])
        run_id.reset(tokens[1])
    logger.info("idle")
    first, second = map(json.loads, output.getvalue().splitlines())
    assert (first["request_id"], first["run_id"]) == ("r1", "s1")
    assert {"request_id", "run_id"}.isdisjoint(second)


@pytest.mark.parametrize(
    "name", ["token", "access_token", "client_secret", "password", "api_key", "Authorization", "cookie", "key"]
)
def test_a_fact_named_like_a_secret_is_hidden(output: io.StringIO, name: str) -> None:
    logger.info("called", extra={name: "s3cret"})
    assert "s3cret" not in output.getvalue()


def test_a_number_of_tokens_is_shown(output: io.StringIO) -> None:
    logger.info("prompt built", extra={"token_count": 812, "prompt_tokens": 9})
    assert json.loads(output.getvalue())["token_count"] == 812


def test_an_exceptions_words_are_left_out_and_its_place_is_not(output: io.StringIO) -> None:
    try:
        raise ValueError("the page says: our salaries are …")
    except ValueError:
        logger.exception("request failed")
    record = json.loads(output.getvalue())
    assert "salaries" not in output.getvalue()
    assert record["exception"] == "ValueError"
    assert "test_logs.py" in record["at"]
    assert "in test_an_exceptions_words_are_left_out_and_its_place_is_not" in record["at"]


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\x1b[2J", "\u2028", "\x85"])
def test_a_plain_line_cannot_be_forged_by_what_it_holds(plain_output: io.StringIO, break_: str) -> None:
    logger.warning("sync failed", extra={"reason": f"no{break_}ERROR root: forged"})
    (line,) = plain_output.getvalue().splitlines()
    assert line.startswith("WARNING tests.logs: sync failed reason=no")
    assert "\x1b" not in line


def test_records_below_the_level_are_dropped(restored_root: None) -> None:
    stream = io.StringIO()
    configure_logging(level="warning", as_json=True, stream=stream)
    logger.info("chatter")
    assert stream.getvalue() == ""


def test_an_object_that_is_no_json_is_still_a_line(output: io.StringIO) -> None:
    logger.info("odd", extra={"where": object})
    assert json.loads(output.getvalue())["where"] == "<class 'object'>"


@pytest.mark.parametrize("name", ["httpx", "uvicorn.error", "sentence_transformers", "aiosqlite", "atlassian"])
def test_talkative_libraries_are_kept_to_warnings(output: io.StringIO, name: str) -> None:
    logging.getLogger(name).info("HTTP Request: GET http://127.0.0.1/?q=secret+question")
    assert output.getvalue() == ""
