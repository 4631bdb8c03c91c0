"""Models that were added: measured once, found by name, refused when a byte was changed."""

import struct
from pathlib import Path

import httpx
import pytest

from app.chat_models import llama_cpp
from app.chat_models.gguf import NotGguf, read_facts
from app.chat_models.model_lock import add_model, fetch_model, read_lock, verify_model
from kb.errors import ConfigError, ModelError
from kb.http import HttpClients


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def make_gguf(path: Path, *, template: str = "{{ '<|im_start|>' }}") -> Path:
    """The head of a GGUF file and some bytes of weights."""
    strings = {
        "general.architecture": "llama",
        "general.name": "Tiny",
        "general.license": "mit",
        "tokenizer.chat_template": template,
    }
    head = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in strings.items())
    head += text("llama.context_length") + struct.pack("<II", 4, 2048)
    head += text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b")
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 6) + head + bytes(64))
    return path


def test_a_file_is_added_with_what_it_says_and_what_it_measures(tmp_path: Path) -> None:
    entry = add_model(tmp_path, make_gguf(tmp_path / "Tiny-Q4.gguf"), source="here", name=None, template=None)
    assert (entry.name, entry.license, entry.template, entry.context_tokens) == ("tiny-q4", "mit", "chatml", 2048)
    assert read_lock(tmp_path) == [entry]


def test_an_added_model_is_found_by_its_name_and_pinned(tmp_path: Path) -> None:
    entry = add_model(tmp_path, make_gguf(tmp_path / "m.gguf"), source="here", name="tiny", template=None)
    found = llama_cpp.locate(llama_cpp.Config(model="tiny"), models=tmp_path)
    assert (found.path, found.sha256) == (tmp_path / "m.gguf", entry.sha256)


def test_one_changed_byte_is_found_and_the_file_named(tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "m.gguf")
    entry = add_model(tmp_path, path, source="here", name=None, template=None)
    assert verify_model(entry) is None
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "m.gguf was changed" in (verify_model(entry) or "")


def test_adding_again_replaces_the_entry(tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "m.gguf")
    add_model(tmp_path, path, source="here", name=None, template=None)
    path.write_bytes(path.read_bytes() + b"more")
    again = add_model(tmp_path, path, source="here", name=None, template="llama3")
    assert read_lock(tmp_path) == [again]


def test_names_and_paths_with_quotes_come_back_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / 'a "b" ü\\'
    folder.mkdir()
    entry = add_model(tmp_path, make_gguf(folder / "m.gguf"), source="here", name=None, template=None)
    assert read_lock(tmp_path) == [entry]


@pytest.mark.parametrize("name", ["starter", "../up", "Big Name", ""])
def test_a_name_that_would_confuse_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        add_model(
            tmp_path, make_gguf(tmp_path / f"{name.strip('./') or '-'}.gguf"), source="", name=name, template=None
        )


def test_a_file_that_does_not_tell_its_template_needs_to_be_told(tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "m.gguf", template="nothing known")
    with pytest.raises(ConfigError, match="--template"):
        add_model(tmp_path, path, source="here", name=None, template=None)
    assert add_model(tmp_path, path, source="here", name=None, template="gemma").template == "gemma"


@pytest.mark.parametrize("length", [0, 3, 10, 24, 40, 90, 200])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, length: int) -> None:
    path = make_gguf(tmp_path / "m.gguf")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(NotGguf):
        read_facts(path)


def test_a_file_that_claims_endless_lists_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 8, 1 << 60))
    with pytest.raises(NotGguf, match="too long"):
        read_facts(path)


def test_a_damaged_lock_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text("[[models]]\nname = 3")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_lock(tmp_path)


def files_of(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


def make_http(answer: httpx.Response) -> HttpClients:
    async def no_pause(seconds: float) -> None:
        """Retries do not wait in tests."""

    return HttpClients(transport=httpx.MockTransport(lambda request: answer), sleep=no_pause)


async def test_a_model_is_fetched_from_its_address(tmp_path: Path) -> None:
    content = make_gguf(tmp_path / "source").read_bytes()
    http = make_http(httpx.Response(200, content=content))
    path = await fetch_model(tmp_path / "models", "https://models.example/a/Tiny.gguf?rev=1", http=http)
    assert path == tmp_path / "models" / "tiny.gguf"
    assert path.read_bytes() == content


async def test_a_file_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        await fetch_model(tmp_path, "https://models.example/tiny.gguf", http=make_http(httpx.Response(404)))
    assert files_of(tmp_path) == []
