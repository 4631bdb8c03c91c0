"""MCP by its makers' own packages: the conformance suites of both eras, and the inspector. Fetched by `npx`, with the
Node.js they need; skipped where there is none or nothing can be fetched."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.fakes import npx
from tests.fakes.answer_sides import make_settings
from tests.fakes.web_sides import served

pytest.importorskip("mcp", reason="needs the extra `mcp`")
pytestmark = pytest.mark.integration
NODE = "node@24"
CONFORMANCE = "@modelcontextprotocol/conformance@0.1.16"
CONFORMANCE_2026 = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(make_settings(tmp_path_factory.mktemp("wiki"))) as server:
        yield f"{server.url}/mcp"


def run(package: str, *words: str) -> subprocess.CompletedProcess[str]:
    """What a command of the package says, in the Node.js that it needs."""
    return npx.run(*words, packages=(NODE, package))


@pytest.mark.parametrize("scenario", ["server-initialize", "ping", "tools-list", "dns-rebinding-protection"])
def test_it_conforms_to_the_protocol_of_2025(address: str, scenario: str) -> None:
    done = run(CONFORMANCE, "conformance", "server", "--url", address, "--scenario", scenario)
    assert done.returncode == 0, done.stdout
    assert ", 0 failed, 0 warnings" in done.stdout


@pytest.mark.parametrize("scenario", ["tools-list", "http-header-validation", "dns-rebinding-protection"])
def test_it_conforms_to_the_protocol_of_2026(address: str, scenario: str) -> None:
    words = ("--scenario", scenario, "--spec-version", "2026-07-28")
    done = run(CONFORMANCE_2026, "conformance", "server", "--url", address, *words)
    assert done.returncode == 0, done.stdout
    assert ", 0 failed, 0 warnings" in done.stdout


def test_what_is_stateless_in_it_fails_nothing_that_can_be_tried(address: str) -> None:
    words = ("--scenario", "server-stateless", "--spec-version", "2026-07-28")
    done = run(CONFORMANCE_2026, "conformance", "server", "--url", address, *words)
    errors = [line.strip() for line in done.stdout.splitlines() if line.strip().startswith("Error:")]
    # The others want tools that a server has for this suite alone.
    assert [error for error in errors if "diagnostic tool" not in error] == [], done.stdout
    assert done.stdout.count("SUCCESS") >= 20


def test_the_inspector_lists_tools_whose_schemas_every_client_can_use(address: str) -> None:
    done = run(
        INSPECTOR, "mcp-inspector", "--cli", address, "--transport", "http", "--method", "tools/list", "--strict"
    )
    assert done.returncode == 0, done.stderr
    assert '"name": "fetch"' in done.stdout


def test_the_inspector_calls_a_tool(address: str) -> None:
    words = ("--method", "tools/call", "--tool-name", "search", "--tool-arg", "query=annual leave")
    done = run(INSPECTOR, "mcp-inspector", "--cli", address, "--transport", "http", *words)
    assert done.returncode == 0, done.stderr
    assert "26 days of annual leave" in done.stdout
