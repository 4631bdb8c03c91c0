"""The Slack channel: mentions, direct messages, threads and `/ask`, by Socket Mode or by Slack's calls to us."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, Request, Response
from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from app.channels.slack_answering import SlackAnswering
from app.channels.slack_api import SlackApi, is_passing, opened_api, translated
from app.channels.slack_asking import Asked, read_command, read_event
from app.channels.slack_buttons import SlackButtons
from app.channels.slack_checks import needed
from app.channels.slack_people import SlackPeople
from app.channels.slack_working import SlackCrew
from app.slack_settings import SlackTable
from app.wiring import AnswerSide
from kb.errors import ChannelError

logger = logging.getLogger(__name__)
PATH = "/slack/events"
_RETRY_SECONDS = 10.0
_HOW_TO_ASK = "Ask like this: `/ask How many days of leave do I get?` You alone will see the answer."
Json = Mapping[str, Any]  # what Slack sends


class SlackBot:
    """The bot while it runs."""

    def __init__(self, crew: SlackCrew, api: SlackApi, *, settings: SlackTable) -> None:
        self._crew = crew
        self._api = api
        self._settings = settings
        self._bot_user: str | None = None
        self.is_leaving = False
        # Bolt wants a secret even where nothing is signed, as in Socket Mode.
        secret = secrets.token_hex(32)
        if settings.mode == "http":
            secret = needed(settings.signing_secret, "SLACK_SIGNING_SECRET")
        quiet = logging.getLogger(f"{__name__}.bolt")
        quiet.setLevel(logging.WARNING)  # below that, Bolt logs what people write
        self.bolt = AsyncApp(client=api.client, signing_secret=secret, logger=quiet, before_authorize=self.take_in)
        self.bolt.event("app_home_opened")(self.greet)
        self.bolt.event("agent_session_stopped")(self.stop)

    def build_router(self) -> APIRouter:
        """`POST /slack/events`: events, buttons and commands, each with Slack's signature."""
        router = APIRouter(include_in_schema=False)
        receiver = AsyncSlackRequestHandler(self.bolt)

        @router.post(PATH)
        async def events(request: Request) -> Response:
            if self.is_leaving:
                raise HTTPException(503)  # Slack asks again, whoever answers then
            await _must_be_readable(request)
            return await receiver.handle(request)

        return router

    async def find_itself(self) -> None:
        """Ask Slack who we are, until it says so; mentions are read before that too."""
        while True:
            try:
                self._bot_user = str((await self._api.who_am_i())["user_id"])
                return
            except ChannelError as exc:
                logger.warning("Slack does not know us", extra={"code": exc.code})
                if not is_passing(exc):
                    return
            await asyncio.sleep(_RETRY_SECONDS)

    async def take_in(self, body: Json, next: Callable[[], Awaitable[Any]]) -> BoltResponse | Any:
        """Bolt's middleware before all others: what is a question is stored, and only then acknowledged."""
        if "command" in body:
            return await self._take_command(body)
        event = body.get("event") or {}
        if body.get("type") != "event_callback" or event.get("type") not in {"message", "app_mention"}:
            return await next()
        asked = read_event(body, bot_user=self._bot_user)
        if asked is not None and await self._is_ours(asked):
            await self._crew.take_in(asked, event_id=body.get("event_id"))
        return BoltResponse(status=200, body="")

    async def _take_command(self, body: Json) -> BoltResponse:
        asked = read_command(body)
        if asked is None or not _may_be_called(str(asked.response_url), self._settings.api_base_url):
            return BoltResponse(status=200, body={"response_type": "ephemeral", "text": _HOW_TO_ASK})
        await self._crew.take_in(asked)
        return BoltResponse(status=200, body="")

    async def _is_ours(self, asked: Asked) -> bool:
        rules = self._settings.rules_of(asked.channel)
        match asked.kind:
            case "direct":
                return True
            case "follow_up":
                return rules.answers != "never" and rules.threads and await self._crew.is_engaged(asked)
            case "message":
                return rules.answers == "auto"
            case _:
                return rules.answers != "never"

    async def greet(self, event: Json) -> None:
        """Offer questions to whoever opens our messages."""
        if event.get("tab") == "messages" and self._settings.suggested_prompts:
            self._crew.run_errand(self._api.suggest(str(event["channel"]), self._settings.suggested_prompts))

    async def stop(self, event: Json) -> None:
        """Slack's own stop button was pressed."""
        self._crew.stop(str(event["channel"]), str(event["thread_ts"]))


@asynccontextmanager
async def open_slack(side: AnswerSide) -> AsyncIterator[SlackBot]:
    """The bot, working. At the end it takes nothing new, finishes or marks what it was saying, and leaves the rest.

    Raises ConfigError if a token is missing.
    """
    settings, catalogue, tenant = side.settings.slack, side.knowledge_base.catalogue, side.settings.tenant
    token = needed(settings.bot_token, "SLACK_BOT_TOKEN")
    async with opened_api(token, settings.api_base_url) as api:
        people = SlackPeople(api, catalogue, tenant=tenant, settings=settings)
        answering = SlackAnswering(api, people, side, settings=settings)
        crew = SlackCrew(api, answering, catalogue, tenant=tenant, settings=settings)
        bot = SlackBot(crew, api, settings=settings)
        SlackButtons(api, crew, catalogue, tenant=tenant, settings=settings).listen(bot.bolt)
        socket = _socket(bot.bolt, api, settings) if settings.mode == "socket" else None
        background = [asyncio.create_task(bot.find_itself())]
        if socket is not None:
            background.append(asyncio.create_task(_connect(socket)))
        crew.start()
        try:
            yield bot
        finally:
            bot.is_leaving = True
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            if socket is not None:
                await socket.close_async()  # type: ignore[no-untyped-call]  # the SDK's own
            await crew.close()


def _socket(bolt: AsyncApp, api: SlackApi, settings: SlackTable) -> AsyncSocketModeHandler:
    return AsyncSocketModeHandler(bolt, needed(settings.app_token, "SLACK_APP_TOKEN"), web_client=api.client)


async def _connect(socket: AsyncSocketModeHandler) -> None:
    """The first connection; the SDK keeps it from then on."""
    while True:
        try:
            async with translated():
                await socket.connect_async()  # type: ignore[no-untyped-call]  # the SDK's own
            logger.info("connected to Slack")
            return
        except ChannelError as exc:
            logger.warning("Slack does not let us in", extra={"code": exc.code})
        await asyncio.sleep(_RETRY_SECONDS)


async def _must_be_readable(request: Request) -> None:
    """Raises 401 where Slack's own SDK would fail with an unhandled error, before anything was verified."""
    stamp = request.headers.get("x-slack-request-timestamp", "")
    with suppress(UnicodeDecodeError):
        (await request.body()).decode()
        if stamp.isascii() and stamp.isdigit() and len(stamp) <= 12:
            return
    raise HTTPException(401)


def _may_be_called(response_url: str, api_base_url: str) -> bool:
    """Is it Slack that wants to be called back?"""
    return urlsplit(response_url).hostname in {"hooks.slack.com", urlsplit(api_base_url).hostname}
