"""A prompt cut into pieces for the chat model: what may be remembered of it, and for whom."""

from app.answering.prompting import build_messages
from app.chat_models.manifest import PromptPiece, chat_template
from tests.fakes.answering import make_passage


def pieces_of(*texts: str) -> list[PromptPiece]:
    passages = [make_passage(text, title="Pumps", document_id=f"wiki:{place}") for place, text in enumerate(texts)]
    return chat_template("chatml").render(build_messages("When?", passages, tone=""))


def test_a_section_is_the_same_piece_at_every_place_and_its_number_is_nobodys() -> None:
    first, second = pieces_of("At two metres.", "By hand."), pieces_of("By hand.", "At two metres.")
    by_hand = [[piece for piece in pieces if "By hand." in piece.text] for pieces in (first, second)]
    assert [each.text for found in by_hand for each in found] == [" Pumps\nBy hand.\n\n"] * 2
    assert [each.revision_id for found in by_hand for each in found] == ["wiki:1@1", "wiki:0@1"]
    assert [piece.text for piece in first if piece.revision_id == ""] == ["Section [1]", "Section [2]"]


def test_neither_instructions_nor_question_may_be_remembered() -> None:
    pieces = pieces_of("At two metres.")
    told = [piece for piece in pieces if "You answer questions" in piece.text or "When?" in piece.text]
    assert [piece.revision_id for piece in told] == [None, None]


def test_the_pieces_are_the_whole_prompt() -> None:
    messages = build_messages("When?", [make_passage("At two metres.", document_id="wiki:1")], tone="")
    text = "".join(piece.text for piece in chat_template("chatml").render(messages))
    assert all(message.text in text for message in messages)
