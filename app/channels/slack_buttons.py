"""What people press: feedback and its reasons, a private answer, an answer for the channel, "ask a person"."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncApp

from app.channels.slack_api import SlackApi
from app.channels.slack_asking import Asked, Kind, read_button
from app.channels.slack_blocks import (
    DOWN,
    ESCALATE,
    FEEDBACK,
    PRIVATE,
    SHARE,
    UP,
    escalation_message,
    words_message,
)
from app.channels.slack_working import CHANNEL, SlackCrew
from app.slack_settings import SlackTable
from kb.catalogue import Catalogue
from kb.catalogue.records import Verdict

REASON = "footnote_reason"
_REASONS = {"wrong": "It is wrong", "outdated": "It is outdated", "incomplete": "Something is missing",
            "irrelevant": "It does not answer the question"}  # fmt: skip
_MOST_COMMENT = 1000
Json = Mapping[str, Any]  # what Slack sends
Ack = Callable[..., Awaitable[Any]]  # Bolt's own


class SlackButtons:
    """Listens to the buttons below answers. What asks a question is stored before it is acknowledged."""

    def __init__(
        self, api: SlackApi, crew: SlackCrew, catalogue: Catalogue, *, tenant: str, settings: SlackTable
    ) -> None:
        self._api = api
        self._crew = crew
        self._catalogue = catalogue
        self._tenant = tenant
        self._settings = settings

    def listen(self, bolt: AsyncApp) -> None:
        """Register every listener."""
        bolt.action(re.compile(f"^{FEEDBACK}"))(self._on_feedback)
        bolt.view(REASON)(self._on_reason)
        bolt.action(PRIVATE)(self._asking("private"))
        bolt.action(SHARE)(self._asking("shared"))
        bolt.action(ESCALATE)(self._on_escalate)

    async def _on_feedback(self, ack: Ack, body: Json) -> None:
        await ack()
        verdict, _, answer_id = str(body["actions"][0]["value"]).partition(":")
        if verdict == UP:
            await self._rate(body, answer_id, "up")
        elif verdict == DOWN:
            # The dialogue first: Slack gives three seconds to open it.
            self._crew.run_errand(self._api.open_dialogue(body["trigger_id"], _dialogue(body, answer_id)))
            await self._rate(body, answer_id, "down")

    async def _rate(self, body: Json, answer_id: str, verdict: Verdict) -> None:
        await self._catalogue.feedback.rate(
            self._tenant, answer_id=answer_id, rater=_rater(body), channel=CHANNEL, verdict=verdict
        )
        if verdict == "up":
            self._crew.run_errand(self._thank(body["channel"]["id"], body))

    async def _on_reason(self, ack: Ack, body: Json) -> None:
        await ack()
        about = json.loads(body["view"]["private_metadata"])
        values = body["view"]["state"]["values"]
        chosen = (values.get("reasons", {}).get("reasons") or {}).get("selected_options") or ()
        await self._catalogue.feedback.explain(
            self._tenant,
            answer_id=about["answer_id"],
            rater=_rater(body),
            reasons=[each["value"] for each in chosen if each["value"] in _REASONS],
            comment=str((values.get("comment", {}).get("comment") or {}).get("value") or "")[:_MOST_COMMENT],
        )
        self._crew.run_errand(self._thank(about["channel"], body, thread_ts=about["thread_ts"]))

    async def _thank(self, channel: str, body: Json, *, thread_ts: str | None = None) -> None:
        thread = thread_ts or (body.get("container") or {}).get("thread_ts")
        await self._api.whisper(channel, body["user"]["id"], words_message("Thank you, noted."), thread_ts=thread)

    def _asking(self, kind: Kind) -> Callable[..., Awaitable[None]]:
        async def on_asking(ack: Ack, body: Json) -> None:
            await self._crew.take_in(read_button(body, kind))
            await ack()

        return on_asking

    async def _on_escalate(self, ack: Ack, body: Json) -> None:
        await ack()
        asked = read_button(body, "private")
        target = self._settings.rules_of(asked.channel).escalate_to
        once = replace(asked, key=f"escalation:{asked.team}:{asked.channel}:{asked.thread or asked.key}")
        if target and await self._crew.take_note(once):
            self._crew.run_errand(self._escalate(asked, target))

    async def _escalate(self, asked: Asked, target: str) -> None:
        is_elsewhere = target[0] in "CG" or not asked.thread or asked.channel.startswith("D")
        link = None
        if is_elsewhere and asked.thread and not asked.channel.startswith("D"):
            link = await self._api.permalink(asked.channel, asked.thread)
        message = escalation_message(target, asker=asked.user, wish=asked.text, link=link)
        if is_elsewhere and target[0] in "CGUW":
            await self._api.post(target, message, thread_ts=None, key="escalation")
            done = words_message("A person was asked, and sees your question.")
            await self._api.whisper(asked.channel, asked.user, done, thread_ts=asked.thread or None)
        else:
            await self._api.post(asked.channel, message, thread_ts=asked.thread or None, key="escalation")


def _rater(body: Json) -> str:
    return f"{CHANNEL}:{body['team']['id']}:{body['user']['id']}"


def _dialogue(body: Json, answer_id: str) -> dict[str, Any]:  # JSON of Slack's making
    place = body.get("container") or {}
    about = {"answer_id": answer_id, "channel": body["channel"]["id"], "thread_ts": place.get("thread_ts")}
    options = [{"text": {"type": "plain_text", "text": label}, "value": value} for value, label in _REASONS.items()]
    return {
        "type": "modal",
        "callback_id": REASON,
        "private_metadata": json.dumps(about),
        "title": {"type": "plain_text", "text": "What was wrong?"},
        "submit": {"type": "plain_text", "text": "Send"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": [
            {
                "type": "input",
                "block_id": "reasons",
                "optional": True,
                "label": {"type": "plain_text", "text": "The answer"},
                "element": {"type": "checkboxes", "action_id": "reasons", "options": options},
            },
            {
                "type": "input",
                "block_id": "comment",
                "optional": True,
                "label": {"type": "plain_text", "text": "What would be right?"},
                "element": {
                    "type": "plain_text_input",
                    "action_id": "comment",
                    "multiline": True,
                    "max_length": _MOST_COMMENT,
                },
            },
        ],
    }
