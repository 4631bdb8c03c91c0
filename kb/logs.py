"""Logs as facts: JSON lines (or plain ones on a terminal) with ids, counts and durations, never text."""

import json
import logging
import re
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
run_id: ContextVar[str | None] = ContextVar("run_id", default=None)

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({})) | {"message": None, "asctime": None, "taskName": None})
# Counts of tokens are told apart by what they hold: they are numbers.
_SECRET_FIELD = re.compile(r"token|secret|password|key$|authorization|cookie|credential", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the context's ids, and the record's own facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a newline."""
        return json.dumps({"time": _time(record), **_facts(record)}, ensure_ascii=False, default=str)


class PlainLines(logging.Formatter):
    """The same facts for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a newline."""
        facts = _facts(record)
        head = f"{facts.pop('level')} {facts.pop('logger')}: {facts.pop('message')}"
        line = " ".join([head, *(f"{name}={value}" for name, value in facts.items())])
        # One record is one line, whatever it holds.
        return _UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], line)


def configure_logging(*, level: str, as_json: bool, stream: TextIO | None = None) -> None:
    """Send every log record to `stream` (default stderr). Only the `main` functions call this."""
    output = logging.StreamHandler(stream or sys.stderr)
    output.setFormatter(JsonLines() if as_json else PlainLines())
    logging.basicConfig(level=level.upper(), handlers=[output], force=True)
    # These say too much: whole addresses, and at DEBUG whole pages, as statements' values or as answers.
    for name in (
        "httpx",
        "httpcore",
        "sentence_transformers",
        "urllib3",
        "uvicorn.error",
        "asyncio",
        "aiosqlite",
        "atlassian",
        "mcp",
        "pypdf",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _facts(record: logging.LogRecord) -> dict[str, object]:
    facts: dict[str, object] = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
    for name, variable in (("request_id", request_id), ("run_id", run_id)):
        if (value := variable.get()) is not None:
            facts[name] = value
    for name, value in vars(record).items():
        if name not in _OWN_FIELDS:
            facts[name] = "**********" if _is_secret(name, value) else value
    if record.exc_info and record.exc_info[0] is not None:
        # The type and the place alone: an exception's text may repeat what a page or a person wrote.
        facts["exception"] = record.exc_info[0].__name__
        facts["at"] = place_of(record.exc_info[1])
    return facts


def place_of(error: BaseException | None) -> str:
    """Where an exception was raised, and the way there: `file:line in function`, innermost first, without values."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    return " < ".join(f"{_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in reversed(frames[-6:]))


def _short(path: str) -> str:
    return "/".join(path.replace("\\", "/").rsplit("/", 3)[-3:])


def _is_secret(name: str, value: object) -> bool:
    return bool(_SECRET_FIELD.search(name)) and isinstance(value, str | bytes)
