"""The report on retrieval over whole collections: figures beside the baselines, and the queries that went worst."""

from collections.abc import Mapping, Sequence
from html import escape

from app.rating import QueryRating, SuiteRun
from app.report_page import filters, page, table, words
from app.report_plots import rankers_plot, spread_plot
from app.runs import RunFacts
from app.suites import Suite

# Of each suite; the JSON beside the report has all of them.
WORST_SHOWN = 100
_SHOWN_TEXT = 160
COLUMNS = (
    "suite",
    "pages",
    "queries",
    "nDCG@10",
    "BM25 alone",
    "embedder alone",
    "R@5",
    "R@20",
    "MRR@10",
    "p50",
    "p95",
)


def suites_report(facts: RunFacts, runs: Sequence[SuiteRun]) -> str:
    """The whole HTML file."""
    worst = [
        sorted((each for each in run.ratings["footnote"] if each.ndcg_10 < 1), key=lambda each: each.ndcg_10)
        for run in runs
    ]
    shown = [ratings[:WORST_SHOWN] for ratings in worst]
    choices = [("all", "all", sum(map(len, shown)))]
    choices += [(f"suite-{place}", run.suite.name, len(shown[place])) for place, run in enumerate(runs)]
    buttons, style = filters(choices)
    body = [
        '<p class="about">One configuration for all. Times in milliseconds.</p>',
        table(COLUMNS, suite_rows(runs)),
        _plots(runs),
        f'<h2>Queries below nDCG@10 = 1</h2><p class="about">At most the {WORST_SHOWN} worst of each collection.</p>',
        buttons,
    ]
    for place, run in enumerate(runs):
        titles = {each.id: ": ".join(filter(None, (each.title, each.text))) for each in run.suite.pages}
        body += [_query(rating, run.suite, titles, name=f"suite-{place}") for rating in shown[place]]
    return page("Evaluation: retrieval", facts, body, style=style, has_answers=False)


def _plots(runs: Sequence[SuiteRun]) -> str:
    rows = [(run.suite.name, [run.scores[name].ndcg_10 for name in ("footnote", "words", "embedder")]) for run in runs]
    values = [rating.ndcg_10 for run in runs for rating in run.ratings["footnote"]]
    return (
        f'<h2>nDCG@10</h2><div class="plots"><figure>{rankers_plot(rows)}<figcaption>Of each collection: '
        "the path that a question takes, and its two halves alone.</figcaption></figure>"
        f"<figure>{spread_plot(values)}<figcaption>Of single queries, as shares of all {len(values):,}: Footnote."
        "</figcaption></figure></div>"
    )


def suite_rows(runs: Sequence[SuiteRun]) -> list[tuple[str, ...]]:
    """A row a suite, for COLUMNS."""
    rows = []
    for run in runs:
        mine, by_words, by_embedder = (run.scores[name] for name in ("footnote", "words", "embedder"))
        shares = (
            mine.ndcg_10, by_words.ndcg_10, by_embedder.ndcg_10, mine.recall_5, mine.recall_20, mine.mrr_10,
        )  # fmt: skip
        counts = (f"{len(run.suite.pages):,}", f"{len(run.suite.queries):,}")
        times = (f"{mine.p50_ms:.1f}", f"{mine.p95_ms:.1f}")
        rows.append((run.suite.name, *counts, *(f"{share:.3f}" for share in shares), *times))
    return rows


def _query(rating: QueryRating, suite: Suite, titles: Mapping[str, str], *, name: str) -> str:
    judged = suite.judged[rating.query_id]
    found = "".join(_page(each, titles, is_right=judged.get(each, 0) > 0) for each in rating.found[:10])
    missed = [each for each, grade in judged.items() if grade > 0 and each not in rating.found[:10]]
    lines = "".join(_page(each, titles, is_right=True, rank=_rank(rating.found, each)) for each in missed)
    wanted = f"<h3>Right, but not among the first ten</h3><ul>{lines}</ul>" if missed else ""
    mark = f'<span class="mark">{rating.ndcg_10:.2f}</span>'
    return (
        f'<details class="{name}"><summary>{mark}{words(rating.query)}</summary>'
        f"<div><h3>Found</h3><ol>{found}</ol>{wanted}</div></details>"
    )


def _page(page_id: str, titles: Mapping[str, str], *, is_right: bool, rank: str = "") -> str:
    title = titles.get(page_id, page_id)
    shown = title if len(title) <= _SHOWN_TEXT else f"{title[:_SHOWN_TEXT]}…"
    right = ' <span class="gold">right</span>' if is_right else ""
    return f'<li>{words(shown)} <span class="about">{words(page_id)}{escape(rank)}</span>{right}</li>'


def _rank(found: Sequence[str], page_id: str) -> str:
    return f", found at rank {found.index(page_id) + 1}" if page_id in found else ", not among the first 20"
