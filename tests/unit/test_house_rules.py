"""The rules of the house that no linter knows: sizes, SDK borders, and words that do not belong."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 300
MOST_FUNCTION_LINES = 50
# Each vendor's SDK is imported in one place; the globs are relative to the repository.
SDK_BORDERS = {
    "qdrant_client": ("kb/index/server.py",),
    "qdrant_edge": ("kb/index/edge*.py",),
    "llama_cpp": ("app/chat_models/llama_cpp*.py",),
    "sentence_transformers": ("kb/embedders/sentence_transformers*.py", "app/rerankers/cross_encoder.py"),
    "torch": ("kb/embedders/sentence_transformers*.py",),
    "httpx": ("kb/http.py", "kb/index/server.py", "ingest/connectors/notion*.py"),
    "notion_client": ("ingest/connectors/notion*.py",),
    "bs4": ("ingest/parsing/*.py",),
    "slack_bolt": ("app/channels/slack*.py",),
    "slack_sdk": ("app/channels/slack*.py",),
    "aiohttp": ("app/channels/slack*.py",),
}
REFUSED_NAMES = set("data info item obj ctx manager helper util common base_service handler process misc".split())


def tracked(*suffixes: str) -> list[Path]:
    """The files of the working tree that git would hold."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if name.endswith(suffixes) and (ROOT / name).is_file()]


PRODUCT = [path for path in tracked(".py") if path.relative_to(ROOT).parts[0] in {"kb", "ingest", "app", "bench"}]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", tracked(".py"), ids=name_of)
def test_no_file_is_over_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_no_function_is_over_50_lines(path: Path) -> None:
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions(path) if node.end_lineno}
    assert {name: size for name, size in long.items() if size > MOST_FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_every_file_says_first_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text or ast.get_docstring(ast.parse(text)), "the first line is a docstring"


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_no_refused_name_is_defined(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    # A field of a foreign JSON object keeps its name.
    foreign = {
        statement.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name.startswith("_")
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }
    assert ((defined | stored | arguments) & REFUSED_NAMES) - foreign == set()


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_a_vendors_sdk_is_imported_in_its_own_file_only(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {
        node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }
    for sdk in imported & SDK_BORDERS.keys():
        if not name_of(path).startswith("bench/"):
            assert any(path.relative_to(ROOT).match(place) for place in SDK_BORDERS[sdk]), f"{sdk} in {name_of(path)}"


@pytest.mark.parametrize("path", tracked(".py"), ids=name_of)
def test_the_environment_is_read_in_the_settings_alone(path: Path) -> None:
    if path.relative_to(ROOT).parts[0] not in {"kb", "ingest", "app"} or path.name == "settings.py":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    reads = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "environ"]
    # A child process may be handed an environment; nothing is looked up in it.
    assert all(f"{read}.get" not in path.read_text() and f"{read}[" not in path.read_text() for read in reads)


def test_no_marker_of_unfinished_work_is_left() -> None:
    marker = re.compile(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b")
    here = Path(__file__).name
    left = [
        name_of(path)
        for path in tracked(".py", ".js", ".toml")
        if path.name != here and marker.search(path.read_text())
    ]
    assert left == []
