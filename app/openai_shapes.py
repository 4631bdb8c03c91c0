"""The JSON of OpenAI's chat completions and responses: what clients send, and answers in their shapes."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, WithJsonSchema

from app.answering.types import Answer, Citation, Sentence, Turn
from app.contract import Text
from app.markdown import citation_links, closest_list, notice_lines, sentence_markdown

MODEL = "footnote"
NOT_FOUND = "The pages do not answer this."
UNAVAILABLE = "Answers are not available at the moment. Try again soon."
Json = dict[str, Any]  # objects on their way out, in a vendor's shape


def _must_be_no(value: bool) -> bool:
    if value:
        raise ValueError("there are none: leave it out")
    return value


# A number is no word, though Python takes 0 for False.
_No = Annotated[StrictBool, AfterValidator(_must_be_no), WithJsonSchema({"const": False, "type": "boolean"})]


class ContentPart(BaseModel):
    """A piece of a message; pieces that are no text are passed over."""

    type: str
    text: Text = ""


class ChatTurn(BaseModel):
    """A message. What the system and the assistant said is not taken for a question."""

    role: str = "user"
    content: Text | tuple[ContentPart, ...] | None = None

    @property
    def text(self) -> str:
        """All its text."""
        if isinstance(self.content, str) or self.content is None:
            return self.content or ""
        return "\n".join(part.text for part in self.content if part.type in {"text", "input_text"})


class StreamOptions(BaseModel):
    """What a stream tells beside the answer."""

    include_usage: StrictBool = False


class _Asked(BaseModel):
    """What both kinds of request share. Settings of a model that we do not have are passed over."""

    model_config = ConfigDict(extra="ignore")

    model: Text = Field(default=MODEL, max_length=200)
    stream: StrictBool = False
    # Ours: `links` writes [[1]](url) into the text, for clients that show no annotations; `numbers` writes [1].
    citation_style: Literal["links", "numbers"] = "links"


class CompletionsBody(_Asked):
    """`POST /v1/chat/completions`."""

    messages: tuple[ChatTurn, ...] = Field(min_length=1, max_length=1000)
    n: Literal[1] | None = None
    logprobs: _No | None = None
    stream_options: StreamOptions | None = None


class ResponsesBody(_Asked):
    """`POST /v1/responses`."""

    input: Text | tuple[ChatTurn, ...]

    @property
    def messages(self) -> tuple[ChatTurn, ...]:
        """The input as messages."""
        return (ChatTurn(content=self.input),) if isinstance(self.input, str) else self.input


def question_of(messages: Sequence[ChatTurn]) -> str:
    """The last thing the user said."""
    return next((turn.text for turn in reversed(messages) if turn.role == "user" and turn.text.strip()), "")


def earlier_of(messages: Sequence[ChatTurn]) -> tuple[Turn, ...]:
    """What the user said before that, oldest first. What the assistant said is the sender's word, and no source."""
    said = [turn.text for turn in messages if turn.role == "user" and turn.text.strip()]
    return tuple(Turn(question=text) for text in said[:-1])


class Writer:
    """An answer's text piece by piece, and its annotations: where in the text which page is cited."""

    def __init__(self, *, style: Literal["links", "numbers"]) -> None:
        self._has_links = style == "links"
        self._citations: dict[int, Citation] = {}
        self.text = ""
        self.annotations: list[Json] = []

    def sentence(self, sentence: Sentence, new: Sequence[Citation]) -> str:
        """The next piece, with its citations."""
        self._citations |= {citation.number: citation for citation in new}
        piece = ("\n" if self.text else "") + sentence_markdown(sentence)
        cited = [self._citations[number] for number in sentence.citations]
        # A fence ends only where nothing follows on its line.
        gap = "\n" if piece.endswith("```") else " "
        start = len(self.text) + len(piece) + 1
        piece += gap + citation_links(cited, has_links=self._has_links) if cited else ""
        self.text += piece
        self.annotations += [
            {"start_index": start, "end_index": len(self.text), "title": each.title, "url": each.url} for each in cited
        ]
        return piece

    def end(self, answer: Answer) -> str:
        """What is left to say once the answer is done."""
        if answer.status == "answered":
            cited = () if self.text else answer.citations
            return "".join(
                self.sentence(Sentence(text=each.quote, citations=(each.number,)), (each,)) for each in cited
            ) + self._warn(answer)
        words = NOT_FOUND if answer.status == "not_found" else UNAVAILABLE
        self.text = words + closest_list(answer.closest)
        return self.text

    def _warn(self, answer: Answer) -> str:
        """The notices, each a paragraph; after the sentences, so that no annotation moves."""
        warned = notice_lines(answer.notices)
        self.text += warned
        return warned


def usage_of(question: str, text: str) -> Json:
    """Tokens, estimated from the length of the texts: which model counts them differs from answer to answer."""
    asked, answered = len(question) // 4 + 1, len(text) // 4 + 1
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def completion(answer_id: str, model: str, *, text: str, annotations: Sequence[Json], question: str) -> Json:
    """A whole chat completion."""
    message = {
        "role": "assistant",
        "content": text,
        "refusal": None,
        "annotations": [{"type": "url_citation", "url_citation": dict(each)} for each in annotations],
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    about = {"metadata": {"answer_id": answer_id}}
    return _head(answer_id, model, "chat.completion") | {"choices": [choice], "usage": usage_of(question, text)} | about


def chunk(
    stream_id: str, model: str, delta: Json, *, finish: str | None = None, metadata: Mapping[str, str] | None = None
) -> str:
    """One piece of a streamed chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    about = {"metadata": dict(metadata)} if metadata else {}
    return json.dumps(_head(stream_id, model, "chat.completion.chunk") | {"choices": [choice]} | about)


def usage_chunk(answer_id: str, model: str, *, question: str, text: str) -> str:
    """The last piece, for those who want to know the usage."""
    head = _head(answer_id, model, "chat.completion.chunk")
    return json.dumps(head | {"choices": [], "usage": usage_of(question, text)})


def response(
    response_id: str,
    model: str,
    *,
    status: str,
    output: Sequence[Json],
    usage: Json | None,
    metadata: Mapping[str, str] | None = None,
) -> Json:
    """A response, finished or not."""
    return {
        "id": f"resp_{response_id}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "model": model,
        "output": list(output),
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": dict(metadata or {}),
        "parallel_tool_calls": False,
        "temperature": None,
        "tool_choice": "none",
        "tools": [],
        "top_p": None,
        "usage": usage,
    }


def output_message(response_id: str, *, status: str, content: Sequence[Json]) -> Json:
    """The message of a response."""
    return {
        "id": f"msg_{response_id}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": list(content),
    }


def output_text(text: str, annotations: Sequence[Json]) -> Json:
    """The text of a message."""
    cited = [{"type": "url_citation", **each} for each in annotations]
    return {"type": "output_text", "text": text, "annotations": cited, "logprobs": []}


def response_usage(question: str, text: str) -> Json:
    """The usage, in a response's own words."""
    usage = usage_of(question, text)
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage["total_tokens"],
    }


def _head(answer_id: str, model: str, kind: str) -> Json:
    return {"id": f"chatcmpl-{answer_id}", "object": kind, "created": int(time.time()), "model": model}
