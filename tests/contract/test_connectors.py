"""What every connector promises. A new one passes these tests as soon as tests/contract/rigs/ has a module for it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from importlib import import_module  # noqa: TID251  # rigs are found by name, like the plugins they try
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import pytest

from ingest.changes import AccessChanged, Change, Checkpoint, Connector, Failed, Listing, Memberships, Removed, Skipped
from kb.access import Audience, Principal, grantee
from kb.documents import Document
from kb.errors import ConfigError, SourceError
from kb.plugins import available, configure, load
from tests.contract import rigs
from tests.contract.rigs.base import READER, STRANGER, Rig
from tests.factories import SOURCE, TENANT

PACKAGE = "ingest.connectors"


def openers(kind: str, module: ModuleType) -> Mapping[str, Callable[[Path], AbstractAsyncContextManager[Rig]]]:
    """The rigs that a module has, by name."""
    return getattr(module, "RIGS", None) or {kind: module.open_rig}


KINDS = sorted(module.name for module in iter_modules(rigs.__path__) if module.name != "base")
MODULES = {kind: import_module(f"{rigs.__name__}.{kind}") for kind in KINDS}
RIGS = {name: opener for kind, module in MODULES.items() for name, opener in openers(kind, module).items()}


@dataclass
class Reader:
    """Follows a source as a sync does: what it knows is what it was given."""

    rig: Rig
    documents: dict[str, Document] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    audiences: dict[str, Audience] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    since: Checkpoint | None = None

    async def sync(self, *, stop_after: int | None = None) -> list[Change]:
        """One run, cut off after so many documents. Returns what the connector gave."""
        connector = self.rig.connector()
        try:
            return await self._sync(connector, stop_after=stop_after)
        finally:
            await connector.close()

    async def _sync(self, connector: Connector, *, stop_after: int | None) -> list[Change]:
        given: list[Change] = []
        async with aclosing(connector.changes(self.since, known=dict(self.versions))) as changes:
            async for change in changes:
                given.append(change)
                self._take(change)
                if stop_after is not None and sum(isinstance(each, Document) for each in given) >= stop_after:
                    break
        listed = [change.titles for change in given if isinstance(change, Listing) and change.is_complete]
        if stop_after is None and listed:
            for native_id in self.versions.keys() - listed[-1].keys():
                if await connector.confirm_removed(native_id):
                    self._forget(native_id)
        return given

    def _take(self, change: Change) -> None:
        match change:
            case Document():
                self.documents[change.native_id] = change
                self.versions[change.native_id] = change.version
                self.audiences[change.native_id] = change.audience
            case AccessChanged():
                self.versions[change.native_id] = change.version
                self.audiences[change.native_id] = change.audience
            case Memberships():
                self.groups = change.groups
            case Removed() | Skipped():
                self._forget(change.native_id)
            case Checkpoint():
                self.since = change

    def _forget(self, native_id: str) -> None:
        for known in (self.documents, self.versions, self.audiences):
            known.pop(native_id, None)

    def admits(self, native_id: str, email: str) -> bool:
        groups: set[str] = set()
        names = {grantee(email)}
        while found := {name for name, members in self.groups.items() if names & set(map(grantee, members))} - groups:
            groups |= found
            names |= {grantee(f"group:{name}") for name in found}
        return self.audiences[native_id].admits(Principal(tenant=TENANT, email=email, groups=frozenset(groups)))


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with RIGS[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
async def reader(rig: Rig) -> Reader:
    return Reader(rig)


def of_kind(changes: list[Change], kind: type[Change]) -> list[Change]:
    return [change for change in changes if isinstance(change, kind)]


def test_every_connector_has_a_rig() -> None:
    assert set(available(PACKAGE)) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_a_connector_does_not_know_is_refused_by_name(kind: str) -> None:
    with pytest.raises(ConfigError, match="spaecs"):
        configure(load(PACKAGE, kind), {"spaecs": 1}, where="[[sources]] x")


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_connector_is_described(kind: str) -> None:
    fields = load(PACKAGE, kind).Config.model_fields
    assert [name for name, about in fields.items() if not about.description] == []


async def test_every_page_comes_with_its_text_link_and_readers(rig: Rig, reader: Reader) -> None:
    names = [await rig.write(name, f"Text of {name}.") for name in ("one", "two", "three")]
    await reader.sync()
    assert sorted(reader.documents) == sorted(names)
    for page in reader.documents.values():
        assert (page.tenant, page.source_id) == (TENANT, SOURCE)
        assert page.sections[0].text.startswith("Text of ")
        assert page.title
        assert page.space
        assert page.url
        assert page.updated_at.tzinfo is not None
        assert reader.admits(page.native_id, READER)


async def test_the_listing_names_every_page(rig: Rig, reader: Reader) -> None:
    names = [await rig.write(name, "Text.") for name in ("one", "two")]
    # There may be one before that tells how much there is to do.
    listing = of_kind(await reader.sync(), Listing)[-1]
    assert isinstance(listing, Listing)
    assert listing.is_complete
    assert sorted(listing.titles) == sorted(names)


async def test_progress_is_told_after_what_it_covers(rig: Rig, reader: Reader) -> None:
    for name in ("one", "two"):
        await rig.write(name, "Text.")
    given = await reader.sync()
    assert isinstance(given[-1], Checkpoint)


async def test_a_second_run_over_unchanged_pages_reads_none(rig: Rig, reader: Reader) -> None:
    for name in ("one", "two"):
        await rig.write(name, "Text.")
    await reader.sync()
    given = await reader.sync()
    assert of_kind(given, Document) + of_kind(given, Failed) + of_kind(given, Removed) == []


async def test_an_edit_brings_that_page_alone_at_a_new_version(rig: Rig, reader: Reader) -> None:
    await rig.write("one", "Text.")
    edited = await rig.write("two", "Old text.")
    await reader.sync()
    before = reader.versions[edited]
    await rig.write("two", "New text.")
    given = await reader.sync()
    assert [page.native_id for page in of_kind(given, Document) if isinstance(page, Document)] == [edited]
    assert reader.documents[edited].sections[0].text == "New text."
    assert reader.versions[edited] != before


async def test_a_new_page_comes_alone(rig: Rig, reader: Reader) -> None:
    await rig.write("one", "Text.")
    await reader.sync()
    added = await rig.write("two", "Text.")
    given = await reader.sync()
    assert [page.native_id for page in of_kind(given, Document) if isinstance(page, Document)] == [added]


async def test_a_deleted_page_is_known_to_be_gone_after_the_next_run(rig: Rig, reader: Reader) -> None:
    kept = await rig.write("one", "Text.")
    await rig.write("two", "Text.")
    await reader.sync()
    await rig.delete("two")
    await reader.sync()
    assert list(reader.versions) == [kept]


async def test_a_page_that_is_there_is_never_confirmed_gone(rig: Rig) -> None:
    native_id = await rig.write("one", "Text.")
    connector = rig.connector()
    assert await connector.confirm_removed(native_id) is None
    await connector.close()


async def test_a_source_that_is_away_is_an_error_and_no_evidence(rig: Rig, reader: Reader) -> None:
    native_id = await rig.write("one", "Text.")
    await reader.sync()
    await rig.go_away()
    with pytest.raises(SourceError):
        await reader.sync()
    assert await confirmed(rig, native_id) is None
    await rig.come_back()
    await reader.sync()
    assert list(reader.versions) == [native_id]


async def test_a_page_that_cannot_be_read_is_named_and_the_others_come(rig: Rig, reader: Reader) -> None:
    spoiled = await rig.write("one", "Text.")
    others = [await rig.write(name, "Text.") for name in ("two", "three")]
    await rig.spoil("one")
    given = await reader.sync()
    failed = of_kind(given, Failed)
    assert [change.native_id for change in failed if isinstance(change, Failed)] == [spoiled]
    assert all(change.reason for change in failed if isinstance(change, Failed))
    assert sorted(reader.documents) == sorted(others)


async def test_a_page_that_cannot_be_read_any_more_stays_and_comes_once_it_can(rig: Rig, reader: Reader) -> None:
    native_id = await rig.write("one", "Text.")
    await reader.sync()
    await rig.spoil("one")
    await reader.sync()
    assert reader.documents[native_id].sections[0].text == "Text."
    await rig.write("one", "Mended text.")
    await reader.sync()
    assert reader.documents[native_id].sections[0].text == "Mended text."


@pytest.mark.parametrize("stop_after", [1, 2])
async def test_a_run_that_was_cut_off_goes_on_with_what_is_missing(rig: Rig, reader: Reader, stop_after: int) -> None:
    names = [await rig.write(name, "Text.") for name in ("one", "two", "three")]
    await reader.sync(stop_after=stop_after)
    given = await reader.sync()
    assert sorted(reader.documents) == sorted(names)
    assert len(of_kind(given, Document)) == len(names) - stop_after


async def test_a_restriction_closes_the_page_with_the_next_run(rig: Rig, reader: Reader) -> None:
    if not getattr(rig, "restricts_pages", True):
        pytest.skip("the source does not say who may read a page")
    native_id = await rig.write("one", "Text.")
    await rig.write("two", "Text.")
    await reader.sync()
    await rig.restrict("one", [READER])
    given = await reader.sync()
    assert reader.admits(native_id, READER)
    assert not reader.admits(native_id, STRANGER)
    assert len(of_kind(given, Document)) + len(of_kind(given, AccessChanged)) == 1


async def test_requests_are_counted(rig: Rig) -> None:
    await rig.write("one", "Text.")
    connector = rig.connector()
    assert connector.request_count == 0
    assert [change async for change in connector.changes(None, known={})]
    assert connector.request_count > 0
    await connector.close()


async def confirmed(rig: Rig, native_id: str) -> str | None:
    """The evidence that a page is gone; None also where the source says that it cannot tell."""
    connector = rig.connector()
    try:
        return await connector.confirm_removed(native_id)
    except SourceError:
        return None
    finally:
        await connector.close()
