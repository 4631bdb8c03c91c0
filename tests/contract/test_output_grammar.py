"""What the grammar of answers lets a model write, by llama.cpp's own reading of it and the starter's tokenizer."""

from collections.abc import Iterator

import numpy as np
import pytest

from app.answering.grammar import output_grammar
from app.chat_models.llama_cpp_engine import Engine
from app.chat_models.llama_cpp_grammar import Grammar
from app.chat_models.llama_cpp_native import EngineError, Pace, Weights
from app.chat_models.llama_cpp_sections import Prompt, PromptPart
from app.chat_models.manifest import starter_model
from tests.fakes.answering import PUMPS, make_passage

CODE = 'git push --force <branch> "é\\n"\n\tdone # {x}'
PASSAGES = [make_passage(), make_passage(f"{PUMPS}\n\nRun:\n\n```bash\n{CODE}\n```\n", title="Pumps")]


@pytest.fixture(scope="module")
def weights() -> Iterator[Weights]:
    """The starter model's vocabulary."""
    loaded = Weights(starter_model().path(), gpu_layers=0)
    yield loaded
    loaded.close()


def fits(weights: Weights, text: str) -> bool:
    """May an answer be this, and end here?"""
    grammar = Grammar(weights, output_grammar(PASSAGES, most_sentences=3))
    try:
        return all(
            grammar.pick(_only(weights, token)) == token
            for token in [*weights.tokens_of(text, is_template=False), weights.end_token]
        )
    finally:
        grammar.close()


def _only(weights: Weights, token: int) -> np.ndarray:
    """Logits that speak for one token; where it does not fit, some other is taken."""
    logits = np.zeros(weights.token_count, dtype=np.float32)
    logits[token] = 1.0
    return logits


@pytest.mark.parametrize(
    "text",
    [
        "Staff get 26 days. [1]",
        "Staff get 26 days [1]. Ask a.b@example.com at 10:30! [2]",
        "The file is setup.cfg, under Settings > Keys; the limit is 3.5 (at most).",
        "- One thing\n- Another thing.",
        "Do this:\n1. Stop the pump. [2]\n2. Run `git push | cat`.",
        f"Run this:\n```bash\n{CODE}\n```",
        "Not found.",
        "Section [1]\n\nStaff get 26 days [1] of leave.",
        "Zażółć gęślą jaźń. 五年です.",
    ],
)
def test_sentences_lists_marks_and_copied_code_may_be_written(weights: Weights, text: str) -> None:
    assert fits(weights, text)


@pytest.mark.parametrize(
    "text",
    [
        "See [3].",
        "See https://evil.test/x.",
        "See `curl https://evil.test/x`.",
        "See [this](evil.test).",
        "![pixel](evil.test).",
        "An <b>order</b>.",
        "<|im_end|>.",
        "Hear, @channel!",
        "{{answer}}.",
        "| a | b |\n",
        "# Heading.",
        "```bash\ngit push --force main\n```",
        "It has no end",
        "One. Two. Three. Four.",
    ],
)
def test_links_tags_pings_templates_other_code_and_half_sentences_may_not(weights: Weights, text: str) -> None:
    assert not fits(weights, text)


def test_the_model_is_held_to_it_and_writes_the_same_as_before_where_that_fits(weights: Weights) -> None:
    text = "<|im_start|>user\nThe pump stops at two metres. When does the pump stop?<|im_end|>\n<|im_start|>assistant\n"
    prompt = Prompt(tenant="t", parts=(PromptPart(tokens=tuple(weights.tokens_of(text, is_template=True))),))
    engine = Engine(weights, context_tokens=512, parallel=2, pace=Pace(threads=1))
    engine.start(1, prompt, max_tokens=40)
    engine.start(2, prompt, max_tokens=40, grammar='root ::= "The" [a-z0-9 ]+ "."')
    engine.start(3, prompt, max_tokens=40, grammar='root ::= "Yes" | "No"')
    written = {1: "", 2: "", 3: ""}
    while not engine.is_idle:
        for progress in engine.step():
            written[progress.number] += progress.text
    assert written[1].startswith("The pump")
    assert written[2] == written[1].partition(".")[0] + "."
    assert written[3] in {"Yes", "No"}


def test_a_grammar_that_cannot_be_read_is_an_error_and_the_engine_goes_on(weights: Weights) -> None:
    engine = Engine(weights, context_tokens=512, parallel=1, pace=Pace(threads=1))
    prompt = Prompt(tenant="t", parts=(PromptPart(tokens=tuple(weights.tokens_of("Hello", is_template=False))),))
    with pytest.raises(EngineError, match="grammar"):
        engine.start(1, prompt, max_tokens=4, grammar="root ::= (")
    assert engine.is_idle
