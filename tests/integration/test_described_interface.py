"""The OpenAPI document against the server: schemathesis makes requests from it, fitting ones and spoiled ones."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("schemathesis", reason="needs the extra `dev`")

import httpx

from tests.fakes.answer_sides import make_key, make_settings
from tests.fakes.web_sides import served

pytestmark = pytest.mark.integration
# No error of ours; what is malformed is refused; every answer has a status, a type and a shape that were described.
CHECKS = (
    "not_a_server_error,negative_data_rejection,response_schema_conformance,content_type_conformance,"
    "status_code_conformance,unsupported_method"
)
# Of each route; with what follows from the document by itself, half a minute in all.
EXAMPLES = 8
SEED = 7
MOST_SECONDS = 240


@pytest.fixture(scope="module", params=["anyone on this machine", "a person with a key"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    has_key = request.param == "a person with a key"
    settings = make_settings(tmp_path_factory.mktemp("wiki"))
    with served(settings, is_open=not has_key) as server:
        key = server.run(lambda side: make_key(side, "ask", "search", email="maya@acme.test")) if has_key else {}
        yield server.url, key.get("Authorization", "")


def test_whatever_follows_from_the_description_is_answered_as_described(
    address: tuple[str, str], tmp_path: Path
) -> None:
    url, authorization = address
    tool = str(Path(sys.executable).with_name("st"))
    command = [tool, "run", f"{url}/api/v1/openapi.json", "--checks", CHECKS, "--max-examples", str(EXAMPLES)]
    command += ["--seed", str(SEED), "--phases", "examples,coverage,fuzzing", "--no-color"]
    command += ["--header", f"Authorization: {authorization}"] if authorization else []
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    described = httpx.get(f"{url}/api/v1/openapi.json").json()["paths"]
    operations = sum(len(methods) for methods in described.values())
    assert f"Tested: {operations}" in done.stdout, "no route was left out"
