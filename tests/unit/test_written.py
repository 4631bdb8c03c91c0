"""What a chat model writes, cut into sentences and code, and what of its code is shown."""

import pytest

from app.answering.prompting import SentenceStream, build_messages, code_in, parse_sentence
from app.chat_models.scripted import Config as Script
from app.chat_models.scripted import ScriptedModel
from tests.fakes.answering import ANYONE, ask, make_answerer, make_passage

CODE = "git  push --force\n\tgit log  # one. Two."
PAGE = f"To push a branch over the old one, run:\n\n```bash\n{CODE}\n```\n"
ASKED = "How do I push a branch over the old one?"


def cut(text: str, *, size: int = 3) -> list[str]:
    """The sentences of a text that comes in pieces of so many characters."""
    stream = SentenceStream()
    pieces = [text[place : place + size] for place in range(0, len(text), size)]
    return [sentence for piece in pieces for sentence in stream.feed(piece)] + stream.close()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_code_between_fences_is_one_piece_whatever_is_in_it(size: int) -> None:
    written = f"Run this. [1]\n```bash\n{CODE}\n```\n[1] It takes a minute. [2]"
    first, code, last = cut(written, size=size)
    assert (first, code) == ("Run this. [1]", f"```bash\n{CODE}\n```")
    assert parse_sentence(last)[0] == "It takes a minute."


def test_code_that_was_cut_short_and_half_a_sentence_are_not_shown() -> None:
    assert cut("Run this.\n```bash\ngit push (now)") == ["Run this."]
    assert cut("Run this. And then") == ["Run this."]


def test_code_is_what_stands_between_its_fences() -> None:
    assert code_in(f"```bash\n{CODE}\n```") == CODE
    assert code_in("```\nopen") is None
    assert code_in("no fence") is None


def test_a_list_item_is_said_without_its_bullet() -> None:
    assert parse_sentence("- Stop the **pump**. [2]") == ("Stop the pump.", (2,))


def test_the_number_of_a_section_said_first_is_no_part_of_a_sentence() -> None:
    assert parse_sentence("Section [1] Python 3.12 is used.")[0] == "Python 3.12 is used."
    assert parse_sentence("Section [1]")[0] == ""


async def shown(says: str) -> list[tuple[str, str, str]]:
    answerer = make_answerer([make_passage(PAGE)], chat_model=ScriptedModel(Script(says=says)))
    answer = await answerer.answer(ask(ASKED), ANYONE)
    return [(sentence.kind, sentence.language, sentence.text) for sentence in answer.sentences]


@pytest.mark.parametrize(
    "says",
    [
        f"```bash\n{CODE}\n```",
        # Other code, and code in other words, are left out; the page's own is quoted.
        "```bash\ngit push --force\n```",
        "Run git push --force and git log, one. Two.",
        "`git push --force`",
    ],
)
async def test_code_is_shown_as_the_page_has_it_or_not_at_all(says: str) -> None:
    codes = [each for each in await shown(says) if "git" in each[2]]
    assert codes == [("code", "bash", CODE)]


async def test_the_model_is_held_to_a_grammar_that_knows_the_sections_and_their_code() -> None:
    model = ScriptedModel(Script(says="Not found."))
    await make_answerer([make_passage(PAGE, title="Push"), make_passage()], chat_model=model).answer(ask(ASKED), ANYONE)
    (grammar,) = model.grammars
    assert 'mark ::= "[1]" | "[2]"\n' in grammar
    assert "git  push --force\\n\\tgit log" in grammar


def test_a_tone_is_told_to_the_model_and_changes_neither_sections_nor_question() -> None:
    plain, toned = (build_messages(ASKED, [make_passage(PAGE)], tone=tone) for tone in ("", "brief and friendly"))
    assert toned[0].text == f"{plain[0].text} Tone: brief and friendly."
    assert toned[1:] == plain[1:]


def test_a_language_is_told_to_the_model_and_changes_neither_sections_nor_question() -> None:
    plain, told = (build_messages(ASKED, [make_passage(PAGE)], tone="", language=each) for each in ("", "German"))
    assert told[0].text == f"{plain[0].text} Write in German."
    assert told[1:] == plain[1:]


@pytest.mark.parametrize("says", ["Sure thing! Just push it, buddy.", "Not found."])
async def test_wording_alone_never_changes_what_is_cited(says: str) -> None:
    assert await shown(says) == await shown("")
