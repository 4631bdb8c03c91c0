"""`footnote doctor`: everything that must be right, looked at one by one, with what to do about what is not."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping

import typer
from rich.text import Text

from app.address import listening
from app.auth import must_be_safe_to_bind
from app.cli.printing import make_console, plain
from app.cli.running import OUR_MISTAKE, global_options, run
from app.identity import check_issuer
from app.settings import Settings
from app.wiring import build_chat_model
from ingest.wiring import build_connector
from kb.catalogue import Catalogue
from kb.errors import ConfigError, IndexUnavailable, KnowledgeBaseError, SourceError, SourceUnavailable
from kb.http import HttpClients
from kb.settings import SourceTable
from kb.wiring import build_embedder, open_knowledge_base

LEAST_FREE_BYTES = 1_000_000_000

Check = Callable[[Settings], Awaitable[str]]


def doctor(context: typer.Context) -> None:
    """Look at settings, disk, catalogue, index, models, sources and address; say what is wrong and what to do."""
    settings = global_options(context).settings()
    if not run(_examine(settings)):
        raise typer.Exit(OUR_MISTAKE)


async def _examine(settings: Settings) -> bool:
    checks: Mapping[str, Check] = {
        "data directory": _data_directory,
        "catalogue": _catalogue,
        "embedder": _embedder,
        "index": _index,
        "chat model": _chat_model,
        "sources": _sources,
        "Slack": _slack,
        "identity": _identity,
        "address": _address,
    }
    console = make_console()
    is_healthy = True
    for name, check in checks.items():
        try:
            mark, line = ("✓", "green"), await check(settings)
        except (KnowledgeBaseError, OSError) as exc:
            mark, line, is_healthy = ("✗", "bold red"), str(exc), False
        console.print(Text.assemble(mark, f" {name}: {plain(line)}"), soft_wrap=True)
    return is_healthy


async def _data_directory(settings: Settings) -> str:
    directory = settings.data_dir
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    if not os.access(directory, os.W_OK):
        raise ConfigError(f"{directory} cannot be written: give it to the user who runs Footnote")
    free = shutil.disk_usage(directory).free
    if free < LEAST_FREE_BYTES:
        raise ConfigError(f"{directory}: only {free / 1e9:.1f} GB are free; make room or move it with data_dir")
    return f"{directory}, {free / 1e9:.0f} GB free"


async def _catalogue(settings: Settings) -> str:
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        documents = await catalogue.documents.live_revisions(settings.tenant)
    return f"{len(documents)} documents" if documents else "empty: run footnote sync"


async def _embedder(settings: Settings) -> str:
    embedder = build_embedder(settings)
    try:
        return await embedder.verify()
    finally:
        await embedder.close()


async def _index(settings: Settings) -> str:
    async with open_knowledge_base(settings) as knowledge_base:
        health = await knowledge_base.index.health()
        built_with = knowledge_base.embedder
    if not health.is_ready:
        raise IndexUnavailable(health.detail)
    named = build_embedder(settings)
    await named.close()
    if named.identity != built_with.identity:
        raise ConfigError(
            f"it was built with the embedder {built_with.name}, and goes on with it; [embedder] names {named.name}: "
            "run footnote reindex, or change [embedder] back"
        )
    return health.detail


async def _chat_model(settings: Settings) -> str:
    chat_model = build_chat_model(settings)
    try:
        return await chat_model.verify()
    finally:
        await chat_model.close()


async def _sources(settings: Settings) -> str:
    if not settings.sources:
        raise ConfigError("the configuration names none: add a [[sources]] table (see footnote.example.toml)")
    return "; ".join([f"{source.id} ({source.kind}): {await _source(source, settings)}" for source in settings.sources])


async def _source(source: SourceTable, settings: Settings) -> str:
    connector = build_connector(source, settings)
    try:
        return await connector.verify()
    except SourceError as exc:
        raise SourceUnavailable(f"{source.id}: {exc}") from exc
    finally:
        await connector.close()


async def _slack(settings: Settings) -> str:
    if settings.slack.mode == "off":
        return "off"
    try:
        from app.channels.slack_checks import check_slack
    except ImportError as exc:
        raise ConfigError("[slack] needs an extra: pip install 'footnote-kb[slack]'") from exc
    return await check_slack(settings.slack)


async def _identity(settings: Settings) -> str:
    """Does the provider of sign-ins answer, and can the keys of all issuers be had?"""
    if not settings.knows_people:
        return "off"
    try:
        from app.oidc import Provider
    except ImportError as exc:
        raise ConfigError("[login] and [[issuers]] need an extra: pip install 'footnote-kb[identity]'") from exc
    told = []
    if settings.login.is_on:
        back = f"{settings.server.link_base}/login/callback"
        await Provider(settings.login, redirect_uri=back, http=HttpClients()).begin(to="/")
        told.append(f"{settings.login.issuer} answers, and must know {back}")
    for issuer in settings.issuers:
        await check_issuer(issuer, http=HttpClients())
        told.append(f"{issuer.id}: {issuer.algorithm}")
    return "; ".join(told)


async def _address(settings: Settings) -> str:
    server = settings.server
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        await must_be_safe_to_bind(server.host, catalogue, tenant=settings.tenant, knows_people=settings.knows_people)
    with listening(server.host, server.port):
        return f"{server.host}:{server.port} is free"
