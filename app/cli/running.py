"""How every command runs: settings found and read, one event loop, and errors as one clear line with an exit code."""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer

from app.settings import Settings
from kb.errors import (
    AccessDenied,
    CatalogueTooNew,
    ConfigError,
    IndexMismatch,
    InvalidQuestion,
    KnowledgeBaseError,
)
from kb.logs import configure_logging, place_of
from kb.settings import CONFIG_NAME, load_settings

CALLERS_MISTAKE = 2
OUR_MISTAKE = 1
INTERRUPTED = 130
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalOptions:
    """What stands before the command's name."""

    config: Path
    data_dir: Path | None
    log_level: str | None = None

    def settings(self) -> Settings:
        """The settings. Raises ConfigError."""
        return load_settings(Settings, self.config, data_dir=self.data_dir)


def global_options(context: typer.Context) -> GlobalOptions:
    """The options given before the command's name."""
    options = context.find_object(GlobalOptions)
    return options or GlobalOptions(config=Path(CONFIG_NAME), data_dir=None)


def must_be_an_address(email: str | None) -> str | None:
    """The e-mail address of `--as`. Raises ConfigError for what is none: a slip would quietly ask as a stranger."""
    if email is not None and not all(email.strip().partition("@")):
        raise ConfigError(f"--as takes an e-mail address, and {email!r} is none")
    return email


# Any: the two type arguments that a coroutine has beside its result are never used here.
def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The coroutine's result; Ctrl-C cancels it and lets it clean up."""
    return asyncio.run(coroutine)


def run_command(app: typer.Typer) -> None:
    """Run the command line. Errors become one line on stderr; exit code 2: the caller's mistake, 1: ours."""
    configure_logging(level="WARNING", as_json=False)
    try:
        code = app(standalone_mode=False)
    except (ConfigError, InvalidQuestion, AccessDenied, IndexMismatch, CatalogueTooNew) as exc:
        _fail(exc, code=CALLERS_MISTAKE)
    except KnowledgeBaseError as exc:
        _fail(exc, code=OUR_MISTAKE)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        _leave_quietly()
    except Exception as exc:  # the last line of defence: a person gets a line, not a traceback
        # Typer's own errors, by what they can do: it has moved their classes between packages.
        if (usage := getattr(exc, "format_message", None)) is not None:
            _say_usage(usage(), context=getattr(exc, "ctx", None))
            sys.exit(CALLERS_MISTAKE)
        logging.getLogger(__name__).debug("unexpected error", exc_info=exc)
        # The place, not the error's own words: those may be a page's.
        _say(f"unexpected {type(exc).__name__} ({place_of(exc).partition(' < ')[0]}): please report it")
        sys.exit(OUR_MISTAKE)
    if code == INTERRUPTED:  # raised, or made into this code by Typer
        _say("stopped; nothing that was finished is lost")
    sys.exit(code if isinstance(code, int) else 0)


def _leave_quietly() -> NoReturn:
    """The reader of our output went away. What is still buffered must not be complained about at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(OUR_MISTAKE)


def _fail(error: KnowledgeBaseError, *, code: int) -> NoReturn:
    _say(" ".join(str(error).split()))
    sys.exit(code)


def _say_usage(message: str, *, context: typer.Context | None) -> None:
    if "\n" in message:
        typer.echo(message, err=True)  # a command named without anything: this is its help
        return
    _say(message.rstrip(".") + (f"; see {context.command_path} --help" if context else ""))


def _say(line: str) -> None:
    print(f"footnote: {line}", file=sys.stderr)  # noqa: T201  # this is the command's own voice
