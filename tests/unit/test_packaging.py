"""The container files name only what exists: files, settings, commands, users."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli import app as command_line
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
INSTRUCTIONS = [line.split(None, 1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]


def arguments_of(name: str) -> list[str]:
    return [rest for instruction, rest in INSTRUCTIONS if instruction == name]


def test_what_the_image_copies_from_here_is_here() -> None:
    copied = [shlex.split(rest)[:-1] for rest in arguments_of("COPY") if "--from" not in rest]
    assert [name for names in copied for name in names if not (ROOT / name).exists()] == []


def test_the_image_is_built_in_two_stages_and_runs_as_a_user_without_rights() -> None:
    assert len(arguments_of("FROM")) == 2
    assert arguments_of("USER") == ["footnote"]
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert last_stage.index("USER footnote") < last_stage.index("ENTRYPOINT")
    assert "build-essential" not in last_stage


def test_the_image_and_the_tests_use_the_same_pins() -> None:
    installs = [rest for rest in arguments_of("RUN") if "pip install" in rest]
    assert installs
    assert all(
        "--constraint constraints.txt" in step for rest in installs for step in re.findall(r"pip install[^&]*", rest)
    )


def test_the_environment_in_compose_sets_settings_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPOSE["services"]["app"]["environment"].items():
        monkeypatch.setenv(name, str(value))
    settings = Settings()
    assert settings.index.kind == "server"
    assert settings.index.plugin_values == {"url": "http://qdrant:6333"}
    assert settings.data_dir == Path("/data")


@pytest.mark.parametrize("words", [COMPOSE["services"]["app"]["command"], ["serve", "--host", "0.0.0.0"]])
def test_the_containers_start_a_command_that_exists(words: list[str]) -> None:
    import typer

    command = typer.main.get_command(command_line)
    with command.make_context("footnote", list(words)) as context:
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])  # type: ignore[attr-defined]  # typer.main returns a group
        assert name == "serve"
        assert found.make_context(name, rest, parent=context).params["host"] == "0.0.0.0"


def test_only_loopback_of_the_host_is_published_and_qdrant_is_not() -> None:
    services = COMPOSE["services"]
    assert all(port.startswith("127.0.0.1:") for port in services["app"]["ports"])
    assert "ports" not in services["qdrant"]


def test_the_volumes_that_services_use_are_declared() -> None:
    used = {
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert used == set(COMPOSE["volumes"])


def test_every_file_that_is_not_python_is_packed_with_its_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    globs: dict[str, list[str]] = project["tool"]["setuptools"]["package-data"]
    left_out = [
        str(path.relative_to(ROOT))
        for package in ("kb", "ingest", "app")
        for path in (ROOT / package).rglob("*.*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
        if not any(path.relative_to(ROOT / package).match(glob) for glob in globs.get(package, []))
    ]
    assert left_out == []
