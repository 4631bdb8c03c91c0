"""The settings both sides use, and how TOML and the environment become frozen settings."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from kb.errors import ConfigError
from kb.plugins import explain_validation

CONFIG_NAME = "footnote.toml"
STARS = "**********"
# A number of tokens is no secret.
_SECRET_NAME = re.compile(r"key|token(?!s)|secret|password|authorization|credential", re.IGNORECASE)
_ADDRESS_WITH_PASSWORD = re.compile(r"://[^/?#]*@")
_SOURCE_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")


class SettingsTable(BaseModel):
    """A table of the config file: frozen, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PluginTable(BaseModel):
    """A table that picks a plugin by `kind`; the plugin's own Config checks the other keys."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str = Field(description="The plugin's name.")

    @property
    def plugin_values(self) -> dict[str, Any]:  # foreign until the plugin's Config has checked it
        """The keys that belong to the plugin."""
        return dict(self.model_extra or {})

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        return [(name, masked(name or "", value)) for name, value in super().__repr_args__()]


class IndexTable(PluginTable):
    """Where the chunks' vectors live."""

    kind: str = Field(default="edge", description="`edge` (in this machine, default), `server` or `memory` (tests).")


class EmbedderTable(PluginTable):
    """What turns text into vectors."""

    kind: str = Field(
        default="sentence_transformers", description="`sentence_transformers`, `openai` or `hashing` (tests)."
    )


class CatalogueTable(SettingsTable):
    """The database that is the only truth about documents."""

    url: SecretStr | None = Field(
        default=None,
        description="SQLAlchemy URL, such as postgresql+psycopg://…; default: SQLite in the data directory.",
    )


class SourceTable(PluginTable):
    """One configured place we read."""

    kind: str = Field(description="The connector: `confluence`, `folder` or `notion`.")
    id: str = Field(description="Short name, unique: lower-case letters, digits and dashes.")
    audience: tuple[str, ...] | None = Field(
        default=None, description='Who may read it: "everyone", e-mails, or "group:NAME".'
    )
    base_url: str | None = Field(default=None, description="API address to use instead of the usual one.")
    interval_seconds: float = Field(default=300, ge=1, description="Pause between two syncs while serving.")
    requests_per_second: float | None = Field(default=None, gt=0, description="Upper bound for requests to the source.")
    token: SecretStr | None = Field(default=None, description="Set by FOOTNOTE_<ID>_TOKEN or FOOTNOTE_<ID>_TOKEN_FILE.")
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="Signs the source's webhooks; set by FOOTNOTE_<ID>_WEBHOOK_SECRET or …_WEBHOOK_SECRET_FILE.",
    )

    @field_validator("id")
    @classmethod
    def _id_is_short_and_plain(cls, value: str) -> str:
        if not _SOURCE_ID.fullmatch(value):
            raise ValueError("use up to 40 lower-case letters, digits and dashes, starting with a letter")
        return value


class KnowledgeSettings(BaseSettings):
    """What ingestion and answering share. `app.settings.Settings` adds the answering side."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="FOOTNOTE_", env_nested_delimiter="__", toml_file=None
    )

    tenant: str = Field(default="default", min_length=1, description="The organisation whose data is walled off.")
    data_dir: Path = Field(default=Path("data"), description="Everything Footnote stores; relative to the config file.")
    index: IndexTable = Field(default_factory=IndexTable, description="Where the chunks' vectors live.")
    embedder: EmbedderTable = Field(default_factory=EmbedderTable, description="What turns text into vectors.")
    catalogue: CatalogueTable = Field(default_factory=CatalogueTable, description="The database of record.")
    groups: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Group name to members (e-mails or group:NAME), for sources without their own.",
    )
    sources: tuple[SourceTable, ...] = Field(default=(), description="The places to read.")

    @field_validator("sources")
    @classmethod
    def _source_ids_are_unique(cls, sources: tuple[SourceTable, ...]) -> tuple[SourceTable, ...]:
        ids = [source.id for source in sources]
        if twice := sorted({source_id for source_id in ids if ids.count(source_id) > 1}):
            raise ValueError(f"two sources have the id {twice[0]!r}")
        return sources

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line over environment over file. `NAME_FILE` stands for NAME with the file's content."""
        environment = EnvSettingsSource(settings_cls)
        environment.env_vars = _with_files_read(environment.env_vars)
        return init_settings, environment, TomlConfigSettingsSource(settings_cls)

    @property
    def catalogue_url(self) -> str:
        """The catalogue's SQLAlchemy URL (async driver)."""
        if self.catalogue.url is not None:
            return self.catalogue.url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir / 'catalogue.db'}"

    def starting_at(self, home: Path) -> Self:
        """The same, with relative paths of the tables that are no plugin's made absolute. `home`: the file's folder."""
        return self

    def masked(self) -> dict[str, object]:
        """All settings as JSON-able values, with stars in place of secrets."""
        return {name: masked(name, value) for name, value in self.model_dump(mode="json").items()}


SettingsT = TypeVar("SettingsT", bound=KnowledgeSettings)


def load_settings(settings: type[SettingsT], path: Path, *, data_dir: Path | None = None) -> SettingsT:
    """Settings from a TOML file and the environment, or a ConfigError of one line. Relative paths start at the file."""
    _check_toml(path)
    bound: type[SettingsT] = type(settings.__name__, (settings,), {"model_config": SettingsConfigDict(toml_file=path)})
    try:
        loaded = bound(data_dir=data_dir.absolute()) if data_dir else bound()
    except ValidationError as exc:
        raise ConfigError(explain_settings(exc, settings, path)) from None
    except SettingsError as exc:
        # Its text names the field and never the value.
        raise ConfigError(f"the environment: {exc}; write lists and tables as JSON") from None
    home = path.absolute().parent
    changes: dict[str, object] = {
        "data_dir": home / loaded.data_dir.expanduser(),
        "sources": tuple(_resolve_source(source, home=home) for source in loaded.sources),
    }
    for name, table in ((name, getattr(loaded, name)) for name in settings.model_fields):
        if isinstance(table, PluginTable):
            changes[name] = _resolve_model(table, home=home)
    return loaded.model_copy(update=changes).starting_at(home)


def explain_settings(error: ValidationError, settings: type[BaseModel], path: Path) -> str:
    """One line naming the file, the table and the key."""
    problem = error.errors(include_input=False, include_url=False)[0]
    fields: Mapping[str, Any] = settings.model_fields  # pydantic's FieldInfo, read for its annotation only
    location = problem["loc"]
    table = f" [{location[0]}]" if len(location) > 1 else ""
    if problem["type"] == "extra_forbidden":
        if len(location) > 1 and hasattr(annotation := fields[str(location[0])].annotation, "model_fields"):
            fields = annotation.model_fields
        return f"{path}{table}: unknown key {str(location[-1])!r}; known keys: {', '.join(sorted(fields))}"
    return explain_validation(error, where=str(path))


def masked(name: str, value: object) -> object:
    """The value with stars in place of everything that its name, or a password in an address, says is a secret."""
    if isinstance(value, Mapping):
        return {key: masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(name, inner) for inner in value]
    is_secret = _SECRET_NAME.search(name) or (isinstance(value, str) and _ADDRESS_WITH_PASSWORD.search(value))
    return STARS if value and is_secret else value


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:  # a plugin's keys, of whatever type
    """The values whose names and addresses say nothing of a secret."""
    return {name: value for name, value in values.items() if masked(name, value) == value}


def read_secret(name: str) -> SecretStr | None:
    """A secret from environment variable NAME, or from the file that NAME_FILE points to."""
    if value := os.environ.get(name):
        return SecretStr(value)
    if file := os.environ.get(f"{name}_FILE"):
        return SecretStr(_read_secret_file(file, name=f"{name}_FILE"))
    return None


def _with_files_read(variables: Mapping[str, str | None]) -> dict[str, str | None]:
    """The variables, and for each FOOTNOTE_TABLE__NAME_FILE the variable FOOTNOTE_TABLE__NAME unless it is set too."""
    read = dict(variables)
    for name, file in variables.items():
        if name.startswith("footnote_") and "__" in name and name.endswith("_file") and file:
            del read[name]
            read.setdefault(name.removesuffix("_file"), _read_secret_file(file, name=name.upper()))
    return read


def _read_secret_file(file: str, *, name: str) -> str:
    try:
        secret = Path(file).read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise ConfigError(f"{name}: cannot read {file}: {exc.strerror}") from exc
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: {file} is not text") from None
    if not secret:
        raise ConfigError(f"{name}: {file} is empty")
    return secret


def _check_toml(path: Path) -> None:
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no {path}: run `footnote init` to make one, or name another with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: not valid TOML: {exc}") from None
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc


def _resolve_source(source: SourceTable, *, home: Path) -> SourceTable:
    extra = source.plugin_values
    if isinstance(extra.get("path"), str):
        extra["path"] = str(home / Path(extra["path"]).expanduser())
    prefix = f"FOOTNOTE_{source.id.upper().replace('-', '_')}"
    secrets = {
        "token": read_secret(f"{prefix}_TOKEN") or source.token,
        "webhook_secret": read_secret(f"{prefix}_WEBHOOK_SECRET") or source.webhook_secret,
    }
    fields = {name: getattr(source, name) for name in SourceTable.model_fields}
    return SourceTable(**(fields | secrets | extra))


def _resolve_model(table: PluginTable, *, home: Path) -> PluginTable:
    """The table with its model's path made absolute, where there is a file; any other word is a model's name."""
    model = table.plugin_values.get("model")
    if not isinstance(model, str) or not (path := home / Path(model).expanduser()).exists() or "/" not in model:
        return table
    return table.model_copy(update={"model": str(path)})


def share_cores() -> None:
    """Call it before torch is imported: its threads then sleep when one of them waits for its core.

    They would turn in circles for milliseconds, and a machine that does something else as well is what has one wait.
    What the environment says stands.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        # Long enough for what ends together on a quiet machine.
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")
