"""The rules of the house that no linter knows: sizes, SDK borders, and words that do not belong."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 300
MOST_FUNCTION_LINES = 50
# Each vendor's SDK is imported in one place; the globs are relative to the repository.
SDK_BORDERS = {
    "qdrant_client": ("kb/index/server.py",),
    "qdrant_edge": ("kb/index/edge*.py",),
    "llama_cpp": ("app/chat_models/llama_cpp*.py",),
    "sentence_transformers": (
        "kb/embedders/sentence_transformers*.py",
        "app/rerankers/cross_encoder.py",
        "app/checkers/cross_encoder.py",
    ),
    "torch": ("kb/embedders/sentence_transformers*.py",),
    "httpx": ("kb/http.py", "kb/index/server.py", "ingest/connectors/notion*.py"),
    "notion_client": ("ingest/connectors/notion*.py",),
    "bs4": ("ingest/parsing/*.py",),
    "atlassian": ("ingest/connectors/confluence*.py",),
    "pypdf": ("ingest/parsing/pdf.py",),
    "slack_bolt": ("app/channels/slack*.py",),
    "slack_sdk": ("app/channels/slack*.py",),
    "aiohttp": ("app/channels/slack*.py",),
    "ir_measures": ("app/measures.py",),
    "jwt": ("app/identity*.py",),
    "authlib": ("app/oidc.py",),
    "httpx2": ("app/oidc.py",),
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


PYTHON = tracked(".py")
PRODUCT = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in {"kb", "ingest", "app", "bench"}]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def long_functions(path: Path) -> list[str]:
    found = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [node.name for node in found if node.end_lineno and node.end_lineno - node.lineno >= MOST_FUNCTION_LINES]


def names_defined(path: Path) -> set[str]:
    """Names of functions, classes, variables and arguments; a field of a foreign JSON object keeps its name."""
    nodes = list(ast.walk(parsed(path)))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
    foreign = {
        statement.target.id
        for node in nodes
        if isinstance(node, ast.ClassDef) and node.name.startswith("_")
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }
    return (defined | stored | arguments) - foreign


def packages_imported(path: Path) -> set[str]:
    nodes = list(ast.walk(parsed(path)))
    plain = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module.split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def environment_reads(path: Path) -> list[str]:
    """Look-ups in os.environ; a child process may be handed an environment, in which nothing is looked up."""
    nodes = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Attribute) and node.attr == "environ"]
    reads = {ast.unparse(node) for node in nodes}
    text = path.read_text(encoding="utf-8") if reads else ""
    return [read for read in reads if f"{read}.get" in text or f"{read}[" in text]


def test_no_file_is_over_300_lines() -> None:
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in PYTHON}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


def test_no_function_is_over_50_lines() -> None:
    assert {name_of(path): long for path in PRODUCT if (long := long_functions(path))} == {}


def test_every_file_says_first_what_it_is_for() -> None:
    assert [name_of(path) for path in PRODUCT if parsed(path).body and not ast.get_docstring(parsed(path))] == []


def test_no_refused_name_is_defined() -> None:
    assert {name_of(path): refused for path in PRODUCT if (refused := names_defined(path) & REFUSED_NAMES)} == {}


def test_a_vendors_sdk_is_imported_in_its_own_file_only() -> None:
    strays = [
        f"{sdk} in {name_of(path)}"
        for path in PRODUCT
        if path.relative_to(ROOT).parts[0] != "bench"
        for sdk in packages_imported(path) & SDK_BORDERS.keys()
        if not any(path.relative_to(ROOT).match(place) for place in SDK_BORDERS[sdk])
    ]
    assert strays == []


def test_the_environment_is_read_in_the_settings_alone() -> None:
    own = [path for path in PRODUCT if path.relative_to(ROOT).parts[0] != "bench" and path.name != "settings.py"]
    assert {name_of(path): reads for path in own if (reads := environment_reads(path))} == {}


def test_no_marker_of_unfinished_work_is_left() -> None:
    marker = re.compile(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b")
    here = Path(__file__).name
    left = [
        name_of(path)
        for path in tracked(".py", ".js", ".toml")
        if path.name != here and marker.search(path.read_text())
    ]
    assert left == []
