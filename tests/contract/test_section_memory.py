"""Section memory on a real model: what is joined is what would have been read, and it stays where it may be seen."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.chat_models.llama_cpp_engine import Engine, PromptDoesNotFit
from app.chat_models.llama_cpp_native import Cells, Pace, Row, Weights
from app.chat_models.llama_cpp_sections import Plan, Prompt, PromptPart, SectionMemory
from app.chat_models.manifest import starter_model
from app.chat_models.section_store import SectionStore
from bench.section_memory import measure

# One thread: in a test process several would spin for each other, as nothing tells them to sleep.
# Real processes or many conversations: too slow for the quick loop.
pytestmark = pytest.mark.integration

PACE = Pace(threads=1)
PREFIX = "You answer from the sections.\n"
PUMPS = " Pumps\nThe pump stops when the level falls below two metres.\n\n"
LEAVE = " Leave\nEight days can be carried over into next year.\n\n"
QUESTION = "Question: when does the pump stop?\nAnswer:"


@pytest.fixture(scope="module")
def weights() -> Iterator[Weights]:
    loaded = Weights(starter_model().path(), gpu_layers=0)
    yield loaded
    loaded.close()


@pytest.fixture
def store(tmp_path: Path) -> SectionStore:
    return SectionStore(tmp_path, memory_bytes=50_000_000, disk_bytes=50_000_000)


@pytest.fixture
def memory(weights: Weights, store: SectionStore) -> Iterator[SectionMemory]:
    made = SectionMemory(weights, store, identity="test", pace=PACE)
    yield made
    made.close()


def make_prompt(weights: Weights, *sections: str, tenant: str = "acme", question: str = QUESTION) -> Prompt:
    def part(text: str, revision_id: str | None = None) -> PromptPart:
        return PromptPart(tokens=tuple(weights.tokens_of(text, is_template=False)), revision_id=revision_id)

    shown: list[PromptPart] = []
    for number, text in enumerate(sections, start=1):
        shown += [part(f"Section [{number}]", revision_id=""), part(text, revision_id=text[:6])]
    return Prompt(tenant=tenant, parts=(part(PREFIX), *shown, part(question)))


def last_logits(weights: Weights, path: list[tuple[int, int]]) -> np.ndarray:
    """After reading a path whole, in one go."""
    cells = Cells(weights, count=512, sequences=1, pace=PACE)
    cells.decode(
        [Row(token, position, 0, wants=place + 1 == len(path)) for place, (token, position) in enumerate(path)]
    )
    logits = cells.logits(len(path) - 1).copy()
    cells.close()
    return logits


def joined_logits(weights: Weights, memory: SectionMemory, plan: Plan) -> np.ndarray:
    """After joining what is remembered and reading the tail."""
    cells = Cells(weights, count=512, sequences=1, pace=PACE)
    *_, states = memory.gather(plan, chunk_tokens=512)
    assert states is not None
    memory.join(plan, states, cells, 0)
    tail = plan.tail_path
    cells.decode(
        [Row(token, position, 0, wants=place + 1 == len(tail)) for place, (token, position) in enumerate(tail)]
    )
    logits = cells.logits(len(tail) - 1).copy()
    cells.close()
    return logits


def answer(engine: Engine, prompt: Prompt, *, tokens: int = 8) -> str:
    engine.start(1, prompt, max_tokens=tokens)
    text = ""
    while not engine.is_idle:
        text += "".join(progress.text for progress in engine.step())
    return text


def planned(memory: SectionMemory, prompt: Prompt) -> Plan:
    plan = memory.plan(prompt, max_tokens=16)
    assert plan is not None
    return plan


def test_one_section_joined_is_the_same_as_read(weights: Weights, memory: SectionMemory) -> None:
    prompt = make_prompt(weights, PUMPS)
    plan = planned(memory, prompt)
    whole = last_logits(weights, [(token, place) for place, token in enumerate(prompt.tokens)])
    np.testing.assert_allclose(joined_logits(weights, memory, plan), whole, atol=0.15)


def test_two_sections_joined_come_near_to_reading_them(weights: Weights, memory: SectionMemory) -> None:
    prompt = make_prompt(weights, LEAVE, PUMPS)
    whole = last_logits(weights, [(token, place) for place, token in enumerate(prompt.tokens)])
    joined = joined_logits(weights, memory, planned(memory, prompt))
    assert np.corrcoef(joined, whole)[0, 1] > 0.97


def test_with_every_section_but_the_first_read_anew_it_is_the_same_as_read_whole(
    weights: Weights, store: SectionStore
) -> None:
    memory = SectionMemory(weights, store, identity="test", pace=PACE, reread_count=1)
    prompt = make_prompt(weights, LEAVE, PUMPS)
    plan = planned(memory, prompt)
    assert [section.tokens for section in plan.sections] == [prompt.parts[2].tokens]
    whole = last_logits(weights, [(token, place) for place, token in enumerate(prompt.tokens)])
    np.testing.assert_allclose(joined_logits(weights, memory, plan), whole, atol=0.15)
    assert memory.plan(make_prompt(weights, PUMPS), max_tokens=16) is None, "nothing is left to join"
    memory.close()


def test_answers_made_together_are_those_made_alone(weights: Weights) -> None:
    prompts = [
        make_prompt(weights, LEAVE, PUMPS),
        make_prompt(weights, PUMPS, tenant="globex", question="Say it again:"),
    ]
    alone = [answer(Engine(weights, context_tokens=512, parallel=1, pace=PACE), prompt, tokens=4) for prompt in prompts]
    engine = Engine(weights, context_tokens=512, parallel=3, pace=PACE)
    for number, prompt in enumerate(prompts):
        engine.start(number, prompt, max_tokens=4)
    texts = ["", ""]
    while not engine.is_idle:
        for progress in engine.step():
            texts[progress.number] += progress.text
    assert texts == alone


def test_what_is_remembered_gives_the_same_as_what_was_just_computed(weights: Weights, memory: SectionMemory) -> None:
    plan = planned(memory, make_prompt(weights, LEAVE, PUMPS))
    first = joined_logits(weights, memory, plan)
    held = memory.store.sizes
    np.testing.assert_array_equal(joined_logits(weights, memory, plan), first)
    assert memory.store.sizes == held, "nothing was computed again"


def test_a_state_from_the_disk_gives_the_same_after_a_restart(weights: Weights, tmp_path: Path) -> None:
    answers = []
    for _ in range(2):
        store = SectionStore(tmp_path, memory_bytes=50_000_000, disk_bytes=50_000_000)
        memory = SectionMemory(weights, store, identity="test", pace=PACE)
        answers.append(joined_logits(weights, memory, planned(memory, make_prompt(weights, LEAVE, PUMPS))))
        memory.close()
    np.testing.assert_array_equal(answers[0], answers[1])


def test_a_section_is_known_wherever_it_stands_and_whatever_its_number(weights: Weights, memory: SectionMemory) -> None:
    joined_logits(weights, memory, planned(memory, make_prompt(weights, PUMPS, LEAVE)))
    known = memory.store.sizes.disk_count
    plan = planned(memory, make_prompt(weights, LEAVE, PUMPS))
    joined_logits(weights, memory, plan)
    assert memory.store.sizes.disk_count == known, "neither was read again"
    whole = [token for part in make_prompt(weights, LEAVE, PUMPS).parts for token in part.tokens]
    assert [token for token, _ in plan.joined_path + plan.tail_path] == whole
    places = [place for _, place in plan.joined_path + plan.tail_path]
    assert places == sorted(set(places)), "no two tokens have one place"


def test_another_tenants_state_has_another_key(weights: Weights, memory: SectionMemory) -> None:
    keys = [
        {section.key for section in planned(memory, make_prompt(weights, PUMPS, tenant=tenant)).sections}
        for tenant in ("acme", "globex")
    ]
    assert not keys[0] & keys[1]


def test_another_model_prefix_or_text_has_another_key(weights: Weights, store: SectionStore) -> None:
    digests = set()
    for identity, section in (("a", PUMPS), ("b", PUMPS), ("a", PUMPS.replace("two", "three"))):
        memory = SectionMemory(weights, store, identity=identity, pace=PACE)
        digests |= {placed.key.digest for placed in planned(memory, make_prompt(weights, section)).sections}
        memory.close()
    assert len(digests) == 3


def test_a_prompt_without_sections_is_read_whole(weights: Weights, memory: SectionMemory) -> None:
    assert memory.plan(make_prompt(weights), max_tokens=16) is None


def test_a_section_too_long_for_the_memory_is_read_whole(weights: Weights, memory: SectionMemory) -> None:
    assert memory.plan(make_prompt(weights, PUMPS * 400), max_tokens=16) is None


def test_an_engine_answers_the_same_cold_and_warm_and_a_stopped_one_disturbs_nothing(
    weights: Weights, memory: SectionMemory
) -> None:
    engine = Engine(weights, context_tokens=512, parallel=2, pace=PACE, memory=memory)
    prompt = make_prompt(weights, LEAVE, PUMPS)
    engine.start(7, prompt, max_tokens=8)
    engine.step()
    engine.stop(7)
    assert engine.is_idle
    cold = answer(engine, prompt)
    answer(engine, make_prompt(weights, PUMPS, question="Question: what is this?\nAnswer:"))
    assert cold
    assert answer(engine, prompt) == cold


def test_more_questions_than_slots_wait_and_are_all_answered(weights: Weights) -> None:
    engine = Engine(weights, context_tokens=128, parallel=2, pace=PACE)
    prompt = make_prompt(weights, PUMPS * 3)
    for number in range(6):
        engine.start(number, prompt, max_tokens=2)
    over = set()
    for _ in range(200):
        over |= {progress.number for progress in engine.step() if progress.is_over}
    assert engine.is_idle
    assert over == set(range(6))


def test_a_prompt_that_does_not_fit_is_refused_before_it_is_queued(weights: Weights) -> None:
    engine = Engine(weights, context_tokens=512, parallel=1, pace=PACE)
    with pytest.raises(PromptDoesNotFit):
        engine.start(1, make_prompt(weights, PUMPS * 40), max_tokens=8)
    assert engine.is_idle


def test_the_limits_hold_for_real_states_and_nothing_is_left_of_deleted_pages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert measure(Namespace(sections=24, memory_mb=1, disk_mb=2), tmp_path) == 0
    printed = capsys.readouterr().out
    assert "24" in printed
    assert "deleted 0 states are left" in printed
