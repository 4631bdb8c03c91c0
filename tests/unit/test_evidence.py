"""Evidence: the units that answer come first."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.answering.evidence import CLOSENESS_WEIGHT, MOST_UNITS, Evidence, EvidenceFinder, leading_of, most_shared
from app.answering.exactness import exactness
from app.answering.features import candidates_of
from app.answering.gate import answerable_probability, gate_features
from app.answering.selecting import select_evidence
from app.answering.types import Passage
from app.answering.units import units_of
from app.answering.weights import trained_with
from kb.embedders.base import Pieces
from kb.embedders.hashing import Config, HashingEmbedder
from tests.fakes.answering import LEAVE, PUMPS, make_embedder, make_passage
from tests.unit.test_spoken import pieces

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


GLOSSARY = (
    "- **Fouling** – algae growing on a sensor\n- **RMA** – return merchandise authorisation\n- **Tarn** – our platform"
)
RETURNS = "Open the RMA in Lantern. What the RMA number does is told on the label. Every RMA needs a number."


async def test_asked_what_a_word_means_the_line_that_explains_it_comes_first_by_far() -> None:
    passages = (make_passage(RETURNS, title="RMA process"), make_passage(GLOSSARY, title="Glossary", dense=0.2))
    found = await EvidenceFinder(make_embedder()).find("What does RMA stand for?", passages)
    assert found[0].unit.text == "**RMA** – return merchandise authorisation"
    assert len(select_evidence("What does RMA stand for?", found, most=3)) == 1
    assert answerable_probability(gate_features("What does RMA stand for?", found, passages)) > 0.9


async def test_a_word_that_no_line_explains_is_answered_as_before() -> None:
    passages = (make_passage(RETURNS, title="RMA process"),)
    found = await EvidenceFinder(make_embedder()).find("What does RMA stand for?", passages)
    assert {each.features["defines"] for each in found} == {0.0}
    assert answerable_probability(gate_features("What does RMA stand for?", found, passages)) < 0.9


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


def pieces_of(text: str, *, place: int = 0, scores: tuple[float, ...], is_outdated: bool = False) -> list[Evidence]:
    """Evidence of a section's units with these scores, in reading order."""
    passage = replace(make_passage(text, title=f"Page {place}"), is_outdated=is_outdated)
    return [
        Evidence(place=place, passage=passage, unit=unit, score=score, features={})
        for unit, score in zip(units_of(text), scores, strict=True)
    ]


def quotes(question: str, evidence: list[Evidence]) -> list[str]:
    return [each.unit.quote for each in select_evidence(question, evidence, most=4)]


def test_another_section_is_cited_only_if_it_is_nearly_as_good_and_the_same_section_goes_on() -> None:
    own = pieces_of("The office opened in 2018. It has two floors.", scores=(9.0, 5.0))
    far = pieces_of("The metro stops nearby.", place=1, scores=(6.0,))
    near = pieces_of("Porto opened in 2018.", place=2, scores=(8.5,))
    assert quotes("When did the office open?", own + far) == ["The office opened in 2018.", "It has two floors."]
    assert "Porto opened in 2018." in quotes("When did the office open?", own + far + near)


def test_a_page_that_no_longer_holds_is_quoted_only_where_no_other_says_nearly_as_much() -> None:
    old = pieces_of("Expenses are due within 30 days.", scores=(9.0,), is_outdated=True)
    new = pieces_of("Submit in Ledgerly within 45 days.", place=1, scores=(6.0,))
    other = pieces_of("Ask Tomasz.", place=1, scores=(1.0,))
    assert quotes("When are expenses due?", old + new) == ["Submit in Ledgerly within 45 days."]
    assert quotes("When are expenses due?", old + other) == ["Expenses are due within 30 days."]


def test_asked_how_a_command_a_little_behind_is_the_answer() -> None:
    said = pieces_of("It was rolled back within a day.", scores=(6.0,))
    command = pieces_of("```\notactl rollback --all\n```", place=1, scores=(4.0,))
    assert quotes("How do I roll back the update?", said + command) == ["otactl rollback --all"]
    assert quotes("When was the update rolled back?", said + command) == ["It was rolled back within a day."]


def test_what_is_closer_piece_by_piece_goes_before_a_slightly_better_score() -> None:
    first, second = pieces_of("The alarm is loud. The siren sounds at three metres.", scores=(7.0, 6.5))
    closer = replace(second, closeness=1 / CLOSENESS_WEIGHT)
    assert quotes("When does the siren sound?", [first, closer])[0] == "The siren sounds at three metres."


def test_only_what_could_come_first_is_compared() -> None:
    evidence = pieces_of("One. Two. Three.", scores=(7.0, 6.0, 1.0))
    assert [each.score for each in leading_of(evidence)] == [7.0, 6.0]


class PiecedEmbedder(HashingEmbedder):
    """Says that it is the embedder of the trained weights. Its pieces are words, each a direction of its own."""

    def __init__(self) -> None:
        super().__init__(Config())
        self.identity = trained_with("spoken")
        self.asked: list[str] = []

    async def embed_pieces(self, texts: Sequence[str]) -> list[Pieces]:
        self.asked += texts
        return [pieces(text) for text in texts]


async def test_the_question_is_compared_word_by_word_with_what_leads_and_no_text_is_embedded_twice() -> None:
    embedder = PiecedEmbedder()
    found = await EvidenceFinder(embedder).find("How many days of leave?", [make_passage(LEAVE), make_passage(PUMPS)])
    leading = leading_of(found)
    assert min(each.closeness for each in leading) == 0
    assert {each.closeness for each in found[len(leading) :]} <= {0}
    assert "spoken_near" in found[0].features
    assert len(embedder.asked) == len(set(embedder.asked)) == len(leading) + 2


async def test_what_is_asked_is_spoken_of_if_any_leading_piece_says_so() -> None:
    texts = ("There are 26 days of leave, many days.", "In Porto there are 25 holiday days.")
    passages = [make_passage(text, title="k") for text in texts]
    found = await EvidenceFinder(PiecedEmbedder()).find("How many days of leave are there in Porto?", passages)
    assert [each.place for each in found] == [0, 1]
    assert found[0].standing > found[1].standing
    assert found[0].features["spoken_section"] == pytest.approx(1.0)


def test_what_is_exactly_asked_for_goes_before_a_slightly_better_score() -> None:
    open_hours, opened = pieces_of("The office is open from 07:00 to 20:00. Opened: 2018.", scores=(7.0, 5.0))
    clock, year = (
        replace(each, exactness=exactness("When did it open?", each.unit.text)) for each in (open_hours, opened)
    )
    assert quotes("When did it open?", [open_hours, opened])[0] == "The office is open from 07:00 to 20:00."
    assert quotes("When did it open?", [clock, year])[0] == "Opened: 2018."


async def test_how_exactly_it_is_what_is_asked_for_is_told_of_all_evidence() -> None:
    passage = make_passage("The office is open daily from 07:00 to 20:00. The office opened in 2018.", title="Porto")
    found = await find("When did the Porto office open?", passage)
    assert {each.unit.text: each.exactness for each in found} == {
        "The office opened in 2018.": 2.0,
        "The office is open daily from 07:00 to 20:00.": -2.0,
    }


TABLE = "| Country | Full day |\n|---|---|\n| Canada | €64 |\n| Poland | €45 |\n| United Kingdom | €60 |"


async def test_of_a_table_only_the_row_that_the_question_names_is_shown() -> None:
    question = "What is the per diem for Canada?"
    found = await find(question, make_passage(TABLE, title="Per diem"))
    assert [each.unit.text for each in select_evidence(question, found, most=3)] == ["Canada — Full day: €64"]
    question = "What are the per diems?"
    found = await find(question, make_passage(TABLE, title="Per diem"))
    assert len(select_evidence(question, found, most=3)) == 3


def test_an_it_that_would_begin_an_answer_comes_after_what_it_is() -> None:
    calibration, duration, other = pieces_of(
        "A Kestrel is calibrated twice a year. It takes about 50 minutes at a bench. Ana knows more.",
        scores=(2.0, 8.0, 5.0),
    )
    found = [duration, other, calibration]
    assert quotes("How long does it take?", found) == [calibration.unit.text, duration.unit.text, other.unit.text]
    # One sentence alone stays the best one.
    assert select_evidence("How long does it take?", found, most=1) == [duration]


def test_numbered_steps_stay_in_order_and_of_other_items_the_best_is_first() -> None:
    steps = pieces_of("1. Lower the TTL\n2. Wait a day\n3. Change the record", scores=(5.0, 6.5, 7.0))
    assert quotes("Which TTL record?", steps[::-1]) == [each.unit.quote for each in steps]
    points = pieces_of("- 2016: the K1\n- 2020: the K2\n- 2024: the K3", scores=(5.0, 6.5, 7.0))
    assert quotes("When came the K3?", points[::-1]) == [each.unit.quote for each in points[::-1]]


def test_of_a_list_only_the_item_that_the_question_names_is_shown() -> None:
    items = pieces_of("- Kestrel K3: 36 months\n- Heron: 24 months\n- Others: 6 months", scores=(6.0, 7.0, 5.0))
    assert quotes("How long is the warranty of a Heron?", items) == ["Heron: 24 months"]
    assert len(quotes("How long are the warranties?", items)) == 3
