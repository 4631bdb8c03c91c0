"""Rows come with their header, steps in their order, code byte for byte, and nothing is said twice."""

from app.answering.types import Mode
from app.openai_shapes import Writer
from tests.fakes.answering import ANYONE, ask, make_answerer, make_passage

CODE = "kestrelctl calibrate --serial K3_118204 \\\n  --buffers *7.00*,4.01"
STEPS = "To replace the pump filter:\n\n1. Close the red valve.\n2. Turn the filter left.\n3. Open the red valve."


async def sentences(text: str, question: str, *, mode: Mode = "strict") -> list[str]:
    answer = await make_answerer([make_passage(text)]).answer(ask(question, mode=mode), ANYONE)
    return [sentence.text for sentence in answer.sentences]


async def test_the_steps_of_a_list_keep_their_order_and_its_first_line_is_said_once() -> None:
    assert await sentences(STEPS, "How do I replace the pump filter?") == [
        "To replace the pump filter: Close the red valve.",
        "Turn the filter left.",
        "Open the red valve.",
    ]


async def test_code_is_a_sentence_of_its_own_kind_byte_for_byte_in_its_language() -> None:
    section = f"How to calibrate the pH sensor:\n\n```bash\n{CODE}\n```"
    question = "How do I calibrate the pH sensor?"
    answer = await make_answerer([make_passage(section)]).answer(ask(question, mode="strict"), ANYONE)
    (code,) = [sentence for sentence in answer.sentences if sentence.kind == "code"]
    assert (code.text, code.language) == (CODE, "bash")
    (cited,) = [citation for citation in answer.citations if citation.number in code.citations]
    assert (cited.quote, cited.above) == (CODE, ("How to calibrate the pH sensor:",))


async def test_code_in_markdown_ends_before_its_footnote() -> None:
    section = f"How to calibrate the pH sensor:\n\n```bash\n{CODE}\n```"
    question = "How do I calibrate the pH sensor?"
    answer = await make_answerer([make_passage(section)]).answer(ask(question, mode="strict"), ANYONE)
    (code,) = [sentence for sentence in answer.sentences if sentence.kind == "code"]
    writer = Writer(style="numbers")
    piece = writer.sentence(code, answer.citations)
    assert piece == f"```bash\n{CODE}\n```\n[{code.citations[0]}]"
    (noted,) = writer.annotations
    assert writer.text[noted["start_index"] : noted["end_index"]] == f"[{code.citations[0]}]"


async def test_a_row_is_cited_with_its_header() -> None:
    table = "| Plan | History |\n| --- | --- |\n| Basic | 12 months |\n| Plus | 36 months |"
    answer = await make_answerer([make_passage(table, title="Plans")]).answer(
        ask("How long is the history of the Plus plan?", mode="strict"), ANYONE
    )
    first = answer.citations[0]
    assert (first.quote, first.above) == ("| Plus | 36 months |", ("| Plan | History |",))


async def test_what_one_page_says_is_not_said_again_by_another() -> None:
    whole = make_passage("Calibrate a Kestrel K3 every six months and after each change of a cap.", title="Calibration")
    part = make_passage("Calibrate every six months and after each change of a cap.", title="Field notes")
    answer = await make_answerer([whole, part]).answer(
        ask("How often is a Kestrel K3 calibrated?", mode="strict"), ANYONE
    )
    assert [sentence.text for sentence in answer.sentences] == [whole.text]
