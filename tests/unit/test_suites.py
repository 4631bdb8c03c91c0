"""Collections read from their folders, and rated query by query."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from app.rating import rate, summarise
from app.suites import SuitePage, find_suites, read_suite
from kb.errors import ConfigError

CORPUS = '{"id": "p1", "title": "Annual_leave", "text": "Eight days."}\n{"id": "p 2/x", "text": "Other."}\n'
QUERIES = '{"id": "q1", "text": "leave?"}\n{"id": "q2", "text": "nobody judged this"}\n'
JUDGED = "query-id\tcorpus-id\tscore\nq1\tp1\t1\nq1\tp 2/x\t0\n"


def make_suite(
    root: Path, name: str = "laws", *, corpus: str = CORPUS, queries: str = QUERIES, judged: str = JUDGED
) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    for file, text in {"corpus.jsonl": corpus, "queries.jsonl": queries, "qrels.tsv": judged}.items():
        (folder / file).write_text(text, encoding="utf-8")
    return root


def test_a_suite_is_its_pages_and_its_judged_queries(tmp_path: Path) -> None:
    suite = read_suite(make_suite(tmp_path), "laws")
    assert [page.title for page in suite.pages] == ["Annual leave", ""]
    assert (suite.queries, suite.judged) == ({"q1": "leave?"}, {"q1": {"p1": 1}})


def test_suites_are_found_by_their_folders(tmp_path: Path) -> None:
    make_suite(tmp_path, "laws")
    make_suite(tmp_path, "poems/german")
    assert find_suites(tmp_path) == ["laws", "poems/german"]


def test_an_unknown_suite_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it holds laws"):
        read_suite(make_suite(tmp_path), "poems")


@pytest.mark.parametrize(
    "broken", [{"corpus": '{"id": 1}\n'}, {"queries": "no json\n"}, {"judged": "q1\tp1\thigh\nq1\tp1\tx\n"}]
)
def test_a_broken_line_is_named(tmp_path: Path, broken: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"(corpus|queries|qrels)\.\w+:\d"):
        read_suite(make_suite(tmp_path, **broken), "laws")


def test_a_page_is_written_as_markdown_under_its_title(tmp_path: Path) -> None:
    read_suite(make_suite(tmp_path), "laws").write_pages(tmp_path / "pages")
    assert (tmp_path / "pages" / "p1.md").read_text(encoding="utf-8") == "# Annual leave\n\nEight days.\n"


@pytest.mark.parametrize("page_id", ["../../etc/passwd", "a/b", "", "x" * 200, ".hidden", "Ж"])
def test_an_id_that_is_no_file_name_becomes_a_digest(page_id: str) -> None:
    name = SuitePage(id=page_id, title="", text="").file_name
    assert name.removesuffix(".md").isalnum()
    assert len(name) == 19


async def test_a_ranker_is_rated_by_the_pages_it_finds(tmp_path: Path) -> None:
    suite = read_suite(make_suite(tmp_path), "laws")
    other = suite.pages[1].file_name

    async def ranker(query: str) -> Sequence[str]:
        return [f"s:{other}", f"s:{other}", "s:p1.md", "another source's page"]

    ratings = [rating async for rating in rate(suite, ranker, source_id="s")]
    scores = summarise(ratings)
    assert ratings[0].found == ("p 2/x", "p1")
    assert (scores.recall_5, scores.mrr_10) == (1.0, 0.5)
