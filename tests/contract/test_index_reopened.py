"""What an index holds is there when it is opened again: edge and server."""

from dataclasses import replace
from pathlib import Path

import pytest

from kb.errors import IndexMismatch
from kb.index import edge
from kb.index.base import Index
from tests.contract.indexes import DIMENSION, build_index, find, make_page, pages

pytestmark = pytest.mark.integration


@pytest.fixture(params=["edge", "server"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def data_dir(kind: str, tmp_path: Path, shared_data_dir: Path) -> Path:
    """The edge's owner process serves every test; the server's engine wants a directory of its own."""
    return shared_data_dir if kind == "edge" else tmp_path


async def test_an_index_closed_even_twice_holds_the_same_when_it_is_opened_again(kind: str, data_dir: Path) -> None:
    first = build_index(kind, data_dir, generation=20)
    await first.upsert_revision(make_page("holiday policy", "network diagram"))
    await first.set_audience(tenant="acme", document_id="wiki:home", audience_id=1)
    await first.flush()
    before = await find(first, "holiday")
    await first.close()
    await first.close()
    second = build_index(kind, data_dir, generation=20)
    assert await find(second, "holiday") == before
    await second.close()


async def test_generations_are_strangers(kind: str, data_dir: Path) -> None:
    old = build_index(kind, data_dir, generation=21)
    await old.upsert_revision(make_page("holiday policy"))
    await old.close()
    new = build_index(kind, data_dir, generation=22)
    assert await find(new, "holiday policy") == []
    await new.close()


async def test_an_index_of_another_dimension_is_a_mismatch(kind: str, data_dir: Path, tmp_path: Path) -> None:
    # A directory of its own: an owner knows the shards it has loaded, and this one is to be read from disk.
    home = tmp_path if kind == "server" else tmp_path / "elsewhere"
    first = build_index(kind, home, generation=1)
    await first.upsert_revision(make_page("holiday policy"))
    await first.close()
    second = build_index(kind, home, generation=1, dimension=DIMENSION * 2)
    with pytest.raises(IndexMismatch):
        await second.counts(tenant="acme")
    await second.close()
    third = build_index(kind, home, generation=1)
    assert pages(await find(third, "holiday policy")) == ["wiki:home"]
    await third.close()


async def test_an_edge_index_of_another_language_is_a_mismatch(shared_data_dir: Path) -> None:
    def in_language(language: str) -> Index:
        config = edge.Config(language=language, idle_seconds=3)
        return edge.build(config, data_dir=shared_data_dir, generation=23, dimension=DIMENSION)

    english, german = in_language("english"), in_language("german")
    await english.upsert_revision(make_page("holiday policy"))
    with pytest.raises(IndexMismatch, match="german"):
        await german.upsert_revision([replace(chunk) for chunk in make_page("holiday policy")])
    await english.close()
    await german.close()
