"""The lock, `data_dir/models/models.toml`: models added on this machine, each with the digest its file must have.

Nothing in it changes by itself: a model is another one only after `footnote models add` again.
"""

import asyncio
import json
import re
import tomllib
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.chat_models.gguf import NotGguf, read_facts
from app.chat_models.manifest import STARTER, chat_template
from app.chat_models.tuning_record import digest_of, written_beside
from kb.errors import ConfigError
from kb.http import HttpClients, HttpFailure, as_model_error

LOCK_NAME = "models.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


class LockedModel(BaseModel):
    """A model's entry. `source`: where its file came from; `context_tokens` 0: the file does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=_NAME.pattern)
    path: str
    source: str
    bytes: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    license: str
    template: str
    context_tokens: int = Field(ge=0)


def read_lock(models: Path) -> Sequence[LockedModel]:
    """The models added so far. Raises ConfigError if the lock was damaged."""
    path = models / LOCK_NAME
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        return [LockedModel.model_validate(entry) for entry in entries.get("models", [])]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, ValidationError) as exc:
        raise ConfigError(f"{path} cannot be read: restore it, or remove it and add the models again") from exc


def locked_model(models: Path, name: str) -> LockedModel | None:
    """The model added under a name. Raises ConfigError if the lock was damaged."""
    return next((each for each in read_lock(models) if each.name == name), None)


def add_model(models: Path, file: Path, *, source: str, name: str | None, template: str | None) -> LockedModel:
    """Measure a file and lock it, in place of an entry of the same name. Raises ConfigError."""
    file = file.expanduser().resolve()
    try:
        facts = read_facts(file)
        entry = LockedModel(
            name=_free_name(name or file.stem.lower()),
            path=str(file),
            source=source,
            bytes=file.stat().st_size,
            sha256=digest_of(file),
            license=facts.license,
            template=_known_template(template or facts.template),
            context_tokens=facts.context_tokens,
        )
        _write(models, [*(each for each in read_lock(models) if each.name != entry.name), entry])
    except NotGguf as exc:
        raise ConfigError(f"{file.name} cannot be added: {exc}") from exc
    except OSError as exc:
        raise ConfigError(f"{file} cannot be added: {exc.strerror}") from exc
    return entry


async def fetch_model(models: Path, url: str, *, http: HttpClients) -> Path:
    """The file at a URL, below the folder of the models; whole or not at all. Raises ConfigError, ModelError."""
    parts = urlsplit(url)
    name = Path(parts.path).name.lower()
    if not name.endswith(".gguf") or not _NAME.fullmatch(name):
        raise ConfigError("the address of a model ends in the name of a .gguf file")
    client = http.open(f"{parts.scheme}://{parts.netloc}", headers={})
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        await asyncio.to_thread(models.mkdir, parents=True, exist_ok=True)
        with written_beside(models / name) as part, part.open("wb") as file:
            async with aclosing(client.stream_bytes(path)) as chunks:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
            file.close()
    except HttpFailure as exc:
        raise as_model_error(exc, what="the server of the model's file") from exc
    except OSError as exc:
        raise ConfigError(f"the file cannot be written to {models}: {exc.strerror}") from exc
    finally:
        await client.close()
    return models / name


def verify_model(entry: LockedModel) -> str | None:
    """None if the file is what it must be, else what is wrong with it."""
    path = Path(entry.path)
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            return f"{path} was changed: {size:,} bytes, expected {entry.bytes:,}"
        found = digest_of(path)
    except OSError as exc:
        return f"{path} cannot be read: {exc.strerror}"
    if found != entry.sha256:
        return f"{path} was changed: sha256 {found[:12]}…, expected {entry.sha256[:12]}…"
    return None


def _free_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name == STARTER:
        raise ConfigError(
            f"a model cannot be called {name!r}: give --name with lower-case letters, digits, `.`, `_`, `-`"
        )
    return name


def _known_template(name: str | None) -> str:
    if name is None:
        raise ConfigError("the file does not tell how it marks turns: give --template (chatml, llama3, gemma or phi3)")
    chat_template(name)
    return name


def _write(models: Path, entries: Sequence[LockedModel]) -> None:
    """JSON's strings and numbers are TOML's too."""
    lines = ["# Written by `footnote models add`. Each file is verified against its digest before it is used."]
    for entry in entries:
        lines.append("\n[[models]]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in entry.model_dump().items()]
    models.mkdir(parents=True, exist_ok=True)
    with written_beside(models / LOCK_NAME) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
