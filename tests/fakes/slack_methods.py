"""Slack's Web API over the fake workspace: each method as strict as the real one."""

import json
from collections.abc import Callable

from tests.fakes.slack_strictness import MOST_STREAM, check_blocks, check_message, check_view
from tests.fakes.slack_workspace import BOT_ID, BOT_USER, TEAM, FakeMessage, Json, Refused, Workspace

Method = Callable[[Workspace, Json], Json]


def auth_test(space: Workspace, asked: Json) -> Json:
    return {
        "user_id": BOT_USER,
        "team_id": TEAM,
        "bot_id": BOT_ID,
        "team": "Acme",
        "user": "footnote",
        "url": "https://acme.slack.test/",
    }


def bots_info(space: Workspace, asked: Json) -> Json:
    return {"bot": {"id": BOT_ID, "app_id": "A0FOOTNOTE"}}


def users_info(space: Workspace, asked: Json) -> Json:
    if asked["user"] not in space.users:
        raise Refused("user_not_found")
    return {"user": space.users[asked["user"]].to_json()}


def users_list(space: Workspace, asked: Json) -> Json:
    # Strangers of shared channels are not in a workspace's list.
    own = [user.to_json() for user in space.users.values() if not user.is_stranger]
    return _page("members", own, asked)


def conversations_info(space: Workspace, asked: Json) -> Json:
    if asked["channel"] not in space.channels:
        raise Refused("channel_not_found")
    return {"channel": space.channels[asked["channel"]].to_json()}


def conversations_members(space: Workspace, asked: Json) -> Json:
    if asked["channel"] not in space.channels:
        raise Refused("channel_not_found")
    return _page("members", list(space.channels[asked["channel"]].members), asked)


def conversations_replies(space: Workspace, asked: Json) -> Json:
    space.find(asked["channel"], asked["ts"])
    found = [each for each in space.messages if each.channel == asked["channel"] and each.seen_by is None]
    thread = [each for each in found if asked["ts"] in {each.ts, each.thread_ts}]
    has_metadata = str(asked.get("include_all_metadata", "")).lower() in {"true", "1"}
    return {"messages": [{"ts": each.ts, "user": each.user, "text": each.text}
                         | ({"metadata": each.metadata} if has_metadata and each.metadata else {})
                         for each in thread]}  # fmt: skip


def post_message(space: Workspace, asked: Json) -> Json:
    channel = space.writable(asked["channel"], thread_ts=asked.get("thread_ts"))
    for name in ("unfurl_links", "unfurl_media", "mrkdwn", "link_names"):
        assert str(asked.get(name)).lower() in {"false", "0"}, f"{name} must be off: pages could write links"
    assert asked.get("parse") == "none"
    blocks = check_message(asked.get("text"), asked.get("blocks"), has_feedback_buttons=space.has_feedback_buttons)
    metadata = asked.get("metadata")
    metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
    message = FakeMessage(space.next_ts(), channel.id, BOT_USER, asked["text"], blocks, asked.get("thread_ts"),
                          metadata=metadata)  # fmt: skip
    space.messages.append(message)
    return {"ts": message.ts, "channel": channel.id}


def post_ephemeral(space: Workspace, asked: Json) -> Json:
    channel = space.writable(asked["channel"], thread_ts=asked.get("thread_ts"))
    if asked["user"] not in channel.members:
        raise Refused("user_not_in_channel")
    # Slack keeps no answer state for what one person sees: feedback buttons are for messages.
    blocks = check_message(asked.get("text"), asked.get("blocks"), has_feedback_buttons=False)
    space.messages.append(FakeMessage(space.next_ts(), channel.id, BOT_USER, asked["text"], blocks,
                                      asked.get("thread_ts"), seen_by=asked["user"]))  # fmt: skip
    return {"message_ts": space.messages[-1].ts}


def update(space: Workspace, asked: Json) -> Json:
    message = space.find(asked["channel"], asked["ts"])
    if message.user != BOT_USER:
        raise Refused("cant_update_message")
    if space.is_growing(message):
        raise Refused("streaming_state_conflict")
    message.blocks = check_message(
        asked.get("text"), asked.get("blocks"), has_feedback_buttons=space.has_feedback_buttons
    )
    message.text = asked["text"]
    message.edits += 1
    return {"ts": message.ts}


def start_stream(space: Workspace, asked: Json) -> Json:
    if not space.can_stream:
        raise Refused("unknown_method")
    channel = space.writable(asked["channel"], thread_ts=asked.get("thread_ts"))
    if not asked.get("thread_ts"):
        raise Refused("invalid_arguments", why="thread_ts")
    if channel.kind != "im" and not (asked.get("recipient_team_id") and asked.get("recipient_user_id")):
        raise Refused("missing_recipient")
    message = FakeMessage(
        space.next_ts(), channel.id, BOT_USER, thread_ts=asked["thread_ts"], stream="open", begun=space.clock()
    )
    _grow(space, message, asked)
    space.messages.append(message)
    return {"ts": message.ts, "channel": channel.id}


def append_stream(space: Workspace, asked: Json) -> Json:
    message = space.growing(asked["channel"], asked["ts"])
    if not asked.get("chunks"):
        raise Refused("no_text")
    _grow(space, message, asked)
    return {"ts": message.ts}


def stop_stream(space: Workspace, asked: Json) -> Json:
    message = space.growing(asked["channel"], asked["ts"])
    blocks = asked.get("blocks") or []
    check_blocks(blocks, has_feedback_buttons=space.has_feedback_buttons)
    check_blocks([*message.blocks, *blocks], has_feedback_buttons=space.has_feedback_buttons)
    message.blocks = [*message.blocks, *blocks]
    message.stream = "closed"
    metadata = asked.get("metadata")
    message.metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
    return {"ts": message.ts}


def set_status(space: Workspace, asked: Json) -> Json:
    space.writable(asked["channel_id"], thread_ts=asked["thread_ts"])
    if not space.has_statuses:
        raise Refused("not_allowed")
    space.statuses.append((asked["channel_id"], asked["thread_ts"], asked["status"]))
    return {}


def set_session(space: Workspace, asked: Json) -> Json:
    if asked["status"] not in {"processing", "active", "suspended", "closed"}:
        raise Refused("invalid_arguments")
    if not space.has_statuses:
        raise Refused("not_allowed")
    space.sessions.append((asked["channel_id"], asked["thread_ts"], asked["status"]))
    return {}


def suggest(space: Workspace, asked: Json) -> Json:
    if not 1 <= len(asked["prompts"]) <= 4 or any(set(each) != {"title", "message"} for each in asked["prompts"]):
        raise Refused("invalid_arguments")
    space.prompts.append((asked["channel_id"], asked["prompts"]))
    return {}


def react(space: Workspace, asked: Json) -> Json:
    space.find(asked["channel"], asked["timestamp"])
    reaction = (asked["channel"], asked["timestamp"], asked["name"])
    if reaction in space.reactions:
        raise Refused("already_reacted")
    space.reactions.append(reaction)
    return {}


def unreact(space: Workspace, asked: Json) -> Json:
    reaction = (asked["channel"], asked["timestamp"], asked["name"])
    if reaction not in space.reactions:
        raise Refused("no_reaction")
    space.reactions.remove(reaction)
    return {}


def permalink(space: Workspace, asked: Json) -> Json:
    space.find(asked["channel"], asked["message_ts"])
    return {"permalink": f"https://acme.slack.test/archives/{asked['channel']}/p{asked['message_ts']}"}


def open_view(space: Workspace, asked: Json) -> Json:
    view = json.loads(asked["view"]) if isinstance(asked["view"], str) else asked["view"]
    check_view(view)
    space.views.append(view)
    return {"view": view}


def _grow(space: Workspace, message: FakeMessage, asked: Json) -> None:
    if asked.get("markdown_text") and asked.get("chunks"):
        raise Refused("invalid_arguments", why="both text and chunks")
    blocks = [block for chunk in asked.get("chunks") or () if chunk["type"] == "blocks" for block in chunk["blocks"]]
    assert all(chunk["type"] == "blocks" for chunk in asked.get("chunks") or ()), "markdown could hold links"
    grown = [*message.blocks, *blocks]
    check_blocks(grown, has_feedback_buttons=space.has_feedback_buttons, most=MOST_STREAM)
    message.blocks = grown


def _page(name: str, everything: list[Json] | list[str], asked: Json) -> Json:
    start, size = int(asked.get("cursor") or 0), int(asked.get("limit") or 100)
    end = start + min(size, 100)
    more = str(end) if end < len(everything) else ""
    return {name: everything[start:end], "response_metadata": {"next_cursor": more}}


# name → (method, scope, calls a minute)
METHODS: dict[str, tuple[Method, str, int]] = {
    "auth.test": (auth_test, "", 1000),
    "bots.info": (bots_info, "users:read", 50),
    "users.info": (users_info, "users:read", 100),
    "users.list": (users_list, "users:read", 20),
    "conversations.info": (conversations_info, "channels:read", 50),
    "conversations.members": (conversations_members, "channels:read", 100),
    "conversations.replies": (conversations_replies, "channels:history", 50),
    "chat.postMessage": (post_message, "chat:write", 600),
    "chat.postEphemeral": (post_ephemeral, "chat:write", 100),
    "chat.update": (update, "chat:write", 50),
    "chat.startStream": (start_stream, "chat:write", 20),
    "chat.appendStream": (append_stream, "chat:write", 100),
    "chat.stopStream": (stop_stream, "chat:write", 20),
    "chat.getPermalink": (permalink, "", 600),
    "assistant.threads.setStatus": (set_status, "assistant:write", 600),
    "assistant.threads.setSuggestedPrompts": (suggest, "assistant:write", 100),
    "agents.sessions.setStatus": (set_session, "chat:write", 50),
    "reactions.add": (react, "reactions:write", 50),
    "reactions.remove": (unreact, "reactions:write", 50),
    "views.open": (open_view, "", 100),
}
