"""A fake Confluence Data Center: v1 alone, caps that depend on what is expanded, `next` that jumps over rows."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.fakes.confluence_faults import Faults
from tests.fakes.confluence_v1 import V1, only_known, space_of
from tests.fakes.confluence_wiki import FakeContent, FakeWiki

TOKEN = "datacenter-token-of-a-test"
CONTEXT = "/confluence"


class DataCenterSite:
    """The endpoints, below a context path. `is_old`: before 9.1. `may_*`: what the account may do."""

    def __init__(self, wiki: FakeWiki, faults: Faults) -> None:
        self.wiki = wiki
        self.faults = faults
        self.is_old = False
        self.has_anonymous_access = False
        self.may_search = True
        self.may_read_restrictions = True
        self.hides_restrictions_in_lists = False
        self.may_read_space_permissions = True
        self._v1 = V1(wiki, is_cloud=False)

    def app(self) -> Starlette:
        api = f"{CONTEXT}/rest/api"
        routes: list[tuple[str, Callable[[Request], Any]]] = [
            (f"{api}/user/current", self._whoami),
            (f"{api}/user", self._user),
            (f"{api}/space", self._spaces),
            (f"{api}/space/{{key}}/permissions", self._permissions),
            (f"{api}/space/{{key}}", lambda request: {"key": request.path_params["key"]}),
            (f"{api}/content/search", self._search),
            (f"{api}/content", self._listing),
            (f"{api}/content/{{id}}/restriction/byOperation/read", self._restriction),
            (f"{api}/content/{{id}}/child/comment", self._comments),
            (f"{api}/content/{{id}}/child/attachment", self._attachments),
            (f"{api}/content/{{id}}", self._one),
            (f"{api}/group/{{name}}/member", self._members),
            (f"{CONTEXT}/rest/mobile/1.0/profile/{{name}}", self._profile),
            (f"{CONTEXT}/download/attachments/{{page}}/{{name}}", self._download),
            (f"{CONTEXT}/pages/viewpage.action", self._shown),
        ]
        procedures = Route(
            f"{CONTEXT}/rpc/json-rpc/confluenceservice-v2/getSpacePermissionSets",
            self._guarded(self._permission_sets),
            methods=["POST"],
        )
        return Starlette(routes=[*(Route(path, self._guarded(answer)) for path, answer in routes), procedures])

    def _guarded(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            name = self.wiki.account.username if self._is_signed_in(request) else "anonymous"
            headers = {"X-AUSERNAME": name}
            try:
                if name == "anonymous" and not self._is_open(request):
                    raise HTTPException(401, "Unauthorized")
                said = answer(request)
            except HTTPException as exc:
                body = {"statusCode": exc.status_code, "message": exc.detail}
                return JSONResponse(body, exc.status_code, headers=headers)
            return said if isinstance(said, Response) else JSONResponse(said, headers=headers)

        return guarded

    def _is_signed_in(self, request: Request) -> bool:
        return self.faults.is_token_valid and request.headers.get("authorization") == f"Bearer {TOKEN}"

    def _is_open(self, request: Request) -> bool:
        if request.url.path.endswith("viewpage.action"):
            return True
        key = request.path_params.get("key", "")
        is_public = any(each.key == key and ("anonymous", "") in each.readers for each in self.wiki.spaces.values())
        return self.has_anonymous_access or (self.wiki.is_open and is_public)

    def _whoami(self, request: Request) -> Any:
        if not self._is_signed_in(request):
            return {"type": "anonymous", "displayName": "Anonymous"}
        return self._v1.user(self.wiki.account)

    def _user(self, request: Request) -> Any:
        query = only_known(request, "key", "username")
        for user in self.wiki.users.values():
            if user.key == query.get("key") or user.username == query.get("username"):
                return self._v1.user(user)
        raise HTTPException(404, "No such user")

    def _profile(self, request: Request) -> Any:
        for user in self.wiki.users.values():
            if user.username == request.path_params["name"]:
                return {"userName": user.username, "email": "" if user.is_email_hidden else user.email}
        raise HTTPException(404, "No such user")

    def _spaces(self, request: Request) -> Any:
        query = only_known(request, "spaceKey", "status", "limit", "start")
        keys = request.query_params.getlist("spaceKey")
        found = [
            space_of(each)
            for each in self.wiki.spaces.values()
            if each.status == query.get("status", each.status) and (not keys or each.key in keys)
        ]
        return self._page(request, found, most=500)

    def _permissions(self, request: Request) -> Any:
        if self.is_old:
            raise HTTPException(404, "null for uri")
        if not self.may_read_space_permissions:
            # 500 instead of 403: CONFSERVER-99908
            raise HTTPException(500, "java.lang.RuntimeException")
        rows = []
        for kind, name in self._space(request.path_params["key"]).readers:
            who: dict[str, str] = {"type": kind}
            if kind == "user":
                who["userKey"] = name
            elif kind == "group":
                who["name"] = self.wiki.groups[name].name
            for operation in ("read", "administer"):
                rows.append({"operation": {"targetType": "space", "operationKey": operation}, "subject": who})
        return JSONResponse(rows, headers={"X-AUSERNAME": self.wiki.account.username})

    def _permission_sets(self, request: Request) -> Any:
        if not self.may_read_space_permissions:
            return {"error": {"code": 500, "message": "NotPermittedException"}}
        # The only space there is, as the body cannot be awaited here.
        (space, *_) = self.wiki.spaces.values()
        rows = [
            {
                "userName": self.wiki.users[name].username if kind == "user" else None,
                "groupName": self.wiki.groups[name].name if kind == "group" else None,
            }
            for kind, name in space.readers
        ]
        return JSONResponse(
            [{"type": "VIEWSPACE", "spacePermissions": rows}, {"type": "EDITSPACE", "spacePermissions": []}]
        )

    def _listing(self, request: Request) -> Any:
        query = only_known(request, "spaceKey", "type", "status", "expand", "limit", "start")
        space_id = self._space(query["spaceKey"]).id if "spaceKey" in query else None
        found = self.wiki.listed(query.get("type", "page"), space_id=space_id)
        return self._contents(request, found[: self.faults.silent_cap])

    def _search(self, request: Request) -> Any:
        query = only_known(request, "cql", "expand", "limit", "start")
        if not self.may_search:
            raise HTTPException(403, "You may not")
        return self._contents(request, self._v1.search(query["cql"]))

    def _contents(self, request: Request, parts: list[Any]) -> Any:
        expand = request.query_params["expand"].split(",") if "expand" in request.query_params else []
        if not self.may_read_restrictions:
            expand = [name for name in expand if not name.startswith("restrictions")]
        most = 1000 if not expand else 50 if any(name.startswith("body") for name in expand) else 200
        return self._page(
            request,
            parts,
            most=most,
            of=lambda part: self._v1.content(part, expand, is_open=self.hides_restrictions_in_lists),
        )

    def _one(self, request: Request) -> Any:
        query = only_known(request, "expand", "status")
        content_id = request.path_params["id"]
        part: Any = self.wiki.content.get(content_id) or self.wiki.files.get(content_id)
        page = part if isinstance(part, FakeContent) or part is None else self.wiki.page_of(part)
        if page is None or not self.wiki.is_seen(page) or (page.status != "current" and query.get("status") != "any"):
            raise HTTPException(404, "No content found")
        return self._v1.content(part, query["expand"].split(",") if "expand" in query else [])

    def _restriction(self, request: Request) -> Any:
        query = only_known(request, "expand", "start", "limit")
        page = self.wiki.content.get(request.path_params["id"])
        if not self.may_read_restrictions:
            raise HTTPException(403, "You may not")
        if page is None or not self.wiki.is_seen(page):
            raise HTTPException(404, "No content found")
        subjects = self._v1.subjects(page, start=int(query.get("start", 0)), limit=int(query.get("limit", 100)))
        return {"operation": "read", "restrictions": subjects}

    def _comments(self, request: Request) -> Any:
        query = only_known(request, "expand", "depth", "limit", "start")
        ours = [
            each
            for each in self.wiki.comments.values()
            if each.page_id == request.path_params["id"] and (query.get("depth") == "all" or not each.parent_id)
        ]
        return self._contents(request, ours)

    def _attachments(self, request: Request) -> Any:
        only_known(request, "expand", "limit", "start")
        return self._contents(
            request, [each for each in self.wiki.files.values() if each.page_id == request.path_params["id"]]
        )

    def _members(self, request: Request) -> Any:
        only_known(request, "limit", "start")
        for group in self.wiki.groups.values():
            if group.name == request.path_params["name"]:
                return self._page(request, [self._v1.user(user) for user in self.wiki.flat_members(group)], most=200)
        raise HTTPException(404, "No such group")

    def _download(self, request: Request) -> Response:
        for file in self.wiki.files.values():
            if (file.page_id, file.title) == (request.path_params["page"], request.path_params["name"]):
                return Response(file.content, media_type="application/octet-stream")
        raise HTTPException(404, "No such file")

    def _shown(self, request: Request) -> Response:
        page = self.wiki.content[request.query_params["pageId"]]
        ids = self.wiki.heading_ids(page, is_cloud=False)
        return HTMLResponse("".join(f'<h2 id="{each}">…</h2>' for each in ids))

    def _space(self, key: str) -> Any:
        for space in self.wiki.spaces.values():
            if space.key == key:
                return space
        raise HTTPException(404, "No space with that key")

    def _page(self, request: Request, rows: list[Any], *, most: int, of: Callable[[Any], Any] = lambda row: row) -> Any:
        query = request.query_params
        start, asked = int(query.get("start", 0)), int(query.get("limit", 25))
        refused = self.faults.refused_offset
        if refused is not None and start <= refused < start + asked:
            raise HTTPException(400 if asked > 1 else 500, "Offset refused")
        limit = min(asked, most, self.faults.most_rows)
        begin = 0 if self.faults.goes_in_circles else start
        shown = rows[begin : begin + limit]
        links = {"base": f"http://elsewhere.test{CONTEXT}", "context": CONTEXT}
        if start + limit < len(rows) or self.faults.goes_in_circles:
            # By what was asked for, not by what was given: CONFSERVER-95272.
            links["next"] = f"/rest/api{request.url.path.partition('/rest/api')[2]}?start={start + asked}&limit={asked}"
        return {
            "results": [of(row) for row in shown], "start": start, "limit": limit, "size": len(shown), "_links": links,
        }  # fmt: skip
