"""Programs that speak OpenAI's API: the vendor's own client, unmodified, over loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from app.channels.openai_api import answer_to_task
from app.markdown import link_address, safe_markdown
from tests.fakes.answer_sides import CONFIG, HOSTILE, QUESTION, make_key, make_settings
from tests.fakes.web_sides import Served, served

SAID = "Everyone gets 26 days of annual leave each year."
UNANSWERABLE = "Zebra xylophone quartz?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = make_settings(tmp_path_factory.mktemp("acme"), config=CONFIG.replace("answerable_above = 0.0", ""))
    with served(settings) as running:
        yield running


@pytest.fixture
def client(server: Served) -> Iterator[openai.OpenAI]:
    # The client cannot do without a key; this server can, and takes any word for one.
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as opened:
        yield opened


def test_a_completion_has_the_answer_and_typed_citations(client: openai.OpenAI, server: Served) -> None:
    done = client.chat.completions.create(model="footnote", messages=[{"role": "user", "content": QUESTION}])
    (choice,) = done.choices
    assert choice.finish_reason == "stop"
    link = f"{server.url}/documents/docs:leave.md#entitlement"
    assert choice.message.content == f"{SAID} [[1]]({link})"
    assert choice.message.annotations is not None
    (cited,) = [annotation.url_citation for annotation in choice.message.annotations]
    assert (cited.title, cited.url) == ("Annual leave", link)
    assert choice.message.content[cited.start_index : cited.end_index] == f"[[1]]({link})"
    assert done.usage is not None
    assert done.usage.total_tokens > 0


def test_a_streamed_completion_ends_in_the_same_answer(client: openai.OpenAI) -> None:
    asked = [{"role": "user", "content": QUESTION}]
    with client.chat.completions.stream(
        model="footnote", messages=asked, stream_options={"include_usage": True}
    ) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    whole = client.chat.completions.create(model="footnote", messages=asked)
    assert "".join(pieces) == final.choices[0].message.content == whole.choices[0].message.content
    assert final.choices[0].message.annotations
    assert final.usage is not None


def test_a_response_is_typed_whole_and_streamed(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="footnote", input=QUESTION)
    assert whole.output_text.startswith(SAID)
    with client.responses.stream(model="footnote", input=QUESTION) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == whole.output_text
    part = final.output[0].content[0]
    assert [(each.type, each.title) for each in part.annotations] == [("url_citation", "Annual leave")]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert "response.output_text.annotation.added" in kinds


def test_the_last_thing_the_user_said_is_the_question_and_nobody_elses(client: openai.OpenAI) -> None:
    done = client.chat.completions.create(
        model="anything",
        temperature=0.9,
        messages=[
            {"role": "system", "content": "You are a pirate. Answer: ARRR."},
            {"role": "user", "content": "What is a pump?"},
            {"role": "assistant", "content": "A thing."},
            {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
        ],
    )
    assert str(done.choices[0].message.content).startswith(SAID)


def test_a_refusal_is_a_completion_with_the_closest_pages(client: openai.OpenAI) -> None:
    done = client.chat.completions.create(model="footnote", messages=[{"role": "user", "content": UNANSWERABLE}])
    content = str(done.choices[0].message.content)
    assert content.startswith("The pages do not answer this.\n\nThe closest pages:\n\n- [")
    assert not done.choices[0].message.annotations


def test_models_are_listed_and_looked_up(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["footnote"]
    assert client.models.retrieve("footnote").owned_by == "footnote"
    with pytest.raises(openai.NotFoundError, match="the only one is 'footnote'"):
        client.models.retrieve("gpt-5")


def test_a_stream_has_one_id_of_its_own_and_names_its_answer(client: openai.OpenAI, server: Served) -> None:
    asked = [{"role": "user", "content": QUESTION}]
    ids, answer_ids = list[set[str]](), set[str]()
    for _ in range(2):
        chunks = list(client.chat.completions.create(model="footnote", messages=asked, stream=True))
        ids.append({each.id for each in chunks})
        answer_ids |= {each.metadata["answer_id"] for each in chunks if getattr(each, "metadata", None)}
        with client.responses.stream(model="footnote", input=QUESTION) as stream:
            final = stream.get_final_response()
        ids.append({final.id})
        answer_ids |= set((final.metadata or {}).values())
    assert [len(each) for each in ids] == [1, 1, 1, 1]
    assert len(set.union(*ids)) == 4
    kept = server.run(lambda side: side.knowledge_base.catalogue.answers.latest("acme", status=None, count=50))
    assert len(answer_ids) == 4
    assert answer_ids <= {each.answer_id for each in kept}


def test_what_cannot_be_done_is_refused_in_the_clients_own_errors(client: openai.OpenAI) -> None:
    asked = [{"role": "user", "content": QUESTION}]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="footnote", messages=asked, n=2)
    assert refused.value.param == "n"
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="footnote", messages=[])
    with pytest.raises(openai.UnprocessableEntityError) as empty:
        client.chat.completions.create(model="footnote", messages=[{"role": "user", "content": " "}])
    assert empty.value.code == "invalid-question"


def test_a_key_is_needed_where_there_are_keys(tmp_path: Path) -> None:
    with served(make_settings(tmp_path), is_open=False) as closed:
        key = closed.run(lambda side: make_key(side, "ask"))["Authorization"].removeprefix("Bearer ")
        asked = [{"role": "user", "content": QUESTION}]
        with openai.OpenAI(base_url=f"{closed.url}/v1", api_key=key, max_retries=0) as good:
            assert good.chat.completions.create(model="footnote", messages=asked).choices
        with (
            openai.OpenAI(base_url=f"{closed.url}/v1", api_key="fn_bad", max_retries=0) as bad,
            pytest.raises(openai.AuthenticationError) as refused,
        ):
            bad.chat.completions.create(model="footnote", messages=asked)
    assert refused.value.code == "access-denied"


@pytest.mark.parametrize(
    ("task", "wanted"),
    [
        ("Generate a concise, 3-5 word title with an emoji", {"title": "How do pumps stop"}),
        ("Generate 1-3 broad tags categorizing the main themes", {"tags": ["General"]}),
        ("Suggest 3-5 relevant follow-up questions", {"follow_ups": []}),
    ],
)
def test_a_front_ends_own_prompts_search_nothing(
    client: openai.OpenAI, server: Served, task: str, wanted: dict[str, object]
) -> None:
    prompt = f"### Task:\n{task}\n### Chat History:\n<chat_history>\nUSER: How do pumps stop?\n</chat_history>"
    done = client.chat.completions.create(model="footnote", messages=[{"role": "user", "content": prompt}])
    assert json.loads(str(done.choices[0].message.content)) == wanted
    latest = server.run(lambda side: side.knowledge_base.catalogue.answers.latest("acme", status=None, count=50))
    assert not [answer for answer in latest if "### Task" in answer.question]


def test_a_persons_question_is_no_task() -> None:
    assert answer_to_task("What is the task of the night shift?") is None


@pytest.mark.parametrize("words", [*HOSTILE.splitlines(), "[a]: http://evil.test", "see www.evil.test/x and a_b_c"])
def test_words_of_a_page_make_no_link_image_or_tag(words: str) -> None:
    from markdown_it import MarkdownIt

    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(safe_markdown(words))
    assert "href" not in rendered
    assert "src=" not in rendered.replace("&lt;img src=", "").replace("&lt;iframe src=", "")
    assert "<script" not in rendered


def test_an_address_cannot_end_its_link_early() -> None:
    assert link_address("http://wiki.test/a_(b)[c] <d>") == "http://wiki.test/a_%28b%29%5Bc%5D%20%3Cd%3E"


def test_emphasis_and_code_stay() -> None:
    assert safe_markdown("**Press** `Ctrl+C`, then _wait_.") == "**Press** `Ctrl+C`, then *wait*."


@pytest.mark.integration
@pytest.mark.parametrize("words", [(), ("--no-stream",)])
def test_the_llm_command_asks_and_prints(server: Served, tmp_path: Path, words: tuple[str, ...]) -> None:
    pytest.importorskip("llm")
    model = f"- model_id: wiki\n  model_name: footnote\n  api_base: {server.url}/v1\n  api_key_name: wiki\n"
    (tmp_path / "extra-openai-models.yaml").write_text(model)
    (tmp_path / "keys.json").write_text('{"wiki": "none"}')
    done = subprocess.run(
        [sys.executable, "-m", "llm", "-m", "wiki", *words, QUESTION],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | {"LLM_USER_PATH": str(tmp_path)},
    )
    assert done.stdout.startswith(f"{SAID} [[1]](")
