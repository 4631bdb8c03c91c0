"""From a `[[sources]]` table to the Config of its connector."""

from types import ModuleType

from pydantic import BaseModel

from kb.errors import ConfigError
from kb.plugins import configure
from kb.settings import SourceTable

_COMMON = ("audience", "base_url", "requests_per_second", "token")


def connector_config(source: SourceTable, plugin: ModuleType) -> BaseModel:
    """The connector's validated Config: its own keys, and those common ones it declares. Raises ConfigError."""
    declared: dict[str, object] = plugin.Config.model_fields
    if source.audience is not None and "audience" not in declared:
        # Whoever wrote it believes that only these people can read the pages.
        raise ConfigError(
            f"[[sources]] {source.id}: a {source.kind} source says itself who may read: remove 'audience'"
        )
    given = {name: getattr(source, name) for name in _COMMON if getattr(source, name) is not None}
    wanted = {name: value for name, value in given.items() if name in declared}
    return configure(plugin, wanted | source.plugin_values, where=f"[[sources]] {source.id}")
