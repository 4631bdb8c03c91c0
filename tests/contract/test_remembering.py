"""The sweep: the chat model is told which revisions are live when they changed, and only then."""

from collections.abc import Collection
from dataclasses import replace

from app.chat_models.scripted import Config, ScriptedModel
from app.remembering import RevisionSweep
from kb.catalogue import Catalogue
from tests.contract.catalogues import TENANT, make_document, store


class RememberingModel(ScriptedModel):
    """Keeps what it was told to retain."""

    def __init__(self) -> None:
        super().__init__(Config())
        self.told: list[tuple[str, set[str]]] = []

    async def retain(self, *, tenant: str, revision_ids: Collection[str]) -> int:
        self.told.append((tenant, set(revision_ids)))
        return 1


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


async def test_a_chat_model_that_remembers_nothing_is_left_alone(catalogue: Catalogue) -> None:
    assert await RevisionSweep(catalogue, ScriptedModel(Config()), tenant=TENANT).sweep() == 0
