"""Where the server meets a provider of sign-ins: loaded only if the settings name one; its library is an extra."""

from fastapi import FastAPI

from app.callers import Door
from app.settings import Settings
from kb.errors import ConfigError


def include_login(app: FastAPI, settings: Settings, door: Door) -> None:
    """Let people sign in, if `[login]` names a provider. Raises ConfigError if that cannot be."""
    if not settings.login.is_on:
        return
    try:
        from app.channels import login
    except ImportError as exc:
        raise ConfigError("[login] needs an extra: pip install 'footnote-kb[identity]'") from exc
    app.include_router(login.build_router(settings, door))
