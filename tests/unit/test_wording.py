"""A model's rewording is shown only if it says something and loses no bound; the cases were read in real answers."""

import pytest

from app.answering.units import units_of
from app.answering.wording import stands_for


@pytest.mark.parametrize(
    ("claim", "page"),
    [
        ("The four rating levels are:", "Four levels: developing, solid, strong, exceptional."),
        ("The answer is: 300 ms.", "The target is 300 ms."),
        ("The expiry date of a flag is 90 days away.", "Every flag has an expiry date, at most 90 days away."),
        ("You may work abroad for up to 30 days, at most 15 days a year.",
         "You may work abroad for up to 30 working days a year, at most 15 in a row."),
        ("Staff may carry over up to five days.", "Staff may carry over five days."),
        ("Interns may use it.", "Only interns may use it."),
        ("The default quiet hours are 22:00–06:00, not 22:00–06:00.",
         "The default is 22:00–06:00, in the time zone of the site, not of the reader."),
        ("The doors are open from 06:30 to 21:00, Monday to Friday.",
         "The doors open with your badge from 06:30 to 21:00, Monday to Friday."),
        ("Contractors don't get paid leave.", "Contractors get paid leave, and do not get vouchers."),
    ],
)  # fmt: skip
def test_what_loses_or_adds_a_bound_or_says_nothing_does_not_stand_for_the_page(claim: str, page: str) -> None:
    assert not stands_for(claim, units_of(page)[0])


@pytest.mark.parametrize(
    ("claim", "page"),
    [
        ("The all-hands recording is kept for a year.", "The recording is kept for a year."),
        ("The maximum line length in Python is 110.", "The maximum line length is 110."),
        ("Staff in Gdańsk receive 26 days of annual leave a year.",
         "Full-time staff in Gdańsk receive 26 days of annual leave a year."),
        ("The office doors open with a badge from 06:30 to 21:00.",
         "The doors open with your badge from 06:30 to 21:00."),
        ("The default is 22:00–06:00 in the site's time zone, not the reader's.",
         "The default is 22:00–06:00, in the time zone of the site, not of the reader."),
        ("The default quiet hours are 22:00–06:00.",
         "The default is 22:00–06:00, in the time zone of the site, not of the reader."),
        ("Leave can't be carried over.", "Days cannot be carried over."),
        ("The flag expires no more than 90 days away.", "The flag expires at most 90 days away."),
    ],
)  # fmt: skip
def test_a_rewording_that_keeps_them_does(claim: str, page: str) -> None:
    assert stands_for(claim, units_of(page)[0])
