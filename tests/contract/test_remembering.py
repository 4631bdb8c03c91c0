"""The sweep: the chat model is told which revisions are live when they changed, and reads edited pages anew."""

from collections.abc import Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from app.answering.prompting import build_messages
from app.chat_models import llama_cpp
from app.chat_models.base import ChatMessage
from app.chat_models.llama_cpp import LlamaCppModel
from app.chat_models.scripted import Config, ScriptedModel
from app.chat_models.section_store import SectionKey, SectionStore
from app.remembering import RevisionSweep
from kb.catalogue import Catalogue
from kb.http import HttpClients
from tests.contract.catalogues import TENANT, make_document, store
from tests.fakes.answering import make_passage


class RememberingModel(ScriptedModel):
    """Keeps what it was told to retain, and what it was asked to read while nobody asks (`is_quiet`)."""

    def __init__(self) -> None:
        super().__init__(Config())
        self.told: list[tuple[str, set[str]]] = []
        self.known: set[str] = set()
        self.read: list[str] = []
        self.is_quiet = True

    async def retain(self, *, tenant: str, revision_ids: Collection[str]) -> int:
        self.told.append((tenant, set(revision_ids)))
        return 1

    async def remembered(self, *, tenant: str, revision_ids: Collection[str]) -> Collection[str]:
        return self.known & set(revision_ids)

    async def remember(self, messages: Sequence[ChatMessage]) -> bool:
        if self.is_quiet:
            self.read += [messages[1].text[each.start : each.end] for each in messages[1].sections]
        return self.is_quiet


class StoringModel(RememberingModel):
    """Keeps states as the local model does."""

    def __init__(self, states: SectionStore) -> None:
        super().__init__()
        self.states = states

    async def retain(self, *, tenant: str, revision_ids: Collection[str]) -> int:
        await super().retain(tenant=tenant, revision_ids=revision_ids)
        return self.states.retain(tenant=tenant, revision_ids=revision_ids)


async def edited_after_asking(catalogue: Catalogue, model: RememberingModel) -> RevisionSweep:
    """Two pages, one of them asked about, are edited."""
    sweep = RevisionSweep(catalogue, model, tenant=TENANT)
    asked, other = make_document("1", "first words"), make_document("2", "nobody asks")
    await store(catalogue, asked)
    await store(catalogue, other)
    await sweep.sweep()
    model.known = {next(each for each in model.told[0][1] if each.startswith(asked.id))}
    for document in (asked, other):
        await store(catalogue, replace(document, sections=make_document("1", "other words").sections))
    await sweep.sweep()
    return sweep


async def test_an_edited_page_that_was_asked_about_is_read_anew_and_no_other(catalogue: Catalogue) -> None:
    model = RememberingModel()
    sweep = await edited_after_asking(catalogue, model)
    assert await sweep.remember_edited() == len(model.read) == 1
    assert "other words" in model.read[0]
    assert await sweep.remember_edited() == 0, "once"


async def test_reading_anew_waits_while_somebody_asks(catalogue: Catalogue) -> None:
    model = RememberingModel()
    sweep = await edited_after_asking(catalogue, model)
    model.is_quiet = False
    assert await sweep.remember_edited() == 0
    model.is_quiet = True
    assert await sweep.remember_edited() == 1


async def test_an_edit_makes_the_old_revision_go_and_nothing_new_is_not_told_twice(catalogue: Catalogue) -> None:
    model = RememberingModel()
    sweep = RevisionSweep(catalogue, model, tenant=TENANT)
    document = make_document("1", "first words")
    await store(catalogue, document)
    await sweep.sweep()
    await sweep.sweep()
    await store(catalogue, replace(document, sections=make_document("1", "other words").sections))
    await sweep.sweep()
    assert [len(revisions) for _, revisions in model.told] == [1, 1]
    assert model.told[0][1] != model.told[1][1]


async def test_a_deleted_page_is_not_among_the_live_ones(catalogue: Catalogue) -> None:
    model = RememberingModel()
    document = make_document("1", "first words")
    await store(catalogue, document)
    await catalogue.documents.tombstone(TENANT, document.id, reason="deleted")
    await RevisionSweep(catalogue, model, tenant=TENANT).sweep()
    assert model.told == [(TENANT, set())]


async def test_of_a_deleted_page_no_state_is_left_in_memory_or_on_disk(catalogue: Catalogue, tmp_path: Path) -> None:
    states = SectionStore(tmp_path, memory_bytes=1000, disk_bytes=1000)
    model = StoringModel(states)
    deleted, other = make_document("1", "first words"), make_document("2", "other words")
    for document in (deleted, other):
        await store(catalogue, document)
    sweep = RevisionSweep(catalogue, model, tenant=TENANT)
    await sweep.sweep()
    for revision in model.told[-1][1]:
        states.put(SectionKey(tenant=TENANT, revision_id=revision, digest="d"), revision.encode())
    await catalogue.documents.tombstone(TENANT, deleted.id, reason="deleted")
    assert await sweep.sweep() == 1
    (left,) = model.told[-1][1]
    assert left.startswith(other.id)
    assert (states.sizes.memory_count, states.sizes.disk_count) == (1, 1)
    assert SectionStore(tmp_path, memory_bytes=0, disk_bytes=1000).sizes.disk_count == 1, "of the files themselves too"


async def test_a_chat_model_that_remembers_nothing_is_left_alone(catalogue: Catalogue) -> None:
    assert await RevisionSweep(catalogue, ScriptedModel(Config()), tenant=TENANT).sweep() == 0


@pytest.mark.integration
async def test_what_the_model_reads_in_a_quiet_moment_it_remembers_and_a_question_goes_first(tmp_path: Path) -> None:
    config = llama_cpp.Config(format="as-shipped", context_tokens=1024, section_memory=True)
    model = llama_cpp.build(config, data_dir=tmp_path, http=HttpClients())
    assert isinstance(model, LlamaCppModel)
    async with aclosing(model.prepare()) as lines:
        assert [line async for line in lines] == []
    passage = make_passage("The pump stops at two metres.", document_id="wiki:1")
    prompt = build_messages("", [passage], tone="")
    async with model.turns.turn("somebody"):
        assert not await model.remember(prompt)
    assert await model.remember(prompt)
    revisions = ["wiki:1@1", "wiki:1@2"]
    assert await model.remembered(tenant="acme", revision_ids=revisions) == ["wiki:1@1"]
    assert await model.remembered(tenant="globex", revision_ids=revisions) == []
    assert await model.retain(tenant="acme", revision_ids=["wiki:1@2"]) == 1
    assert await model.remembered(tenant="acme", revision_ids=revisions) == []
    await model.close()
