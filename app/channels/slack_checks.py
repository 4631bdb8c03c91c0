"""Is the Slack app set up as it must be? Tokens, scopes, and, where a configuration token allows it, its events."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from app.channels.slack_api import SlackApi, opened_api, translated
from app.slack_settings import SlackTable
from kb.errors import ChannelError, ConfigError

SCOPES = frozenset(
    "app_mentions:read assistant:write channels:history channels:read chat:write commands groups:history groups:read "
    "im:history im:read im:write mpim:history mpim:read reactions:write users:read users:read.email".split()
)
EVENTS = frozenset(
    "agent_session_stopped app_home_opened app_mention message.channels message.groups message.im message.mpim".split()
)
_AGAIN = "compare the app with slack-manifest.yaml and install it again"


async def check_slack(settings: SlackTable) -> str:
    """What was found, for people. Raises ConfigError, ChannelError."""
    token = needed(settings.bot_token, "SLACK_BOT_TOKEN")
    async with opened_api(token, settings.api_base_url) as api:
        me = await _who_am_i(api)
        if missing := sorted(SCOPES - set(me["scopes"])):
            raise ConfigError(f"the bot lacks the scopes {', '.join(missing)}: {_AGAIN}")
        if settings.mode == "socket":
            await _must_connect(api, needed(settings.app_token, "SLACK_APP_TOKEN"))
        else:
            needed(settings.signing_secret, "SLACK_SIGNING_SECRET")
        events = "events not looked at: set SLACK_CONFIG_TOKEN for that"
        if settings.config_token is not None:
            events = await _check_events(api, me, needed(settings.config_token, "SLACK_CONFIG_TOKEN"), settings)
    return f"{me.get('team', me['team_id'])}, as {me.get('user', me['user_id'])}, by {settings.mode}; {events}"


def needed(secret: SecretStr | None, name: str) -> str:
    """The secret. Raises ConfigError without one."""
    if secret is None or not secret.get_secret_value().strip():
        raise ConfigError(f"[slack] needs {name}: docs/slack.md says where Slack shows it")
    return secret.get_secret_value().strip()


async def _who_am_i(api: SlackApi) -> Mapping[str, Any]:  # what Slack answers
    try:
        return await api.who_am_i()
    except ChannelError as exc:
        if exc.code in {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"}:
            raise ConfigError(f"Slack refuses SLACK_BOT_TOKEN ({exc.code}): copy it again from the app's page") from exc
        raise


async def _must_connect(api: SlackApi, app_token: str) -> None:
    try:
        async with translated():
            await api.client.apps_connections_open(app_token=app_token)
    except ChannelError as exc:
        if exc.code == "unreachable":
            raise
        raise ConfigError(
            f"Slack refuses SLACK_APP_TOKEN ({exc.code}): make an app-level token with the scope connections:write"
        ) from exc


async def _check_events(api: SlackApi, me: Mapping[str, Any], config_token: str, settings: SlackTable) -> str:
    async with translated():
        app_id = (await api.client.bots_info(bot=me["bot_id"]))["bot"]["app_id"]
        # With a token of its own: a bot may not read its app's configuration.
        client = AsyncWebClient(token=config_token, base_url=settings.api_base_url)
        manifest = (await client.apps_manifest_export(app_id=app_id))["manifest"]
    shape = manifest.get("settings") or {}
    subscribed = set((shape.get("event_subscriptions") or {}).get("bot_events") or ())
    if missing := sorted(EVENTS - subscribed):
        raise ConfigError(f"the app is not told of the events {', '.join(missing)}: {_AGAIN}")
    if not (shape.get("interactivity") or {}).get("is_enabled"):
        raise ConfigError(f"the app's interactivity is off, so that buttons do nothing: {_AGAIN}")
    if bool(shape.get("socket_mode_enabled")) != (settings.mode == "socket"):
        raise ConfigError(f"[slack] mode is {settings.mode!r}, and the app's Socket Mode says otherwise: {_AGAIN}")
    return f"{len(EVENTS)} events"
