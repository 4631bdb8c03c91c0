"""A fake Confluence Cloud: v2 for content, v1 where v2 has nothing, and 410 for v1 content as since CHANGE-864."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.fakes.confluence_cursors import gone, page_of
from tests.fakes.confluence_faults import Faults
from tests.fakes.confluence_v1 import V1, only_known
from tests.fakes.confluence_wiki import FakeComment, FakeContent, FakeFile, FakeWiki

EMAIL = "footnote-bot@example.com"
TOKEN = "cloud-token-of-a-test"
MOST_EXPANDED = 200
_KINDS = {"pages": "page", "blogposts": "blogpost"}
_CONTAINERS = {"folders": "folder", "whiteboards": "whiteboard", "databases": "database", "embeds": "embed"}


class CloudSite:
    """The endpoints. `has_roles`: the site grants access to spaces by roles. `may_*`: what the token's scopes allow."""

    def __init__(self, wiki: FakeWiki, faults: Faults) -> None:
        self.wiki = wiki
        self.faults = faults
        self.has_roles = False
        self.may_search = True
        self.may_read_restrictions = True
        self.hides_restrictions_in_lists = False
        # Where downloads are sent on to; empty: this site.
        self.media_address = ""
        self.may_read_space_permissions = True
        self._v1 = V1(wiki, is_cloud=True)

    def app(self) -> Starlette:
        v1, v2 = "/wiki/rest/api", "/wiki/api/v2"
        routes: list[tuple[str, Callable[[Request], Any]]] = [
            (f"{v1}/user/current", lambda request: self._v1.user(self.wiki.account)),
            (f"{v1}/user/bulk", self._people),
            (f"{v1}/content/search", self._search),
            (f"{v1}/content/{{id}}/restriction/byOperation/read", self._restriction),
            (f"{v1}/content/{{page}}/child/attachment/{{id}}/download", self._download),
            (f"{v1}/group/{{id}}/membersByGroupId", self._members),
            (f"{v1}/content/{{rest:path}}", gone),
            (f"{v1}/content", gone),
            (f"{v2}/spaces", self._spaces),
            (f"{v2}/space-roles", self._roles),
            (f"{v2}/spaces/{{id}}/permissions", self._permissions),
            (f"{v2}/spaces/{{id}}/role-assignments", self._assignments),
            (f"{v2}/spaces/{{id}}/{{kind:str}}", self._contents),
            (f"{v2}/spaces/{{id}}", self._space),
            (f"{v2}/attachments/{{id}}", self._attachment),
            (f"{v2}/{{place:str}}/{{id}}/children", self._answers),
            (f"{v2}/{{kind:str}}/{{id}}/footer-comments", self._comments),
            (f"{v2}/{{kind:str}}/{{id}}/inline-comments", self._comments),
            (f"{v2}/{{kind:str}}/{{id}}/attachments", self._attachments),
            (f"{v2}/{{kind:str}}/{{id}}", self._one),
            (f"{v2}/{{kind:str}}", self._contents),
            ("/media/{id}", self._media),
            ("/wiki/spaces/{key}/{place}/{id}", self._shown),
        ]
        return Starlette(routes=[Route(path, self._guarded(answer)) for path, answer in routes])

    def _guarded(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            is_page = request.url.path.startswith(("/wiki/spaces/", "/media/"))
            try:
                if not is_page and not self._is_signed_in(request) and not self._is_public(request):
                    raise HTTPException(401, "Unauthorized")
                said = answer(request)
            except HTTPException as exc:
                body = {"errors": [{"status": exc.status_code, "code": "REFUSED", "title": exc.detail}]}
                return JSONResponse(body, exc.status_code)
            return said if isinstance(said, Response) else JSONResponse(said)

        return guarded

    def _is_signed_in(self, request: Request) -> bool:
        expected = base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
        return self.faults.is_token_valid and request.headers.get("authorization") == f"Basic {expected}"

    def _is_public(self, request: Request) -> bool:
        found = re.fullmatch(r"/wiki/api/v2/spaces/(\d+)", request.url.path)
        space = self.wiki.spaces.get(found[1]) if found else None
        is_nobody = "authorization" not in request.headers
        return self.wiki.is_open and is_nobody and space is not None and ("anonymous", "") in space.readers

    def _spaces(self, request: Request) -> Any:
        query = only_known(request, "keys", "status", "limit", "cursor")
        keys = query["keys"].split(",") if "keys" in query else None
        rows = [
            {"id": each.id, "key": each.key, "name": each.name, "status": each.status, "type": "global"}
            for each in self.wiki.spaces.values()
            if each.status == query.get("status", each.status)
            # Personal spaces are not found by their keys.
            and (keys is None or (each.key in keys and not each.key.startswith("~")))
        ]
        return self._page(request, rows)

    def _space(self, request: Request) -> Any:
        return {"id": request.path_params["id"]}

    def _permissions(self, request: Request) -> Any:
        only_known(request, "limit", "cursor")
        if not self.may_read_space_permissions:
            raise HTTPException(403, "You may not")
        space = self._known_space(request)
        readers = [] if self.has_roles else space.readers
        who = [
            {"type": "access-class", "id": "ANONYMOUS_USERS"} if kind == "anonymous" else {"type": kind, "id": name}
            for kind, name in readers
        ]
        operations = [{"key": "read", "targetType": "space"}, {"key": "create", "targetType": "page"}]
        rows = [{"principal": each, "operation": operation} for operation in operations for each in who]
        return self._page(request, [{"id": str(number), **row} for number, row in enumerate(rows)])

    def _roles(self, request: Request) -> Any:
        only_known(request, "limit", "cursor")
        rows = [{"id": "viewer", "spacePermissions": ["read/space"]}, {"id": "none", "spacePermissions": []}]
        return self._page(request, rows)

    def _assignments(self, request: Request) -> Any:
        only_known(request, "limit", "cursor")
        readers = self._known_space(request).readers if self.has_roles else []
        rows = [
            {"roleId": "viewer", "principal": {"principalType": kind.upper(), "principalId": name}}
            for kind, name in readers
        ]
        return self._page(request, rows)

    def _contents(self, request: Request) -> Any:
        query = only_known(request, "status", "limit", "cursor", "depth", "id", "body-format")
        kind = _KINDS.get(request.path_params["kind"])
        if kind is None:
            raise HTTPException(404, "no such resource")
        ids = query["id"].split(",") if "id" in query else None
        # Without a status, archived pages are listed as well.
        statuses = query.get("status", "current,archived").split(",")
        found = self.wiki.listed(kind, space_id=request.path_params.get("id"), statuses=statuses)
        found = [each for each in found if ids is None or each.id in ids]
        rows = found[: self.faults.silent_cap] if ids is None else found
        form = query.get("body-format")
        return self._page(request, [self._row(each, form) for each in rows])

    def _one(self, request: Request) -> Any:
        query = only_known(request, "body-format", "include-labels")
        kind = _KINDS.get(request.path_params["kind"]) or _CONTAINERS.get(request.path_params["kind"])
        page = self.wiki.content.get(request.path_params["id"])
        if page is None or page.kind != kind or not self.wiki.is_seen(page):
            raise HTTPException(404, "Not found")
        row = self._row(page, query.get("body-format"))
        if query.get("include-labels"):
            row["labels"] = {"results": [{"name": name} for name in page.labels]}
        return row

    def _row(self, page: FakeContent, form: str | None) -> dict[str, Any]:
        parent = self.wiki.content.get(page.parent_id or "")
        body: dict[str, Any] = {}
        if form == "storage":
            body = {"storage": {"representation": "storage", "value": page.storage}}
        elif form == "atlas_doc_format":
            body = {"atlas_doc_format": {"value": page.adf or json.dumps({"type": "doc", "content": []})}}
        elif form is not None:
            raise HTTPException(400, "Unknown body format")
        return {
            "id": page.id, "title": page.title, "status": page.status, "spaceId": page.space_id,
            "parentId": page.parent_id, "parentType": parent.kind if parent else None, "body": body,
            "version": {"number": page.version, "createdAt": page.modified.isoformat()},
            "subtype": "live" if page.is_live else None,
        }  # fmt: skip

    def _attachment(self, request: Request) -> Any:
        file = self.wiki.files.get(request.path_params["id"])
        if file is None or self.wiki.page_of(file) is None:
            raise HTTPException(404, "Not found")
        return {"id": file.id, "status": "current", "pageId": file.page_id, "title": file.title}

    def _comments(self, request: Request) -> Any:
        only_known(request, "body-format", "limit", "cursor")
        place = "inline" if request.url.path.endswith("inline-comments") else "footer"
        page_id = request.path_params["id"]
        return self._page(request, self._comment_rows(page_id, place, parent_id=None))

    def _answers(self, request: Request) -> Any:
        only_known(request, "body-format", "limit", "cursor")
        comment = self.wiki.comments[request.path_params["id"]]
        return self._page(request, self._comment_rows(comment.page_id, comment.place, parent_id=comment.id))

    def _comment_rows(self, page_id: str, place: str, *, parent_id: str | None) -> list[dict[str, Any]]:
        ours: list[FakeComment] = [
            each
            for each in self.wiki.comments.values()
            if (each.page_id, each.place, each.parent_id) == (page_id, place, parent_id)
        ]
        return [
            {
                "id": each.id, "status": "current", "pageId": page_id,
                "version": {"number": each.version, "authorId": each.author},
                "body": {"storage": {"value": each.storage}},
                "resolutionStatus": "resolved" if each.is_resolved else "open",
                "properties": {"inlineOriginalSelection": each.quoted} if each.quoted else {},
            }
            for each in ours
        ]  # fmt: skip

    def _search(self, request: Request) -> Any:
        query = only_known(request, "cql", "expand", "limit", "start", "cursor", "next")
        if not self.may_search:
            raise HTTPException(403, "scope does not match")
        parts = self._v1.search(query["cql"])
        expand = query["expand"].split(",") if query.get("expand") else []
        shown = [part for part in parts if not isinstance(part, FakeContent) or part.kind in _KINDS.values()]
        if not self.may_read_restrictions:
            expand = [name for name in expand if not name.startswith("restrictions")]
        return self._page(
            request,
            shown,
            most=MOST_EXPANDED,
            of=lambda part: self._v1.content(part, expand, is_open=self.hides_restrictions_in_lists),
        )

    def _restriction(self, request: Request) -> Any:
        query = only_known(request, "expand", "start", "limit")
        page = self.wiki.content.get(request.path_params["id"])
        if not self.may_read_restrictions:
            raise HTTPException(403, "You may not")
        if page is None or not self.wiki.is_seen(page):
            raise HTTPException(404, "Not found")
        subjects = self._v1.subjects(page, start=int(query.get("start", 0)), limit=int(query.get("limit", 100)))
        return {"operation": "read", "restrictions": subjects}

    def _members(self, request: Request) -> Any:
        only_known(request, "limit", "start", "cursor")
        group = self.wiki.groups.get(request.path_params["id"])
        if group is None:
            raise HTTPException(404, "Group not found")
        return self._page(request, [self._v1.user(user) for user in self.wiki.flat_members(group)], most=MOST_EXPANDED)

    def _people(self, request: Request) -> Any:
        keys = request.query_params.getlist("accountId")
        return {"results": [self._v1.user(self.wiki.users[key]) for key in keys if key in self.wiki.users]}

    def _download(self, request: Request) -> Response:
        return RedirectResponse(f"{self.media_address}/media/{request.path_params['id']}", 302)

    def _media(self, request: Request) -> Response:
        if "authorization" in request.headers:
            raise HTTPException(400, "Only one auth mechanism allowed")
        file: FakeFile | None = self.wiki.files.get(request.path_params["id"])
        return Response(file.content if file else b"", 200 if file else 404, media_type="application/octet-stream")

    def _shown(self, request: Request) -> Response:
        page = self.wiki.content[request.path_params["id"]]
        ids = self.wiki.heading_ids(page, is_cloud=True)
        return HTMLResponse("".join(f'<h2 id="{each}">…</h2>' for each in ids))

    def _known_space(self, request: Request) -> Any:
        if (space := self.wiki.spaces.get(request.path_params["id"])) is None:
            raise HTTPException(404, "Not found")
        return space

    def _attachments(self, request: Request) -> Any:
        only_known(request, "status", "limit", "cursor")
        files = [each for each in self.wiki.files.values() if each.page_id == request.path_params["id"]]
        rows = [
            {
                "id": each.id, "status": "current", "title": each.title, "pageId": each.page_id,
                "mediaType": each.media_type, "fileSize": each.byte_count,
                "version": {"number": each.version, "createdAt": "2026-03-01T12:00:00.000Z"},
            }
            for each in files
        ]  # fmt: skip
        return self._page(request, rows)

    def _page(self, request: Request, rows: list[Any], **options: Any) -> Any:
        return page_of(request, rows, self.faults, **options)
