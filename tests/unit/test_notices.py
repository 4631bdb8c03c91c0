"""What is old carries a warning, and what no longer holds says so."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.ages import age
from app.answering.citing import FootnoteList
from app.answering.notices import notices_of
from app.answering.types import Citation
from app.answering.units import units_of
from tests.fakes.answering import make_passage

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def make_citations(*pages: tuple[str, datetime, bool]) -> tuple[Citation, ...]:
    footnotes = FootnoteList()
    for title, updated_at, is_outdated in pages:
        passage = replace(make_passage(title=title), updated_at=updated_at, is_outdated=is_outdated)
        footnotes.cite("", passage, units_of(passage.text)[0])
    return footnotes.citations


FRESH = ("Leave", datetime(2026, 5, 1, tzinfo=UTC), False)
OLD = ("Dress code", datetime(2023, 1, 1, tzinfo=UTC), False)
REPLACED = ("Leave (2019)", datetime(2019, 1, 1, tzinfo=UTC), True)


def test_a_page_not_updated_for_long_is_named_with_its_age() -> None:
    (notice,) = notices_of(make_citations(FRESH, OLD), (), now=NOW, stale_after_days=365)
    assert (notice.kind, notice.citations) == ("stale", (2,))
    assert notice.text == "This may have changed: “Dress code” [2] was last updated 3 years ago."


def test_the_warning_can_be_turned_off() -> None:
    assert notices_of(make_citations(OLD), (), now=NOW, stale_after_days=0) == ()


def test_a_page_that_no_longer_holds_is_not_called_old_as_well() -> None:
    (notice,) = notices_of(make_citations(FRESH, REPLACED), (), now=NOW, stale_after_days=365)
    assert (notice.kind, notice.citations) == ("outdated", (2,))


def test_fresh_pages_carry_no_warning() -> None:
    assert notices_of(make_citations(FRESH), (), now=NOW, stale_after_days=365) == ()


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (datetime(2026, 6, 1, 9, tzinfo=UTC), "today"),
        (datetime(2026, 5, 31, 23, tzinfo=UTC), "yesterday"),
        (datetime(2026, 5, 20, tzinfo=UTC), "12 days ago"),
        (datetime(2025, 4, 1, tzinfo=UTC), "14 months ago"),
        (datetime(2023, 5, 1, tzinfo=UTC), "3 years ago"),
        (datetime(2026, 7, 1, tzinfo=UTC), "today"),
    ],
)
def test_ages_are_said_as_people_do(day: datetime, words: str) -> None:
    assert age(day, now=NOW) == words
