"""Plugins: found by their file's name, refused with the choices, configured with the setting named."""

import pytest

from kb.errors import ConfigError
from kb.plugins import available, configure, load


@pytest.mark.parametrize(
    ("package", "least"),
    [
        ("kb.embedders", {"hashing", "openai", "sentence_transformers"}),
        ("kb.index", {"edge", "memory", "server"}),
        ("app.chat_models", {"llama_cpp", "openai", "scripted"}),
        ("ingest.connectors", {"folder"}),
        ("app.checkers", {"cross_encoder"}),
    ],
)
def test_every_plugin_is_found_and_no_part_of_one(package: str, least: set[str]) -> None:
    found = set(available(package))
    assert least <= found
    assert not {name for name in found if name == "base" or any(name.startswith(f"{kind}_") for kind in least)}


@pytest.mark.parametrize(
    "package", ["kb.embedders", "kb.index", "app.chat_models", "app.checkers", "ingest.connectors"]
)
def test_every_plugin_describes_every_setting_and_can_be_built(package: str) -> None:
    for kind in available(package):
        plugin = load(package, kind)
        assert callable(plugin.build)
        undescribed = [name for name, setting in plugin.Config.model_fields.items() if not setting.description]
        assert undescribed == [], f"{package}.{kind}"


@pytest.mark.parametrize("kind", ["clippy", "base", "_private", "", "llama_cpp_worker", "manifest", "../openai", "os"])
def test_an_unknown_kind_is_refused_with_the_choices(kind: str) -> None:
    with pytest.raises(ConfigError, match=r"chat_models; choose one of llama_cpp, openai, scripted"):
        load("app.chat_models", kind)


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"\[chat_model\]: unknown key 'sais'; known keys: context_tokens, fails, pause_seconds, says"
    ):
        configure(load("app.chat_models", "scripted"), {"sais": "hello"}, where="[chat_model]")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\[chat_model\]: 'base_url' is required"):
        configure(load("app.chat_models", "openai"), {"model": "tiny"}, where="[chat_model]")


def test_a_bad_value_is_named_and_never_repeated() -> None:
    with pytest.raises(ConfigError) as refused:
        configure(load("app.chat_models", "llama_cpp"), {"threads": "s3cret"}, where="[chat_model]")
    assert "'threads'" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_plugins_secret_is_not_in_its_configs_repr() -> None:
    values = {"base_url": "http://127.0.0.1/v1", "model": "tiny", "api_key": "s3cret"}
    config = configure(load("app.chat_models", "openai"), values, where="[chat_model]")
    assert "s3cret" not in repr(config)
    assert "s3cret" not in config.model_dump_json()
