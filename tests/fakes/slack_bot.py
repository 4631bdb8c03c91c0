"""The real bot, with the real Bolt, before a fake Slack: over HTTP through a real server, or over Socket Mode."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import uvicorn

from app.channels.slack_start import slack_bot
from app.channels.slack_working import CHANNEL
from app.chat_models.base import ChatModel
from app.main import build_app
from app.settings import Settings
from app.slack_settings import SlackTable
from app.wiring import AnswerSide
from tests.fakes.answer_sides import CONFIG, PAGES, make_settings, opened_side
from tests.fakes.slack import SIGNING_SECRET, FakeSlack, running_slack
from tests.fakes.slack_server import APP_TOKEN, BOT_TOKEN, WAIT_SECONDS

# Refuses what shares no words with any page: hashed words know no meaning.
STRICT = CONFIG.replace("answerable_above = 0.0\n", "")


@dataclass
class Deployment:
    """A workspace and the bot in it."""

    slack: FakeSlack
    side: AnswerSide

    async def idle(self) -> None:
        """Wait until every question that was taken in has its answer, and nothing more is called."""
        inbox, tenant = self.side.knowledge_base.catalogue.inbox, self.side.settings.tenant
        async with asyncio.timeout(WAIT_SECONDS):
            while await inbox.unfinished_count(tenant, CHANNEL):
                await self.slack.server.news()
        await self.slack.settled()


def slack_table(slack: FakeSlack, **changes: object) -> SlackTable:
    """The `[slack]` table that leads to the fake."""
    values: dict[str, object] = {
        "mode": slack.mode,
        "bot_token": BOT_TOKEN,
        "app_token": APP_TOKEN,
        "signing_secret": SIGNING_SECRET,
        "api_base_url": slack.server.api_base_url,
    }
    return SlackTable.model_validate(values | changes)


@asynccontextmanager
async def deployed(
    home: Path,
    *,
    mode: Literal["http", "socket"] = "http",
    pages: Mapping[str, str] = PAGES,
    config: str = CONFIG,
    chat_model: ChatModel | None = None,
    **changes: object,
) -> AsyncIterator[Deployment]:
    """A workspace without people, and the bot in it. `changes`: keys of the `[slack]` table."""
    async with running_slack(mode) as slack:
        settings = make_settings(home, pages=pages, config=config)
        settings = settings.model_copy(update={"slack": slack_table(slack, **changes)})
        async with opened_side(settings, chat_model=chat_model) as side, at_work(slack, side):
            yield Deployment(slack, side)


@asynccontextmanager
async def at_work(slack: FakeSlack, side: AnswerSide) -> AsyncIterator[None]:
    """The bot of this side, before this Slack, until the end of the block."""
    app = build_app(side, is_open=False)
    async with slack_bot(side, app):
        if slack.mode == "socket":
            await slack.server.until(lambda: slack.server.sockets, what="a connection")
            yield
            return
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", server_header=False))
            serving = asyncio.create_task(server._serve([listener]))
            slack.request_url = f"http://127.0.0.1:{listener.getsockname()[1]}/slack/events"
            try:
                yield
            finally:
                server.should_exit = True
                await serving


def changed(side: AnswerSide, **changes: object) -> Settings:
    """The settings with other keys in `[slack]`."""
    return side.settings.model_copy(update={"slack": side.settings.slack.model_copy(update=changes)})
