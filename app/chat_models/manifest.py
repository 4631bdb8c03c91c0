"""The manifest: models known by name with their digests, and chat templates as pieces around untrusted text."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from app.chat_models.base import ChatMessage
from kb.errors import ConfigError

STARTER = "starter"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPiece:
    """A stretch of a prompt. Only a template's own pieces may hold special tokens; all other text is just text.

    `revision_id`: of a section that the chat model may remember; empty: of a label, which is nobody's.
    """

    text: str
    is_template: bool
    revision_id: str | None = None


class ChatTemplate(BaseModel):
    """What stands before and after each role's text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begin: str
    system: tuple[str, str]
    user: tuple[str, str]
    assistant: tuple[str, str]

    def render(self, messages: Sequence[ChatMessage]) -> list[PromptPiece]:
        """The prompt, ending where the assistant's answer begins."""
        pieces = [PromptPiece(text=self.begin, is_template=True)]
        for message in messages:
            before, after = {"system": self.system, "user": self.user, "assistant": self.assistant}[message.role]
            pieces += [
                PromptPiece(text=before, is_template=True),
                *_pieces_of(message),
                PromptPiece(text=after, is_template=True),
            ]
        pieces.append(PromptPiece(text=self.assistant[0], is_template=True))
        return [piece for piece in pieces if piece.text]


def _pieces_of(message: ChatMessage) -> list[PromptPiece]:
    """The text, cut where labels and sections begin and end."""
    pieces: list[PromptPiece] = []
    place = 0
    for section in message.sections:
        pieces += [
            PromptPiece(text=message.text[place : section.label_start], is_template=False),
            PromptPiece(text=message.text[section.label_start : section.start], is_template=False, revision_id=""),
            PromptPiece(
                text=message.text[section.start : section.end], is_template=False, revision_id=section.revision_id
            ),
        ]
        place = section.end
    return [*pieces, PromptPiece(text=message.text[place:], is_template=False)]


class KnownModel(BaseModel):
    """A model that comes as a Python package."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    package: str
    file: str
    bytes: int
    sha256: str
    license: str
    template: str

    def path(self) -> Path:
        """Where its file is installed. Raises ConfigError."""
        # The package's own code is not run: only its file is wanted.
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise ConfigError(
                "the starter chat model is not installed: pip install 'footnote-kb[starter]', or set [chat_model] model"
            )
        return Path(spec.origin).parent / self.file


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    starter: KnownModel
    templates: dict[str, ChatTemplate]


def starter_model() -> KnownModel:
    """The model that Footnote comes with."""
    return _read().starter


def chat_template(name: str) -> ChatTemplate:
    """The template called `name`. Raises ConfigError."""
    templates = _read().templates
    if name not in templates:
        raise ConfigError(f"[chat_model] template: no {name!r}; choose one of {', '.join(sorted(templates))}")
    return templates[name]


def _read() -> _Manifest:
    text = (files("app.chat_models") / "models.toml").read_text(encoding="utf-8")
    return _Manifest.model_validate(tomllib.loads(text))
