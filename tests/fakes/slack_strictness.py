"""What Slack refuses in messages and views: its documented limits, and the undocumented ones that people measured."""

import json
import re
from collections.abc import Sequence
from typing import Any

from slack_sdk.models.blocks import Block

from tests.fakes.slack_workspace import Json, Refused

MOST_BLOCKS = 50
MOST_MESSAGE = 13_200
MOST_STREAM = 12_000
_BLOCKS = {"rich_text", "actions", "context_actions", "divider", "section", "context", "markdown", "header"}
_SECTIONS = {"rich_text_section", "rich_text_preformatted", "rich_text_list", "rich_text_quote"}
_WORDS = {"text": {"type", "text", "style"}, "link": {"type", "url", "text", "style"}, "user": {"type", "user_id"},
          "usergroup": {"type", "usergroup_id"}}  # fmt: skip
_PING = re.compile(r"<[@#!]")


def check_message(text: str | None, blocks: Any, *, has_feedback_buttons: bool) -> list[Json]:
    """The blocks, as they are stored. Raises Refused."""
    if not text:
        raise AssertionError("blocks without text say nothing to notifications and screen readers")
    if len(text) > 4_000:
        raise Refused("msg_too_long")
    assert not _PING.search(text), f"a ping or link in plain text: {text}"
    found = json.loads(blocks) if isinstance(blocks, str) else list(blocks or ())
    check_blocks(found, has_feedback_buttons=has_feedback_buttons)
    return found


def check_blocks(blocks: Sequence[Json], *, has_feedback_buttons: bool, most: int = MOST_MESSAGE) -> None:
    """Raises Refused."""
    if len(blocks) > MOST_BLOCKS:
        raise Refused("invalid_blocks", why="too many blocks")
    if len(json.dumps(blocks, ensure_ascii=False)) > most:
        raise Refused("msg_blocks_too_long" if most == MOST_MESSAGE else "msg_too_long")
    for block in blocks:
        if block.get("type") not in _BLOCKS:
            raise Refused("invalid_blocks", why=f"type {block.get('type')}")
        _check_block(block, has_feedback_buttons=has_feedback_buttons)
    # The SDK's own models know the limits of most blocks.
    for parsed in Block.parse_all(list(blocks)):
        if parsed is None:
            raise Refused("invalid_blocks", why="unknown to the SDK")
        parsed.to_dict()


def check_view(view: Json) -> None:
    """A modal. Raises Refused."""
    for name in ("title", "submit", "close"):
        if len(view[name]["text"]) > 24:
            raise Refused("invalid_arguments", why=name)
    if len(view["private_metadata"]) > 3_000 or len(view["blocks"]) > 100:
        raise Refused("invalid_arguments")
    for block in view["blocks"]:
        element = block["element"]
        for option in element.get("options", ()):
            if len(option["text"]["text"]) > 75 or len(option["value"]) > 150:
                raise Refused("invalid_arguments", why="option")


def _check_block(block: Json, *, has_feedback_buttons: bool) -> None:
    match block["type"]:
        case "rich_text":
            _check_rich_text(block)
        case "actions":
            _check_actions(block)
        case "context_actions":
            _check_feedback(block, is_known=has_feedback_buttons)


def _check_rich_text(block: Json) -> None:
    for section in block["elements"]:
        if section["type"] not in _SECTIONS:
            raise Refused("invalid_blocks", why=section["type"])
        for word in section["elements"]:
            known = _WORDS.get(word["type"])
            if known is None or set(word) - known:
                raise Refused("invalid_blocks", why=f"element {word}")
            if word["type"] == "text" and not word["text"]:
                raise Refused("invalid_blocks", why="empty text")
            if word["type"] == "link" and not re.match(r"https?://[^\s]+$", word["url"]):
                raise Refused("invalid_blocks", why="no web address")
            if any(len(str(value)) > 3_000 for value in word.values()):
                raise Refused("invalid_blocks", why="too long")


def _check_actions(block: Json) -> None:
    if not 1 <= len(block["elements"]) <= 25:
        raise Refused("invalid_blocks", why="actions")
    ids = [each["action_id"] for each in block["elements"]]
    if len(ids) != len(set(ids)):
        raise Refused("invalid_blocks", why="action ids are not unique")
    for button in block["elements"]:
        if len(button["text"]["text"]) > 75 or not 0 < len(button["value"]) <= 2_000:
            raise Refused("invalid_blocks", why="button")


def _check_feedback(block: Json, *, is_known: bool) -> None:
    if not is_known or not 1 <= len(block["elements"]) <= 5:
        raise Refused("invalid_blocks", why="context_actions")
    for element in block["elements"]:
        for side in ("positive_button", "negative_button"):
            if len(element[side]["text"]["text"]) > 75 or len(element[side]["value"]) > 2_000:
                raise Refused("invalid_blocks", why="feedback")
