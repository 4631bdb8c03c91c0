"""What the catalogue promises about verdicts on answers, on SQLite and PostgreSQL."""

from kb.catalogue import Catalogue
from kb.catalogue.records import Verdict
from tests.contract.catalogues import TENANT


async def rate(catalogue: Catalogue, verdict: Verdict, *, rater: str = "U1", tenant: str = TENANT) -> None:
    await catalogue.feedback.rate(tenant, answer_id="a_1", rater=rater, channel="slack", verdict=verdict)


async def test_a_persons_last_verdict_holds(catalogue: Catalogue) -> None:
    for verdict in ("up", "down", "up", "down"):
        await rate(catalogue, verdict)
    await rate(catalogue, "up", rater="U2")
    found = await catalogue.feedback.of_answer(TENANT, "a_1")
    assert [(each.rater, each.verdict) for each in found] == [("U1", "down"), ("U2", "up")]


async def test_a_reason_belongs_to_a_verdict_and_a_new_verdict_takes_it_back(catalogue: Catalogue) -> None:
    why = {"answer_id": "a_1", "rater": "U1", "reasons": ["outdated"], "comment": "See the new page."}
    assert not await catalogue.feedback.explain(TENANT, **why)
    await rate(catalogue, "down")
    assert await catalogue.feedback.explain(TENANT, **why)
    (found,) = await catalogue.feedback.of_answer(TENANT, "a_1")
    assert (found.reasons, found.comment) == (("outdated",), "See the new page.")
    await rate(catalogue, "up")
    (found,) = await catalogue.feedback.of_answer(TENANT, "a_1")
    assert (found.verdict, found.reasons, found.comment) == ("up", (), "")


async def test_another_tenants_verdicts_are_not_seen(catalogue: Catalogue) -> None:
    await rate(catalogue, "up", tenant="globex")
    assert await catalogue.feedback.of_answer(TENANT, "a_1") == []
