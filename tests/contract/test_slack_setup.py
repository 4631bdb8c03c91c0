"""Setting Slack up: the manifest that ships, what the doctor says, and what is refused before anything starts."""

import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.channels.slack_checks import EVENTS, SCOPES, check_slack
from app.channels.slack_start import slack_bot
from app.main import build_app
from app.slack_settings import SlackRules, SlackTable
from kb.errors import ChannelError, ConfigError
from tests.fakes.answer_sides import make_settings, opened_side
from tests.fakes.slack import FakeSlack, running_slack
from tests.fakes.slack_bot import slack_table
from tests.fakes.slack_server import BOT_TOKEN, CONFIG_TOKEN, Fault

MANIFEST: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "slack-manifest.yaml").read_text())


@pytest.fixture(params=["http", "socket"])
async def slack(request: pytest.FixtureRequest) -> AsyncIterator[FakeSlack]:
    async with running_slack(request.param) as running:
        running.server.manifest = copy.deepcopy(MANIFEST)
        running.server.manifest["settings"]["socket_mode_enabled"] = request.param == "socket"
        yield running


def test_the_manifest_asks_for_what_the_bot_needs_and_nothing_more() -> None:
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == SCOPES
    assert set(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == EVENTS
    assert MANIFEST["settings"]["interactivity"]["is_enabled"]
    assert MANIFEST["features"]["app_home"]["messages_tab_enabled"]
    assert [command["command"] for command in MANIFEST["features"]["slash_commands"]] == ["/ask"]


async def test_the_doctor_finds_nothing_wrong(slack: FakeSlack) -> None:
    assert (await check_slack(slack_table(slack))).startswith(f"Acme, as footnote, by {slack.mode}; events not looked")
    found = await check_slack(slack_table(slack, config_token=CONFIG_TOKEN))
    assert found == f"Acme, as footnote, by {slack.mode}; 7 events"


async def test_the_doctor_names_the_scopes_that_are_missing(slack: FakeSlack) -> None:
    slack.server.scopes -= {"users:read.email", "groups:read"}
    with pytest.raises(ConfigError, match=r"lacks the scopes groups:read, users:read\.email: compare the app"):
        await check_slack(slack_table(slack))


async def test_the_doctor_names_the_events_that_are_missing(slack: FakeSlack) -> None:
    slack.server.manifest["settings"]["event_subscriptions"]["bot_events"].remove("message.im")
    with pytest.raises(ConfigError, match=r"not told of the events message\.im"):
        await check_slack(slack_table(slack, config_token=CONFIG_TOKEN))


async def test_the_doctor_compares_the_mode_and_looks_for_buttons(slack: FakeSlack) -> None:
    shape = slack.server.manifest["settings"]
    shape["socket_mode_enabled"] = slack.mode != "socket"
    with pytest.raises(ConfigError, match="Socket Mode says otherwise"):
        await check_slack(slack_table(slack, config_token=CONFIG_TOKEN))
    shape["interactivity"]["is_enabled"] = False
    with pytest.raises(ConfigError, match="buttons do nothing"):
        await check_slack(slack_table(slack, config_token=CONFIG_TOKEN))


async def test_the_doctor_says_which_token_is_refused_and_never_the_token(slack: FakeSlack) -> None:
    wrong = {"bot_token": "xoxb-sesame"} if slack.mode == "http" else {"app_token": "xapp-sesame"}
    with pytest.raises(ConfigError, match=r"Slack refuses SLACK_(BOT|APP)_TOKEN \(invalid_auth\)") as refusal:
        await check_slack(slack_table(slack, **wrong))
    assert "sesame" not in str(refusal.value)


async def test_the_doctor_tells_a_slack_that_is_away_from_one_that_refuses(slack: FakeSlack) -> None:
    slack.server.faults.append(Fault("auth.test", "cut", times=9))
    with pytest.raises(ChannelError, match="Slack does not answer"):
        await check_slack(slack_table(slack))


@pytest.mark.parametrize(
    ("mode", "missing"), [("http", "bot_token"), ("http", "signing_secret"), ("socket", "app_token")]
)
async def test_a_server_without_a_token_it_needs_does_not_start(tmp_path: Path, mode: str, missing: str) -> None:
    tokens = {"bot_token": "xoxb-1", "app_token": "xapp-1", "signing_secret": "s"} | {missing: None}
    table = SlackTable.model_validate({"mode": mode, "api_base_url": "http://127.0.0.1:9/api/", **tokens})
    settings = make_settings(tmp_path).model_copy(update={"slack": table})
    async with opened_side(settings) as side:
        with pytest.raises(ConfigError, match=rf"\[slack\] needs SLACK_{missing.upper()}"):
            async with slack_bot(side, build_app(side, is_open=False)):
                pass


async def test_a_slack_that_is_away_does_not_keep_the_server_from_starting(tmp_path: Path) -> None:
    table = SlackTable.model_validate(
        {"mode": "socket", "bot_token": "xoxb-1", "app_token": "xapp-1", "api_base_url": "http://127.0.0.1:9/api/"}
    )
    settings = make_settings(tmp_path).model_copy(update={"slack": table})
    async with opened_side(settings) as side, slack_bot(side, build_app(side, is_open=False)):
        pass


def test_tokens_are_in_no_repr() -> None:
    table = SlackTable.model_validate({"mode": "socket", "bot_token": BOT_TOKEN, "app_token": "xapp-sesame"})
    assert BOT_TOKEN not in repr(table)
    assert "sesame" not in repr(table)


def test_tokens_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("xapp-2\n")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-2")
    monkeypatch.setenv("SLACK_APP_TOKEN_FILE", str(tmp_path / "token"))
    table = SlackTable()
    assert table.bot_token is not None
    assert table.app_token is not None
    assert (table.bot_token.get_secret_value(), table.app_token.get_secret_value()) == ("xoxb-2", "xapp-2")


def test_a_channel_changes_only_the_rules_it_names() -> None:
    table = SlackTable.model_validate(
        {"rules": {"escalate_to": "U0BEN", "threads": False}, "channels": {"C0HELP": {"answers": "auto"}}}
    )
    assert table.rules_of("C0OTHER") == SlackRules(escalate_to="U0BEN", threads=False)
    assert table.rules_of("C0HELP") == SlackRules(escalate_to="U0BEN", threads=False, answers="auto")


@pytest.mark.parametrize(
    "values",
    [{"api_base_url": "ftp://x"}, {"channels": {"#general": {}}}, {"rules": {"escalate_to": "@ben"}}, {"tokens": "x"}],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        SlackTable.model_validate(values)
