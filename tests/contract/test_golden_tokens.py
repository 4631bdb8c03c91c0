"""Without batching and section memory, answers are plain decoding's token for token. llama.cpp upgrades must pass."""

from collections.abc import Iterator

import pytest
from llama_cpp import Llama

from app.chat_models.llama_cpp_engine import Engine
from app.chat_models.llama_cpp_native import Pace, Weights
from app.chat_models.llama_cpp_sections import Prompt, PromptPart
from app.chat_models.manifest import starter_model

pytestmark = pytest.mark.integration
TOKENS = 12
SUBJECTS = (
    "The pump stops when the level falls below two metres.",
    "Everyone gets 26 days of annual leave each year.",
    "Expenses over 50 euros need a receipt and a manager's approval.",
    "The door code changes on the first Monday of the month.",
    "Backups run at 02:00 and are kept for 35 days.",
)
QUESTIONS = ("What does it say?", "Is there a number in it?", "Who needs to know?", "Say it in other words.")
PROMPTS = [
    f"<|im_start|>user\n{subject} {question}<|im_end|>\n<|im_start|>assistant\n"
    for subject in SUBJECTS
    for question in QUESTIONS
]


@pytest.fixture(scope="module")
def plain() -> Iterator[Llama]:
    """The vendor's own loop."""
    made = Llama(str(starter_model().path()), n_ctx=512, n_threads=1, n_threads_batch=1, verbose=False)
    yield made
    made.close()


@pytest.fixture(scope="module")
def weights() -> Iterator[Weights]:
    loaded = Weights(starter_model().path(), gpu_layers=0)
    yield loaded
    loaded.close()


@pytest.mark.parametrize("prompt", PROMPTS, ids=range(len(PROMPTS)))
def test_an_answer_is_plain_decodings_token_for_token(plain: Llama, weights: Weights, prompt: str) -> None:
    tokens = weights.tokens_of(prompt, is_template=True)
    plain.reset()
    written: list[int] = []
    for token in plain.generate(tokens, temp=0.0, reset=True):
        if weights.is_end(token) or len(written) == TOKENS:
            break
        written.append(token)
    expected = b"".join(weights.bytes_of(token) for token in written).decode("utf-8", "ignore")
    engine = Engine(weights, context_tokens=512, parallel=1, pace=Pace(threads=1))
    engine.start(1, Prompt(tenant="t", parts=(PromptPart(tokens=tuple(tokens)),)), max_tokens=TOKENS)
    text = ""
    while not engine.is_idle:
        text += "".join(progress.text for progress in engine.step())
    assert text == expected
