"""The widget: one script that any page may load, and visitors' tokens for the pages of configured sites."""

import gzip
import hashlib
import re
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.callers import Door, foreign_origin
from app.identity import LONGEST_TOKEN
from app.problems import REFUSALS

# In the order in which one uses the other; the last is what a page's script tag stands for.
_MODULES = ("nodes", "calling", "words", "style", "turn", "chat")
_COMMENT = re.compile(r"/\*\*.*?\*/ ?", re.DOTALL)
_STYLES = re.compile(r"(?<=const CSS = `).*?(?=`;)", re.DOTALL)
# What stands in quotes stays as it is; space around signs is for people.
_QUOTED_OR_SIGNS = re.compile(r'("(?:\\.|[^"\\\n])*"|`[^`\n]*`)| ?([=(){}?:,;<>+&|!]+) ?')
_LINE_END = re.compile(r"(?<=[;{,(])\n")
_REMARK = re.compile(r' // [^"`]*$')
# A pattern between slashes may hold quotes and spaces of its own.
_PATTERN = re.compile(r"\(/|/\^")


class VisitBody(BaseModel):
    """Which site the page belongs to."""

    model_config = ConfigDict(extra="forbid")

    site: str = Field(max_length=60)
    user_token: str | None = Field(
        default=None, max_length=LONGEST_TOKEN, description="A token (JWT) by which the site says who the visitor is."
    )


class VisitorBody(BaseModel):
    """A visitor's token: good for this page's origin, for so long."""

    token: str
    expires_in: int


def build_router(door: Door) -> APIRouter:
    """`/widget.js` for everybody, `POST /widget/visits` for pages on a site's list of origins."""
    router = APIRouter(tags=["widget"], responses=REFUSALS)
    script = widget_script().encode()
    packed = gzip.compress(script, 9, mtime=0)
    tag = f'"{hashlib.sha256(script).hexdigest()[:32]}"'

    @router.get("/widget.js", include_in_schema=False)
    async def widget(request: Request) -> Response:
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Cache-Control": "no-cache",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "ETag": tag,
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        is_packed = "gzip" in request.headers.get("accept-encoding", "")
        headers |= {"Content-Encoding": "gzip"} if is_packed else {}
        return Response(packed if is_packed else script, media_type="text/javascript; charset=utf-8", headers=headers)

    @router.post("/widget/visits")
    async def visit(body: VisitBody, request: Request) -> VisitorBody:
        """A token for a visitor of a site's page, which is told by its Origin."""
        origin = foreign_origin(request.headers)
        token, seconds = await door.begin_visit(body.site, origin, user_token=body.user_token)
        return VisitorBody(token=token, expires_in=seconds)

    return router


def widget_script() -> str:
    """The widget's modules as one, without comments: one request, and one digest for a page that pins it."""
    folder = files("app.channels") / "static"
    texts = [(folder / "widget" / f"{name}.js").read_text(encoding="utf-8") for name in _MODULES]
    texts.append((folder / "widget.js").read_text(encoding="utf-8"))
    return "\n".join(map(_bare, texts)) + "\n"


def _bare(module: str) -> str:
    styles = _STYLES.search(module)
    module = _STYLES.sub("", _COMMENT.sub("", module))
    lines = (_REMARK.sub("", line.strip()) for line in module.splitlines())
    kept = (line.removeprefix("export ") for line in lines if line and not line.startswith(("//", "import ")))
    packed = _LINE_END.sub("", "\n".join(map(_packed_line, kept)))
    # Nothing is assigned twice that was const before; the shorter word will do.
    packed = packed.replace("const ", "let ")
    return packed.replace("let CSS=``", f"let CSS=`{_packed_styles(styles[0])}`") if styles else packed


def _packed_styles(styles: str) -> str:
    packed = re.sub(r"\s*([{};,>])\s*", r"\1", styles)
    return re.sub(r": +", ":", packed).replace(";}", "}")


def _packed_line(line: str) -> str:
    return line if _PATTERN.search(line) else _QUOTED_OR_SIGNS.sub(lambda found: found[1] or found[2], line)
