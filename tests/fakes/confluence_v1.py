"""What both deployments' v1 API share: content objects, restrictions, and search by a part of CQL."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from tests.fakes.confluence_wiki import FakeComment, FakeContent, FakeFile, FakeSpace, FakeUser, FakeWiki

_CLAUSES = {
    "type": re.compile(r"type in \(([a-z, ]+)\)"),
    "space": re.compile(r'space in \(((?:"[^"]+"(?:, )?)+)\)'),
    "id": re.compile(r"id in \(([0-9, ]+)\)"),
    "label": re.compile(r'label = "([^"]+)"'),
    "title": re.compile(r'title ~ "([^"]+)"'),
}
_EXPANSIONS = frozenset(
    {
        "version", "container", "space", "ancestors", "metadata.labels", "body.storage",
        "restrictions.read.restrictions.user", "restrictions.read.restrictions.group",
        "extensions.inlineProperties", "extensions.resolution",
    }
)  # fmt: skip

Part = FakeContent | FakeComment | FakeFile


class V1:
    """Objects of one deployment."""

    def __init__(self, wiki: FakeWiki, *, is_cloud: bool) -> None:
        self.wiki = wiki
        self.is_cloud = is_cloud

    def search(self, cql: str) -> list[Part]:
        """Current content that matches, by id. Refuses CQL that it does not know, as the real one does."""
        wanted: dict[str, set[str]] = {}
        for clause in cql.split(" and "):
            name, found = next(
                ((name, hit) for name, rule in _CLAUSES.items() if (hit := rule.fullmatch(clause))), ("", None)
            )
            if found is None:
                raise HTTPException(400, f"Could not parse cql: {clause}")
            wanted[name] = {word.strip().strip('"') for word in found[1].split(",")}
        everything: list[Part] = [*self.wiki.content.values(), *self.wiki.comments.values(), *self.wiki.files.values()]
        found_parts = [part for part in everything if self._matches(part, wanted)]
        return sorted(found_parts, key=lambda part: int(part.id.removeprefix("att")))

    def content(self, part: Part, expand: Iterable[str], *, is_open: bool = False) -> dict[str, Any]:
        """`is_open`: as if nothing were restricted."""
        wanted = set(expand)
        if unknown := wanted - _EXPANSIONS:
            raise HTTPException(400, f"Could not expand {sorted(unknown)}")
        match part:
            case FakeContent():
                return self._page(replace(part, restriction=None) if is_open else part, wanted)
            case FakeComment():
                return self._comment(part, wanted)
            case FakeFile():
                return self._file(part, wanted)

    def subjects(self, page: FakeContent, *, start: int = 0, limit: int = 200) -> dict[str, Any]:
        users, groups = page.restriction or ([], [])
        return {
            "user": _window([self._subject(key) for key in users], start, limit),
            "group": _window([self.group(group_id) for group_id in groups], start, limit),
        }

    def user(self, user: FakeUser) -> dict[str, Any]:
        if self.is_cloud:
            email = "" if user.is_email_hidden else user.email
            return {"type": "known", "accountId": user.key, "displayName": user.name, "email": email}
        return {"type": "known", "username": user.username, "userKey": user.key, "displayName": user.name}

    def _subject(self, key: str) -> dict[str, Any]:
        if key in self.wiki.users:
            return self.user(self.wiki.users[key])
        return {"type": "unknown", "accountId" if self.is_cloud else "userKey": key, "displayName": "Former user"}

    def group(self, group_id: str) -> dict[str, Any]:
        group = self.wiki.groups.get(group_id)
        name = group.name if group else group_id
        return {"type": "group", "name": name} | ({"id": group_id} if self.is_cloud else {})

    def _matches(self, part: Part, wanted: dict[str, set[str]]) -> bool:
        page = part if isinstance(part, FakeContent) else self.wiki.page_of(part)
        if page is None or page.status != "current" or not self.wiki.is_seen(page) or part.id in self.wiki.unindexed:
            return False
        space = self.wiki.spaces[page.space_id]
        kind = (
            part.kind if isinstance(part, FakeContent) else "comment" if isinstance(part, FakeComment) else "attachment"
        )
        return (
            kind in wanted.get("type", {"page", "blogpost"} if isinstance(part, FakeContent) else {kind})
            and space.status == "current"
            and space.key in wanted.get("space", {space.key})
            and part.id in wanted.get("id", {part.id})
            and ("label" not in wanted or bool(set(page.labels) & wanted["label"]))
            and ("title" not in wanted or any(word in page.title for word in wanted["title"]))
        )

    def _page(self, page: FakeContent, wanted: set[str]) -> dict[str, Any]:
        row: dict[str, Any] = {"id": page.id, "type": page.kind, "status": page.status, "title": page.title}
        if "version" in wanted:
            row["version"] = {"number": page.version, "when": page.modified.isoformat()}
        if "space" in wanted:
            row["space"] = space_of(self.wiki.spaces[page.space_id])
        if "ancestors" in wanted:
            row["ancestors"] = [
                {"id": each.id, "type": each.kind, "title": each.title} for each in self.wiki.above(page)
            ]
        if "metadata.labels" in wanted:
            row["metadata"] = {"labels": {"results": [{"prefix": "global", "name": name} for name in page.labels]}}
        if "body.storage" in wanted:
            row["body"] = {"storage": {"value": page.storage, "representation": "storage"}}
        if any(name.startswith("restrictions.read") for name in wanted):
            row["restrictions"] = {"read": {"operation": "read", "restrictions": self.subjects(page)}}
        return row

    def _comment(self, comment: FakeComment, wanted: set[str]) -> dict[str, Any]:
        row = self._part(comment, "comment", f"Re: {comment.page_id}", wanted)
        if "version" in wanted:
            row["version"]["by"] = self.user(self.wiki.users[comment.author])
        if "ancestors" in wanted:
            row["ancestors"] = self._thread(comment)
        if "body.storage" in wanted:
            row["body"] = {"storage": {"value": comment.storage}}
        row["extensions"] = {"location": comment.place}
        if "extensions.inlineProperties" in wanted and comment.quoted:
            row["extensions"]["inlineProperties"] = {"originalSelection": comment.quoted, "markerRef": "ref"}
        if "extensions.resolution" in wanted:
            row["extensions"]["resolution"] = {"status": "resolved" if comment.is_resolved else "open"}
        return row

    def _thread(self, comment: FakeComment) -> list[dict[str, Any]]:
        above: list[dict[str, Any]] = []
        while comment.parent_id:
            comment = self.wiki.comments[comment.parent_id]
            above.insert(0, {"id": comment.id, "type": "comment"})
        return above

    def _file(self, file: FakeFile, wanted: set[str]) -> dict[str, Any]:
        row = self._part(file, "attachment", file.title, wanted)
        row["metadata"] = {"mediaType": file.media_type}
        row["extensions"] = {"mediaType": file.media_type, "fileSize": file.byte_count}
        row["_links"] = {"download": f"/download/attachments/{file.page_id}/{file.title}?version={file.version}&api=v2"}
        return row

    def _part(self, part: FakeComment | FakeFile, kind: str, title: str, wanted: set[str]) -> dict[str, Any]:
        row: dict[str, Any] = {"id": part.id, "type": kind, "status": "current", "title": title}
        if "version" in wanted:
            row["version"] = {"number": part.version, "when": "2026-03-01T12:00:00.000Z"}
        if "container" in wanted:
            row["container"] = {"id": part.page_id, "type": "page"}
        else:
            row["_expandable"] = {"container": f"/rest/api/content/{part.page_id}"}
        return row


def space_of(space: FakeSpace) -> dict[str, Any]:
    return {"id": int(space.id), "key": space.key, "name": space.name, "type": "global", "status": space.status}


def _window(rows: list[dict[str, Any]], start: int, limit: int) -> dict[str, Any]:
    shown = rows[start : start + limit]
    return {"results": shown, "start": start, "limit": limit, "size": len(shown)}


def only_known(request: Request, *known: str) -> dict[str, str]:
    """The query, if it holds nothing that the endpoint does not know."""
    if unknown := set(request.query_params) - set(known):
        raise HTTPException(400, f"Unknown parameters {sorted(unknown)}")
    return dict(request.query_params)
