"""Settings: where they come from, which mistakes are named, and that no secret is ever shown."""

from pathlib import Path

import pytest

from app.settings import Settings
from ingest.settings import connector_config
from kb.errors import ConfigError
from kb.plugins import load
from kb.settings import STARS, SourceTable, load_settings, masked

SECRET = "s3cret-value-7319"


def write_config(tmp_path: Path, text: str = "") -> Path:
    path = tmp_path / "footnote.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(tmp_path: Path, text: str = "") -> Settings:
    return load_settings(Settings, write_config(tmp_path, text))


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    return str(refused.value)


def test_an_empty_file_gives_the_documented_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert (settings.index.kind, settings.embedder.kind, settings.chat_model.kind) == (
        "edge",
        "sentence_transformers",
        "llama_cpp",
    )
    assert (settings.answering.mode, settings.answering.sections) == ("grounded", 5)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_SERVER__PORT", "9001")
    settings = read(tmp_path, '[server]\nport = 9000\nhost = "::1"\n')
    assert (settings.server.port, settings.server.host) == (9001, "::1")


def test_the_command_line_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(tmp_path / "from-environment"))
    settings = load_settings(Settings, write_config(tmp_path), data_dir=tmp_path / "from-command-line")
    assert settings.data_dir == tmp_path / "from-command-line"


def test_relative_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.gguf").touch()
    settings = read(
        tmp_path,
        'data_dir = "store"\n[chat_model]\nmodel = "models/tiny.gguf"\n'
        '[[sources]]\nid = "docs"\nkind = "folder"\npath = "./docs"\n',
    )
    assert settings.data_dir == tmp_path / "store"
    assert settings.sources[0].plugin_values["path"] == str(tmp_path / "docs")
    assert settings.chat_model.plugin_values["model"] == str(tmp_path / "models" / "tiny.gguf")


def test_a_models_name_is_left_alone(tmp_path: Path) -> None:
    settings = read(tmp_path, '[embedder]\nmodel = "acme/tiny-embedder"\n')
    assert settings.embedder.plugin_values["model"] == "acme/tiny-embedder"


def test_a_home_directory_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert read(tmp_path, 'data_dir = "~/footnote"').data_dir == tmp_path / "home" / "footnote"


def test_a_missing_file_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no .*footnote\.toml: run `footnote init`"):
        load_settings(Settings, tmp_path / "footnote.toml")


def test_a_file_that_is_no_toml_is_said_with_its_line(tmp_path: Path) -> None:
    assert "line 1" in refusal(tmp_path, "data_dir = \n")


def test_a_file_that_is_not_text_is_said(tmp_path: Path) -> None:
    path = tmp_path / "footnote.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_settings(Settings, path)


def test_a_directory_in_the_files_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_settings(Settings, tmp_path)


@pytest.mark.parametrize(
    ("text", "unknown", "known"),
    [
        ("prot = 1", "'prot'", "data_dir"),
        ("[server]\nprot = 1", "'prot'", "host, max_question_bytes, notice_seconds, port"),
        ("[answering]\nsection = 1", "'section'", "sections"),
    ],
)
def test_an_unknown_key_is_named_beside_the_known_ones(tmp_path: Path, text: str, unknown: str, known: str) -> None:
    message = refusal(tmp_path, text)
    assert unknown in message
    assert known in message
    assert "footnote.toml" in message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[server]\nport = 70000", "server.port"),
        ("[server]\npublic_url = 'javascript:alert(1)'", "server.public_url"),
        ('[answering]\nmode = "bold"', "answering.mode"),
        ("tenant = ''", "tenant"),
        ('[[sources]]\nid = "Docs"\nkind = "folder"', "id"),
        ('[[sources]]\nid = "a"\nkind = "folder"\n[[sources]]\nid = "a"\nkind = "folder"', "'a'"),
        ('[[sources]]\nid = "a"', "kind"),
    ],
)
def test_a_bad_value_is_named_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    message = refusal(tmp_path, text)
    assert named in message
    assert "\n" not in message


def test_a_refused_value_is_never_repeated(tmp_path: Path) -> None:
    assert SECRET not in refusal(tmp_path, f'[server]\nport = "{SECRET}"')


def test_a_list_that_the_environment_spells_wrong_is_a_line_and_not_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTE_SOURCES", f"not json {SECRET}")
    message = refusal(tmp_path, "")
    assert "sources" in message
    assert SECRET not in message


def test_a_sources_token_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_OUR_WIKI_TOKEN", SECRET)
    (source,) = read(tmp_path, '[[sources]]\nid = "our-wiki"\nkind = "folder"\n').sources
    assert source.token is not None
    assert source.token.get_secret_value() == SECRET


def test_a_sources_token_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    monkeypatch.setenv("FOOTNOTE_WIKI_TOKEN_FILE", str(tmp_path / "token"))
    (source,) = read(tmp_path, '[[sources]]\nid = "wiki"\nkind = "folder"\n').sources
    assert source.token is not None
    assert source.token.get_secret_value() == SECRET


def test_any_tables_key_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(SECRET)
    monkeypatch.setenv("FOOTNOTE_CHAT_MODEL__API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("FOOTNOTE_CATALOGUE__URL_FILE", str(tmp_path / "key"))
    settings = read(tmp_path, '[chat_model]\nkind = "openai"\n')
    assert settings.chat_model.plugin_values["api_key"] == SECRET
    assert settings.catalogue_url == SECRET


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_secret_file_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    monkeypatch.setenv("FOOTNOTE_WIKI_TOKEN_FILE", str(tmp_path / "token"))
    assert "FOOTNOTE_WIKI_TOKEN_FILE" in refusal(tmp_path, '[[sources]]\nid = "wiki"\nkind = "folder"\n')


def secretive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a secret in every place that can hold one."""
    monkeypatch.setenv("FOOTNOTE_WIKI_TOKEN", SECRET)
    monkeypatch.setenv("FOOTNOTE_CHAT_MODEL__API_KEY", SECRET)
    monkeypatch.setenv("FOOTNOTE_CATALOGUE__URL", f"postgresql+psycopg://footnote:{SECRET}@db/footnote")
    return read(
        tmp_path,
        f'[index]\nkind = "server"\nurl = "http://user:{SECRET}@qdrant:6333"\n'
        f'[chat_model.headers]\nAuthorization = "Bearer {SECRET}"\n'
        f'[[sources]]\nid = "wiki"\nkind = "folder"\npassword = "{SECRET}"\n',
    )


def test_no_secret_is_in_the_masked_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = str(secretive(tmp_path, monkeypatch).masked())
    assert SECRET not in shown
    assert shown.count(STARS) == 6


def test_no_secret_is_in_the_repr_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = secretive(tmp_path, monkeypatch)
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)


def test_a_number_of_tokens_is_no_secret() -> None:
    assert masked("prompt_tokens", 1200) == 1200
    assert masked("access_token", "abc") == STARS


def test_links_start_at_the_public_address_or_at_where_the_server_is(tmp_path: Path) -> None:
    assert read(tmp_path).server.link_base == "http://127.0.0.1:8080"
    assert read(tmp_path, '[server]\nhost = "::1"').server.link_base == "http://[::1]:8080"
    assert read(tmp_path, '[server]\nhost = "0.0.0.0"').server.link_base == "http://localhost:8080"
    public = read(tmp_path, '[server]\npublic_url = "https://ask.example.com/"')
    assert public.server.link_base == "https://ask.example.com"


def test_a_connector_gets_its_own_keys_and_the_common_ones_it_declares() -> None:
    source = SourceTable.model_validate(
        {"id": "docs", "kind": "folder", "path": "/docs", "audience": ["everyone"], "requests_per_second": 2}
    )
    config = connector_config(source, load("ingest.connectors", "folder"))
    assert config.model_dump()["audience"] == ("everyone",)
    assert "requests_per_second" not in config.model_dump()


def test_a_connectors_unknown_key_is_named_with_its_source() -> None:
    source = SourceTable.model_validate({"id": "docs", "kind": "folder", "pth": "/docs", "audience": ["everyone"]})
    with pytest.raises(ConfigError, match=r"\[\[sources\]\] docs: .*'p"):
        connector_config(source, load("ingest.connectors", "folder"))
