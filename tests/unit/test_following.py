"""Follow-ups: what a question leaves out is taken from those before it, and nothing else is."""

import time
from collections.abc import Sequence

import pytest

from app.answering.following import leans_back, standalone
from app.answering.rewording import make_standalone
from app.answering.types import Passage, Question, SearchScope, Turn
from app.channels.slack_threads import Threads
from app.chat_models.scripted import Config, ScriptedModel
from app.openai_shapes import ChatTurn, earlier_of
from kb.access import Principal
from tests.fakes.answering import ANYONE, ListRetriever, make_answerer, make_passage

LEAVE = "How many days of annual leave do I get in Porto?"


def after(*questions: str, headings: tuple[str, ...] = ()) -> list[Turn]:
    return [Turn(question=question, headings=headings) for question in questions]


@pytest.mark.parametrize(
    ("before", "asked", "meant"),
    [
        (LEAVE, "And in Gdańsk?", "How many days of annual leave do I get in Gdańsk?"),
        (LEAVE, "what about Halifax", "How many days of annual leave do I get in Halifax?"),
        (LEAVE, "Halifax?", "How many days of annual leave do I get in Halifax?"),
        (LEAVE, "And for contractors?", "How many days of annual leave do I get in Porto (for contractors)?"),
        ("How fast must a SEV1 be acknowledged?", "and a SEV3?", "How fast must a SEV3 be acknowledged?"),
        ("How fast is a P1 answered on Tarn Fleet?", "How about a P2?", "How fast is a P2 answered on Tarn Fleet?"),
        ("What is the address of Porto?", "No, I meant Halifax.", "What is the address of Halifax?"),
        ("What is the address of Porto?", "Halifax I meant", "What is the address of Halifax?"),
        ("What if I lose my laptop?", "not the laptop, the badge", "What if I lose my badge?"),
        ("Wie viele Tage Urlaub gibt es in Porto?", "Und in Halifax?", "Wie viele Tage Urlaub gibt es in Halifax?"),
        ("How heavy is a K3?", "No, I wanted to know what a K3 costs", "what a K3 costs"),
    ],
)  # fmt: skip
def test_what_is_new_takes_its_place_in_the_question_before(before: str, asked: str, meant: str) -> None:
    assert leans_back(asked)
    assert standalone(asked, after(before)) == meant


def test_a_pronoun_is_told_what_was_spoken_of() -> None:
    assert standalone("What does it cost?", after("How heavy is a Kestrel K3?")) == "What does it cost (Kestrel K3)?"
    cited = after("How long is the trial?", headings=("Plan limits › Trial",))
    assert standalone("How do I extend it?", cited) == "How do I extend it (trial Plan limits)?"


def test_a_topic_lasts_over_several_turns() -> None:
    told = after("What is the notice period in Halifax?", "And in Porto?")
    assert standalone("And how long is probation there?", told) == "how long is probation there (Porto)?"


@pytest.mark.parametrize(
    "asked",
    [
        "What does a red ring on the Heron mean?",
        "Thanks! And when does the all-hands take place?",
        "Is it true that contractors get no paid leave?",
        "How long does it take for a tier A vendor review?",
        "By what time must I report that I am sick?",
        "Is there a rule for how much a taxi ride may cost?",
        "My laptop was stolen, how do I report it?",
        "parental leave policy",
        "How much can I claim this year?",
        "auth.key_retired error code",
    ],
)
def test_a_new_topic_inherits_nothing(asked: str) -> None:
    assert standalone(asked, after(LEAVE, headings=("Annual leave › Entitlement",))) == asked


def test_the_first_question_of_a_conversation_stays_as_it_is() -> None:
    assert standalone("What about it?", []) == "What about it?"


def test_only_the_latest_turns_are_looked_at_and_long_ones_are_cut() -> None:
    told = after("How heavy is a Heron?", *(["Where is the canteen?"] * 6))
    assert "Heron" not in standalone("What does it cost?", told)
    assert len(standalone("And in Porto?", after("word " * 5000))) < 400


def test_no_question_takes_long_to_be_understood() -> None:
    hostile = ("it is " * 1300, "no, " * 2000, "not " + "a" * 7000, "and " * 2000, "A1 " * 2600, "is it true " * 700)
    started = time.process_time()
    for text in hostile:
        standalone(text, after(text[:1000], text[:1000]))
    # A rule that went back and forth over the text would take minutes.
    assert time.process_time() - started < 20


async def test_the_chat_models_wording_is_taken_where_it_is_wanted() -> None:
    model = ScriptedModel(Config(says="How many days of annual leave do contractors get in Porto?"))
    made = await make_standalone("And for contractors?", after(LEAVE), chat_model=model, deadline_seconds=5)
    assert made == "How many days of annual leave do contractors get in Porto?"
    assert LEAVE in model.prompts[0][-1].text


@pytest.mark.parametrize("script", [Config(says="How do I bake bread?"), Config(says=""), Config(fails=True)])
async def test_what_the_chat_model_made_up_gives_way_to_the_rules(script: Config) -> None:
    made = await make_standalone("And in Gdańsk?", after(LEAVE), chat_model=ScriptedModel(script), deadline_seconds=5)
    assert made == "How many days of annual leave do I get in Gdańsk?"


async def test_the_chat_model_is_not_asked_about_a_question_that_stands_alone() -> None:
    model = ScriptedModel(Config(says="no"))
    assert await make_standalone("Who leads Sales?", after(LEAVE), chat_model=model, deadline_seconds=5)
    assert model.prompts == []


class NotingRetriever(ListRetriever):
    """Keeps what it was asked for."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        super().__init__(passages)
        self.queries: list[str] = []

    async def retrieve(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> list[Passage]:
        """The list, noted."""
        self.queries.append(query)
        return await super().retrieve(query, principal, scope=scope, count=count)


async def test_a_follow_up_is_searched_for_with_what_it_leaves_out() -> None:
    retriever = NotingRetriever([make_passage()])
    answerer = make_answerer(retriever=retriever)
    await answerer.answer(Question(text="And in Gdańsk?", earlier=tuple(after(LEAVE))), ANYONE)
    assert retriever.queries == ["How many days of annual leave do I get in Gdańsk?"]


async def test_inline_filters_narrow_the_search_and_are_no_words_of_the_question() -> None:
    retriever, model = NotingRetriever([make_passage()]), ScriptedModel(Config())
    answerer = make_answerer(retriever=retriever, chat_model=model)
    await answerer.answer(Question(text="in:ENG how many days of annual leave? updated:2026 label:nothing"), ANYONE)
    assert retriever.queries == ["in:ENG updated:2026 label:nothing how many days of annual leave?"]
    assert model.prompts[0][-1].text.endswith("Question: how many days of annual leave?")


def test_only_what_the_user_said_is_history_for_a_chat_front_end() -> None:
    said = [("system", "Be brief."), ("user", "One?"), ("assistant", "No."), ("user", " "), ("user", "And two?")]
    messages = [ChatTurn(role=role, content=text) for role, text in said]
    assert earlier_of(messages) == (Turn(question="One?"),)
    assert earlier_of(messages[:1]) == ()


def test_threads_keep_their_own_last_questions_only() -> None:
    threads = Threads()
    for number in range(8):
        threads.add("c_1", f"Question {number}?")
    assert [turn.question for turn in threads.earlier("c_1")] == [f"Question {number}?" for number in range(2, 8)]
    assert threads.earlier("c_2") == ()
    for number in range(2000):
        threads.add(f"c_other_{number}", "Question?")
    assert threads.earlier("c_1") == ()
