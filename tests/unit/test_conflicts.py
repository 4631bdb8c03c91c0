"""Pages that disagree are shown together, the newest first, and siblings that merely differ are left alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.answering.evidence import Evidence
from app.answering.settling import settle
from app.answering.types import Answer, Mode, Passage
from app.answering.units import units_of
from app.chat_models.scripted import Config as Script
from app.chat_models.scripted import ScriptedModel
from tests.fakes.answering import ANYONE, ask, make_answerer, make_passage

TAXI = "| What | Limit |\n|---|---|\n| Taxi to the airport | €{} |"
OLD, NEW = datetime(2026, 4, 9, tzinfo=UTC), datetime(2026, 6, 17, tzinfo=UTC)


def make_evidence(text: str, *, title: str, updated_at: datetime = OLD, is_outdated: bool = False) -> Evidence:
    passage = replace(make_passage(text, title=title), updated_at=updated_at, is_outdated=is_outdated)
    return Evidence(place=0, passage=passage, unit=units_of(text)[-1], score=1.0, features={})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Full-time staff receive 26 days of leave a year.", "Full-time staff receive 24 days of leave a year."),
        ("You may work from home two days a week.", "You may work from home 3 days a week."),
        ("The freeze of releases starts on 18 December.", "The freeze of releases starts on 20 December."),
        ("Contractors are not entitled to paid leave.", "Contractors are entitled to paid leave."),
        ("The canteen opens on Mondays at 08:00.", "The canteen opens on Mondays at 09:00."),
        (TAXI.format(40), TAXI.format(25)),
    ],
)
def test_two_pages_that_say_another_number_date_or_not_disagree(one: str, other: str) -> None:
    ours, theirs = make_evidence(one, title="Handbook"), make_evidence(other, title="Welcome", updated_at=NEW)
    (conflict,) = settle([ours], [ours, theirs]).conflicts
    assert (conflict.newer, conflict.older) == (theirs, ours)


@pytest.mark.parametrize(
    ("one", "other", "titles"),
    [
        # Another place, plan, version or year is another subject.
        ("Staff in Porto receive 24 days of leave.", "Staff in Gdańsk receive 26 days of leave.", ("Leave", "People")),
        ("The gold plan keeps readings 90 days.", "The silver plan keeps readings 30 days.", ("Plans", "Pricing")),
        ("The lease of the office ends after 5 years.", "The lease of the office ends after 7 years.", ("A", "B")),
        ("In 2025 the budget was €1,200.", "In 2026 the budget was €1,500.", ("Budget", "Finance")),
        # So it is where the titles are alike but for a name.
        ("Guests need a badge for 2 days.", "Guests need a badge for 3 days.", ("Porto guide", "Oslo guide")),
        # The same in other words, or more precisely, is no conflict.
        ("Backups are kept for thirty days in Oslo.", "Backups are kept for 30 days in Oslo.", ("Backups", "Oslo")),
        ("Claims are paid within 30 days.", "Claims of up to 500 euros are paid within 30 days.", ("Claims", "Money")),
    ],
)  # fmt: skip
def test_what_differs_in_its_subject_does_not_disagree(one: str, other: str, titles: tuple[str, str]) -> None:
    if titles == ("A", "B"):
        titles = ("Halifax office guide", "Porto office guide")
    ours, theirs = make_evidence(one, title=titles[0]), make_evidence(other, title=titles[1])
    assert settle([ours], [ours, theirs]).conflicts == ()


def test_a_page_that_no_longer_holds_gives_way_to_the_one_that_does() -> None:
    new = make_evidence("Claims are paid within 45 days.", title="Expenses", updated_at=NEW)
    old = make_evidence("Claims are paid within 30 days.", title="Expenses (2023)", is_outdated=True)
    settled = settle([old, new], [old, new])
    assert (settled.conflicts, settled.others) == ((), (new,))


def test_what_a_page_says_that_no_longer_holds_comes_last() -> None:
    old = make_evidence("The company releases every second Tuesday.", title="Releases (2024)", is_outdated=True)
    new = make_evidence("It is released on each weekday, so it has months.", title="Release notes")
    assert settle([old, new], [old, new]).others == (new, old)


def test_what_does_not_answer_the_question_cannot_disagree_about_it() -> None:
    ours = make_evidence("Tokens expire after 15 minutes.", title="Tokens")
    theirs = replace(make_evidence("Tokens expire after 60 minutes.", title="Library"), score=-9.0)
    assert settle([ours], [ours, theirs]).conflicts == ()


SOAK = "The buoy and the fluids soak for {} minutes in the shade."
QUESTION = "How many minutes do the buoy and the fluids soak?"


def disagreeing_pages() -> list[Passage]:
    return [
        replace(make_passage(SOAK.format(20), title="Calibration"), updated_at=OLD),
        replace(make_passage(SOAK.format(35), title="Calibration notes"), updated_at=NEW),
    ]


async def answer_in(mode: Mode, *, says: str = "") -> Answer:
    answerer = make_answerer(disagreeing_pages(), chat_model=ScriptedModel(Script(says=says)))
    return await answerer.answer(ask(QUESTION, mode=mode), ANYONE)


@pytest.mark.parametrize("mode", ["strict", "grounded"])
async def test_an_answer_shows_both_and_names_the_conflict_newest_first(mode: Mode) -> None:
    answer = await answer_in(mode, says="The buoy and the fluids soak for 20 minutes in the shade. [1]")
    assert [sentence.text for sentence in answer.sentences] == [SOAK.format(35), SOAK.format(20)]
    (notice,) = answer.notices
    assert (notice.kind, notice.citations) == ("conflict", (1, 2))
    assert notice.text == (
        "The pages disagree: “Calibration notes” [1] (updated 2026-06-17) and “Calibration” [2] (updated 2026-04-09)."
    )


async def test_a_conflict_is_not_the_models_to_settle() -> None:
    model = ScriptedModel(Script(says="The buoy and the fluids soak for 20 minutes in the shade. [1]"))
    answer = await make_answerer(disagreeing_pages(), chat_model=model).answer(ask(QUESTION), ANYONE)
    assert (answer.mode, model.prompts) == ("strict", [])
    assert answer.reason is not None
