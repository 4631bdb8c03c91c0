"""`footnote init`: what it writes can be read again, and says what is meant."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.cli import app
from app.settings import Settings
from kb.errors import ConfigError
from kb.settings import load_settings


def run_init(home: Path, *words: str) -> str:
    """Its output. Raises what the command raises."""
    done = CliRunner().invoke(app, ["--config", str(home / "footnote.toml"), "init", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def written(home: Path) -> Settings:
    return load_settings(Settings, home / "footnote.toml")


@pytest.mark.parametrize("name", ["docs", "our docs", 'a"quoted" name', "zażółć", "back\\slash"])
def test_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    run_init(tmp_path, str(tmp_path / name), "--audience", "group:staff", "--audience", "ann@acme.test")
    (source,) = written(tmp_path).sources
    assert (source.kind, source.audience) == ("folder", ("group:staff", "ann@acme.test"))
    assert Path(source.plugin_values["path"]) == tmp_path / name


def test_a_folder_below_the_file_moves_with_it(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    run_init(tmp_path, str(tmp_path / "docs"))
    assert 'path = "./docs"' in (tmp_path / "footnote.toml").read_text()


def test_a_confluence_site(tmp_path: Path) -> None:
    said = run_init(tmp_path, "https://acme.atlassian.net", "--email", "bot@acme.test", "--space", "ENG")
    (source,) = written(tmp_path).sources
    assert source.plugin_values == {
        "url": "https://acme.atlassian.net",
        "deployment": "cloud",
        "email": "bot@acme.test",
        "spaces": ["ENG"],
    }
    assert "FOOTNOTE_WIKI_TOKEN" in said


def test_a_confluence_site_of_ones_own(tmp_path: Path) -> None:
    run_init(tmp_path, "https://wiki.acme.test")
    (source,) = written(tmp_path).sources
    assert source.plugin_values["deployment"] == "datacenter"


def test_a_notion_workspace(tmp_path: Path) -> None:
    said = run_init(tmp_path, "notion", "--audience", "group:staff")
    (source,) = written(tmp_path).sources
    assert (source.kind, source.audience) == ("notion", ("group:staff",))
    assert "FOOTNOTE_NOTION_TOKEN" in said


def test_every_line_of_the_file_is_explained_or_plain(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    run_init(tmp_path, str(tmp_path / "docs"))
    text = (tmp_path / "footnote.toml").read_text()
    assert text.startswith("# Footnote's configuration.")
    assert "docs/configuration.md" in text


def test_a_file_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "footnote.toml").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        run_init(tmp_path, str(tmp_path / "docs"))
    assert (tmp_path / "footnote.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "is no folder"),
        ([], "docs is no folder"),
        (["acme.atlassian.net"], "is no folder"),
    ],
)
def test_a_place_that_is_none_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=said):
        run_init(tmp_path, *words)
    assert not (tmp_path / "footnote.toml").exists()


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    with pytest.raises(ConfigError, match="cannot write"):
        run_init(tmp_path / "missing", str(tmp_path / "docs"))


ANSWERS = {"folder": ["docs"], "notion": ["Notion "], "confluence": ["https://acme.atlassian.net", "bot@acme.test"]}


@pytest.mark.parametrize("kind", ANSWERS)
def test_on_a_terminal_it_asks_for_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    left = list(ANSWERS[kind])
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(typer, "prompt", lambda text, default=None: left.pop(0))
    monkeypatch.setattr("app.cli.starting.sys", Terminal)
    run_init(tmp_path)
    assert written(tmp_path).sources[0].kind == kind
    assert left == []


class Terminal:
    """A `sys` whose input is a person's."""

    class stdin:  # the module's own name
        """Standard input."""

        @staticmethod
        def isatty() -> bool:
            """It is one."""
            return True
