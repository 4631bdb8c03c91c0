"""The YAML block that a Markdown file may begin with: what its author says about the page."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

import yaml
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ingest.parsing.hygiene import one_line

# Larger front matter is not written by people, and YAML in Python is slow.
MOST_BYTES = 65_536

_OUTDATED_WORDS = frozenset("outdated deprecated archived superseded obsolete".split())


@dataclass(frozen=True, slots=True)
class BadFrontMatter(ValueError):
    """The front matter cannot be read. `line` is that of the file, from 1."""

    line: int
    problem: str

    def __str__(self) -> str:
        return f"front matter, line {self.line}: {self.problem}"


# Any: YAML values of any kind arrive here, and leave as what the field says or not at all.
def _as_text(value: Any) -> Any:
    return one_line(str(value)) or None if isinstance(value, str | int | float | date) else value


def _as_words(value: Any) -> Any:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return value
    return tuple(word for word in (_as_text(part) for part in value) if word)


def _as_time(value: Any) -> Any:
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else value


def _as_status(value: Any) -> Any:
    # Other tools write other words here, such as "draft": they say nothing about being outdated.
    return "outdated" if str(value).strip().lower() in _OUTDATED_WORDS else "current"


Text = Annotated[str | None, BeforeValidator(_as_text)]
Words = Annotated[tuple[str, ...], BeforeValidator(_as_words)]


class FrontMatter(BaseModel):
    """What we read of it; other keys are other tools' business."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: Text = None
    updated: Annotated[datetime | None, BeforeValidator(_as_time)] = Field(
        default=None, validation_alias=AliasChoices("updated", "date")
    )
    labels: Words = Field(default=(), validation_alias=AliasChoices("labels", "tags"))
    status: Annotated[Literal["current", "outdated"], BeforeValidator(_as_status)] = "current"
    superseded_by: Text = None
    # Absent: as the source says. Present and empty: nobody.
    audience: Words | None = None


def read_front_matter(text: str) -> FrontMatter:
    """The front matter's fields, from the YAML between the two `---` lines. Raises BadFrontMatter."""
    if len(text) > MOST_BYTES:
        raise BadFrontMatter(1, f"longer than {MOST_BYTES:,} characters")
    try:
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line if exc.problem_mark else 0
        raise BadFrontMatter(line + 2, exc.problem or "not valid YAML") from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise BadFrontMatter(2, "not valid YAML") from exc
    if values is None:
        return FrontMatter()
    if not isinstance(values, dict):
        raise BadFrontMatter(2, "write it as `key: value` lines")
    if "audience" in values and values["audience"] is None:
        # Nothing after the colon may mean anything; who may read a page must not be guessed.
        raise BadFrontMatter(_line_of("audience", text), "'audience' has no value; write [] for nobody")
    try:
        return FrontMatter.model_validate({str(key): value for key, value in values.items()})
    except (ValidationError, ValueError, TypeError) as exc:
        raise _explain(exc, text) from None


def _explain(error: ValueError | TypeError, text: str) -> BadFrontMatter:
    key = str(error.errors()[0]["loc"][0]) if isinstance(error, ValidationError) else ""
    wanted = {"updated": "a date such as 2026-04-14", "date": "a date such as 2026-04-14"}.get(
        key, "text or a list of words"
    )
    return BadFrontMatter(_line_of(key, text), f"{key!r} is not {wanted}")


def _line_of(key: str, text: str) -> int:
    """The file's line that holds the key; the block's first line is the file's second."""
    lines = text.split("\n")
    return next(
        (number for number, line in enumerate(lines, start=2) if re.match(rf"['\"]?{re.escape(key)}\b", line)), 2
    )
