"""From a name in the settings to a module in a folder: every plugin has `Config` (pydantic) and `build`."""

import ast
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from kb.errors import ConfigError


def available(package: str) -> list[str]:
    """Names of the plugins in a package: the modules that are not `base`, private, or parts of another plugin."""
    folders = import_module(package).__path__
    names = sorted(module.name for module in iter_modules(folders) if module.name[0] != "_")
    return [name for name in names if any(_has_config(Path(folder) / f"{name}.py") for folder in folders)]


def load(package: str, kind: str) -> ModuleType:
    """The plugin module called `kind`, or a ConfigError that lists the choices."""
    files = {module.name for module in iter_modules(import_module(package).__path__)}
    if kind in files and kind[0] != "_":
        module = import_module(f"{package}.{kind}")
        if hasattr(module, "Config"):
            return module
    role = package.rpartition(".")[2]
    raise ConfigError(f"no {kind!r} among the {role}; choose one of {', '.join(available(package))}")


def _has_config(file: Path) -> bool:
    """Does the module define or import `Config`? Read, not run: a list of names need not load every vendor's SDK."""
    if not file.is_file():
        return False
    tree = ast.parse(file.read_text(encoding="utf-8"))
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    imported = {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return "Config" in classes | imported


# The values are foreign (TOML, environment) until the plugin's own Config has validated them.
def configure(plugin: ModuleType, values: Mapping[str, Any], *, where: str) -> BaseModel:
    """The plugin's validated Config, or a ConfigError naming the setting. `where` is the table, such as `[index]`."""
    try:
        config: BaseModel = plugin.Config(**values)
    except ValidationError as exc:
        raise ConfigError(explain_validation(exc, where=where, known=plugin.Config.model_fields)) from None
    return config


def explain_validation(error: ValidationError, *, where: str, known: Mapping[str, object] | None = None) -> str:
    """The first problem of a validation error as one line that never repeats the offending value."""
    problems = error.errors(include_input=False, include_url=False)
    # A misspelt key is also one that is missing: its own name says more.
    problem = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        choices = f"; known keys: {', '.join(sorted(known))}" if known else ""
        return f"{where}: unknown key {name!r}{choices}"
    if problem["type"] == "missing":
        return f"{where}: {name!r} is required"
    return f"{where}: {name!r} is not valid: {problem['msg'].removeprefix('Value error, ')}"
