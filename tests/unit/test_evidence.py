"""Evidence: the units that answer come first."""

import pytest

from app.answering.evidence import MOST_UNITS, Evidence, EvidenceFinder, most_shared
from app.answering.features import candidates_of
from app.answering.selecting import select_evidence
from app.answering.types import Passage
from tests.fakes.answering import LEAVE, PUMPS, make_embedder, make_passage

STEPS = "To reset the pump:\n\n1. Close the valve\n2. Press the red button\n3. Wait ten seconds\n\nCall Ana if it hums."


async def find(question: str, *passages: Passage) -> list[Evidence]:
    return await EvidenceFinder(make_embedder()).find(question, passages)


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("How many days of annual leave do staff in Gdańsk receive?", "Full-time staff in Gdańsk receive 26 days"),
        ("Until when can leave days be carried over?", "Up to 5 days can be carried over"),
        ("Are contractors entitled to annual leave?", "Contractors are not entitled"),
        ("At how many metres does the alarm sound?", "The alarm sounds at three metres"),
    ],
)
async def test_the_unit_that_answers_comes_first(question: str, best: str) -> None:
    found = await find(question, make_passage(LEAVE), make_passage(PUMPS, title="Pumps", dense=0.4))
    assert found[0].unit.text.startswith(best)


async def test_evidence_is_found_in_the_second_passage_too() -> None:
    found = await find("Where does the pump stop?", make_passage(LEAVE), make_passage(PUMPS, title="Pumps"))
    assert found[0].place == 1


async def test_no_passages_no_evidence() -> None:
    assert await find("Where does the pump stop?") == []


def test_a_long_section_is_cut_to_the_units_that_share_words_with_the_question() -> None:
    lines = [f"- Line {number} is about nothing" for number in range(3 * MOST_UNITS)]
    lines[150] = "- The alarm sounds at three metres"
    candidates = candidates_of([make_passage("\n".join(lines))])
    kept = most_shared("When does the alarm sound?", candidates)
    assert len(kept) == MOST_UNITS
    assert any("alarm" in candidate.unit.text for candidate in kept)


async def test_a_how_to_is_answered_with_all_its_steps_in_order() -> None:
    found = await find("How do I reset the pump?", make_passage(STEPS, title="Pumps"))
    chosen = select_evidence("How do I reset the pump?", found, most=4)
    assert [each.unit.quote for each in chosen] == ["Close the valve", "Press the red button", "Wait ten seconds"]


async def test_no_more_is_chosen_than_asked_for() -> None:
    found = await find("annual leave days", make_passage(LEAVE))
    assert len(select_evidence("annual leave days", found, most=1)) == 1


async def test_the_same_words_are_not_chosen_twice() -> None:
    found = await find("Where does the pump stop?", make_passage(PUMPS), make_passage(PUMPS, title="Copy"))
    chosen = [each.unit.text for each in select_evidence("Where does the pump stop?", found, most=4)]
    assert len(chosen) == len(set(chosen))
