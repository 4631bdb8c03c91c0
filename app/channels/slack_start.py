"""Where the server meets Slack: the bot is loaded only if the configuration names it, since its SDK is an extra."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.wiring import AnswerSide
from kb.errors import ConfigError


@asynccontextmanager
async def slack_bot(side: AnswerSide, app: FastAPI) -> AsyncIterator[None]:
    """The bot at work, if `[slack] mode` wants it; with `http`, the application takes Slack's calls.

    Raises ConfigError if it cannot start.
    """
    if side.settings.slack.mode == "off":
        yield
        return
    try:
        from app.channels.slack import open_slack
    except ImportError as exc:
        raise ConfigError("[slack] needs an extra: pip install 'footnote-kb[slack]'") from exc
    async with open_slack(side) as bot:
        if side.settings.slack.mode == "http":
            app.include_router(bot.build_router())
        yield
