"""What a GGUF file says of itself: name, licence, context and chat template. Read with bounds: the file is foreign."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

Scalar: TypeAlias = str | int | float | bool

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
# Struct formats of the scalar types, by their number in the file.
_SCALARS: Mapping[int, str] = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_MOST_ENTRIES = 10_000
_MOST_STRING_BYTES = 1 << 20
_MOST_ARRAY = 1 << 22
# Marks that only one family's template holds.
_FAMILIES = {
    "<|im_start|>": "chatml",
    "<|start_header_id|>": "llama3",
    "<start_of_turn>": "gemma",
    "<|assistant|>": "phi3",
}


class NotGguf(Exception):
    """The file is no GGUF, or a damaged one; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufFacts:
    """`template`: the name of ours that its own looks like, or None. `context_tokens` 0: it does not say."""

    name: str
    license: str
    template: str | None
    context_tokens: int


def read_facts(path: Path) -> GgufFacts:
    """The facts in a file's head. Raises NotGguf, OSError."""
    with path.open("rb") as file:
        try:
            facts = _read_head(file)
        except (struct.error, UnicodeDecodeError, EOFError) as exc:
            raise NotGguf(f"{path.name} is cut short or damaged") from exc
    kind = str(facts.get("general.architecture", ""))
    own = str(facts.get("tokenizer.chat_template", ""))
    context = facts.get(f"{kind}.context_length", 0)
    return GgufFacts(
        name=str(facts.get("general.name", path.stem)),
        license=str(facts.get("general.license", "unknown")),
        template=next((name for mark, name in _FAMILIES.items() if mark in own), None),
        context_tokens=context if isinstance(context, int) else 0,
    )


def _read_head(file: BinaryIO) -> dict[str, Scalar]:
    if file.read(4) != _MAGIC:
        raise NotGguf("it does not begin like a GGUF file")
    version, _, count = struct.unpack("<IQQ", _take(file, 20))
    if version not in {2, 3} or count > _MOST_ENTRIES:
        raise NotGguf(f"GGUF version {version} with {count} entries is not known")
    facts: dict[str, Scalar] = {}
    for _ in range(count):
        key = _string(file)
        (kind,) = struct.unpack("<I", _take(file, 4))
        if kind == _ARRAY:
            _skip_array(file)
        else:
            facts[key] = _scalar(file, kind)
    return facts


def _scalar(file: BinaryIO, kind: int) -> Scalar:
    if kind == _STRING:
        return _string(file)
    if kind not in _SCALARS:
        raise NotGguf(f"a value of type {kind} is not known")
    form = _SCALARS[kind]
    value: Scalar = struct.unpack(form, _take(file, struct.calcsize(form)))[0]
    return value


def _skip_array(file: BinaryIO) -> None:
    kind, count = struct.unpack("<IQ", _take(file, 12))
    if count > _MOST_ARRAY or kind == _ARRAY:
        raise NotGguf("a list is too long")
    if kind in _SCALARS:
        file.seek(count * struct.calcsize(_SCALARS[kind]), 1)
        return
    for _ in range(count):
        (length,) = struct.unpack("<Q", _take(file, 8))
        if length > _MOST_STRING_BYTES:
            raise NotGguf("a text is too long")
        file.seek(length, 1)


def _string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", _take(file, 8))
    if length > _MOST_STRING_BYTES:
        raise NotGguf("a text is too long")
    return _take(file, length).decode("utf-8")


def _take(file: BinaryIO, count: int) -> bytes:
    taken = file.read(count)
    if len(taken) < count:
        raise EOFError
    return taken
