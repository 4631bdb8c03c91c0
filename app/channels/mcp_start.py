"""Where the server meets assistants: MCP is served where its SDK is installed, which is an extra."""

from fastapi import FastAPI

from app.callers import Door
from app.conversations import AnswerBook
from app.draining import Draining
from app.wiring import AnswerSide


def include_mcp(app: FastAPI, side: AnswerSide, door: Door, book: AnswerBook, draining: Draining) -> None:
    """Add `POST /mcp` to the application, if it can be served."""
    try:
        from app.channels import mcp
    except ImportError:
        return
    app.include_router(mcp.build_router(side, door, book, draining))
