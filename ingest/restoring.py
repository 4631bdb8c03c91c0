"""Backup and restore. The catalogue is everything: the index is made from it, without a model and without sources."""

import asyncio
import fcntl
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.repairing import build_missing, sweep_index
from kb.catalogue.copying import check_copy, copy_catalogue, file_of, put_in_place, set_aside
from kb.errors import CatalogueUnavailable, ConfigError
from kb.index.edge_wire import LOCK_NAME, owner_pid
from kb.settings import KnowledgeSettings
from kb.wiring import open_knowledge_base


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What is there after a restore, and where what was there before has been put."""

    document_count: int
    point_count: int
    set_aside: Path | None


async def back_up(settings: KnowledgeSettings, file: Path) -> int:
    """Copy the catalogue to a file, while syncs and questions go on; returns how many documents it holds.

    Raises ConfigError, CatalogueUnavailable.
    """
    return await asyncio.to_thread(copy_catalogue, file_of(settings.catalogue_url), file)


async def restore(settings: KnowledgeSettings, file: Path, *, may_replace: bool) -> Restored:
    """Put a backup in place and make its index. What is there already is refused, or set aside if it may be replaced.

    Raises ConfigError before anything is changed; CatalogueUnavailable, also if the directory is in use.
    """
    target = file_of(settings.catalogue_url)
    await asyncio.to_thread(check_copy, file)
    if target.exists() and not may_replace:
        raise ConfigError(f"there is a catalogue at {target} already: --replace sets it aside and restores the backup")
    before = await asyncio.to_thread(_exchange, settings, file, target)
    async with open_knowledge_base(settings) as base:
        await build_missing(base)
        await sweep_index(base)
        await base.index.flush()
        held = await base.index.counts(tenant=settings.tenant)
        live = await base.catalogue.documents.live_revisions(settings.tenant)
    return Restored(document_count=len(live), point_count=sum(held.values()), set_aside=before)


def _exchange(settings: KnowledgeSettings, file: Path, target: Path) -> Path | None:
    index = settings.data_dir / "index"
    _must_be_unused(index)
    suffix = f".before-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    had_one = target.exists()
    if had_one:
        set_aside(target, suffix=suffix)
    try:
        put_in_place(file, target)
        # A cache of the catalogue that is gone: its revisions may bear the numbers of others now.
        if index.exists():
            index.replace(index.with_name(f"index{suffix}"))
            shutil.rmtree(index.with_name(f"index{suffix}"), ignore_errors=True)
    except OSError as exc:
        raise CatalogueUnavailable(f"cannot write {settings.data_dir}: {exc.strerror}") from exc
    return target.with_name(target.name + suffix) if had_one else None


def _must_be_unused(index: Path) -> None:
    lock = index / LOCK_NAME
    if not lock.exists():
        return
    with lock.open("a+", encoding="ascii") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CatalogueUnavailable(
                f"{index.parent} is in use (process {owner_pid(index)}): stop `footnote serve`, wait half a minute, "
                "and try again"
            ) from None
