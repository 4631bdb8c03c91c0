"""The pictures in the documentation show what the bot says today."""

from tests.fakes.slack_picture import FOLDER, pictures


def test_the_pictures_are_what_the_bot_says() -> None:
    stored = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("slack-*.svg")}
    assert stored == pictures(), "run python -m tests.fakes.slack_picture"
