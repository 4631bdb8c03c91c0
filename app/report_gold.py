"""The report on answers to gold questions: figures, plots, and for each question what was found, said and cited."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from app.evaluation import CheckedCitation, FoundSection, Outcome, Verdict
from app.report_page import filters, link, page, table, tiles, words
from app.report_plots import refusal_plot, weights_plot
from app.runs import RunFacts
from app.scoring import Scores, refusal_curve

OUTCOMES: Mapping[Outcome, str] = {
    "ok": "right",
    "not_retrieved": "not retrieved",
    "refused": "retrieved, but refused",
    "without_gold": "answered without the gold answer",
    "false_answer": "false answer",
    "unavailable": "unavailable",
}


def gold_report(facts: RunFacts, scores: Scores, verdicts: Sequence[Verdict]) -> str:
    """The whole HTML file."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    present = [(name, title, counts[name]) for name, title in OUTCOMES.items() if counts[name]]
    buttons, style = filters([("all", "all", len(verdicts)), *present])
    body = [
        tiles(_headline(scores)),
        "<h2>All figures</h2>",
        table(("measure", "value"), score_rows(scores)),
        "<h2>The gate</h2>",
        _plots(verdicts, threshold=facts.answerable_above),
        "<h2>Questions</h2>",
        buttons,
        *(_question(verdict) for verdict in verdicts),
    ]
    return page("Evaluation: answers", facts, body, style=style)


def score_rows(scores: Scores) -> list[tuple[str, str]]:
    """Every figure with its name, for people; none of questions of a kind that was not asked."""
    return [
        *(_answerable_rows(scores) if scores.answerable else ()),
        *(_placed_rows(scores) if scores.placed else ()),
        *(_unanswerable_rows(scores) if scores.questions > scores.answerable else ()),
        ("answers with a sentence of the model", f"{scores.grounded:.1%}"),
        ("citations", f"{scores.citations:,}"),
        ("quotes that are not in their section", f"{scores.invalid_quotes:,}"),
        ("links that lead nowhere", f"{scores.broken_links:,}"),
        ("sentences / not supported by what they cite", f"{scores.sentences:,} / {scores.unsupported_sentences:,}"),
        ("time to the sections, p50 / p95", f"{scores.retrieve_p50_ms:.0f} / {scores.retrieve_p95_ms:.0f} ms"),
        ("time to the whole answer, p50 / p95", f"{scores.p50_ms:.0f} / {scores.p95_ms:.0f} ms"),
    ]


def _answerable_rows(scores: Scores) -> list[tuple[str, str]]:
    return [
        ("answerable: a gold answer contained", f"{scores.gold_contained:.1%}"),
        ("answerable: words of the gold answer said", f"{scores.gold_words_said:.1%}"),
        ("answerable: refused", f"{scores.false_refusals:.1%}"),
    ]


def _placed_rows(scores: Scores) -> list[tuple[str, str]]:
    return [
        ("answerable: the gold page cited", f"{scores.page_cited:.1%}"),
        (
            "answerable: the gold page / section among the first 5 found",
            f"{scores.page_recall_5:.1%} / {scores.section_recall_5:.1%}",
        ),
        ("answerable: the gold section among the first 20 found", f"{scores.section_recall_20:.1%}"),
        ("gold section: nDCG@10 / MRR@10", f"{scores.section_ndcg_10:.3f} / {scores.section_mrr_10:.3f}"),
        (
            "citations of the gold section, precision / recall",
            f"{scores.citation_precision:.1%} / {scores.citation_recall:.1%}",
        ),
    ]


def _unanswerable_rows(scores: Scores) -> list[tuple[str, str]]:
    return [
        ("unanswerable: not found", f"{scores.not_found_when_unanswerable:.1%}"),
        ("unanswerable: answered", f"{scores.false_answers:.1%}"),
    ]


def _headline(scores: Scores) -> list[tuple[str, str]]:
    return [
        ("Questions", f"{scores.questions:,}"),
        ("Gold answer contained", f"{scores.gold_contained:.1%}"),
        ("False answers", f"{scores.false_answers:.1%}"),
        ("False refusals", f"{scores.false_refusals:.1%}"),
        ("Gold section in the first 5", f"{scores.section_recall_5:.1%}"),
        ("Invalid quotes, broken links", f"{scores.invalid_quotes + scores.broken_links:,}"),
    ]


def _plots(verdicts: Sequence[Verdict], *, threshold: float) -> str:
    weighed = [(verdict.is_answerable, verdict.answerable) for verdict in verdicts if verdict.answerable is not None]
    asked = [weight for is_answerable, weight in weighed if is_answerable]
    others = [weight for is_answerable, weight in weighed if not is_answerable]
    return (
        f'<div class="plots"><figure>{weights_plot(asked, others, threshold=threshold)}<figcaption>The gate’s estimate '
        "that the sections found hold the answer, as shares of the answerable (up) and the unanswerable questions "
        f"(down). Dashed: the threshold in use, {threshold:g}.</figcaption></figure>"
        f"<figure>{refusal_plot(refusal_curve(verdicts), threshold=threshold)}<figcaption>What each threshold would "
        "do: unanswerable questions it lets through, answerable ones it refuses. The shares named are those at "
        "the dashed threshold.</figcaption></figure></div>"
    )


def _question(verdict: Verdict) -> str:
    mark = f'<span class="mark {verdict.outcome}">{escape(OUTCOMES[verdict.outcome])}</span>'
    asked_as = f' <span class="about">as {words(verdict.email)}</span>' if verdict.email else ""
    return (
        f'<details class="{verdict.outcome}"><summary>{mark}{words(verdict.question)}{asked_as}</summary>'
        f"<div>{_wanted(verdict)}{_said(verdict)}"
        f"{_cited(verdict.citations)}{_found(verdict)}</div></details>"
    )


def _wanted(verdict: Verdict) -> str:
    if not verdict.is_answerable:
        return "<h3>Wanted</h3><p>Not found: the pages do not say.</p>"
    place = f' <span class="about">in {words(verdict.gold_place)}</span>' if verdict.gold_place else ""
    return f"<h3>Wanted</h3><p>{' or '.join(words(answer) for answer in verdict.gold)}{place}</p>"


def _said(verdict: Verdict) -> str:
    weight = "not weighed" if verdict.answerable is None else f"gate {verdict.answerable:.2f}"
    about = f"{verdict.status.replace('_', ' ')}, {verdict.mode}, {weight}, {verdict.total_ms:.0f} ms"
    reason = f'<p class="about">{words(verdict.reason)}</p>' if verdict.reason else ""
    sentences = "".join(
        f"<li>{words(sentence.text)} {''.join(f'[{number}]' for number in sentence.citations)}"
        f"{'' if sentence.is_supported else ' <span class=fault>not supported</span>'}</li>"
        for sentence in verdict.sentences
    )
    return f'<h3>Said</h3><p class="about">{escape(about)}</p>{reason}' + (f"<ul>{sentences}</ul>" if sentences else "")


def _cited(citations: Iterable[CheckedCitation]) -> str:
    cited = "".join(
        f'<li value="{citation.number}">{link(citation.heading, citation.url)}'
        f"{_gold(is_section=citation.is_gold, is_page=citation.is_gold_page)}"
        f"{'' if citation.is_linked else ' <span class=fault>link leads nowhere</span>'}"
        f"{'' if citation.is_quoted else ' <span class=fault>quote is not there</span>'}"
        f"<blockquote>{words(citation.quote)}</blockquote></li>"
        for citation in citations
    )
    return f"<h3>Cited</h3><ol>{cited}</ol>" if cited else ""


def found_list(found: Iterable[FoundSection]) -> str:
    """The sections found, best first, with the gold one marked."""
    lines = "".join(_found_line(section) for section in found)
    return f"<h3>Found</h3><ol>{lines}</ol>" if lines else "<h3>Found</h3><p>Nothing.</p>"


def _found(verdict: Verdict) -> str:
    deeper = ""
    if verdict.section_rank is not None and verdict.section_rank > len(verdict.found):
        deeper = f'<p class="about">The gold section was found at rank {verdict.section_rank}.</p>'
    elif verdict.gold_place and verdict.section_rank is None:
        deeper = '<p class="fault">The gold section is not among the first 20.</p>'
    return found_list(verdict.found) + deeper


def _found_line(section: FoundSection) -> str:
    return (
        f'<li value="{section.rank}">{link(section.heading, section.url)} '
        f'<span class="about">{section.score:.3f}</span>'
        f"{_gold(is_section=section.is_gold, is_page=section.is_gold_page)}</li>"
    )


def _gold(*, is_section: bool, is_page: bool) -> str:
    if is_section:
        return ' <span class="gold">gold section</span>'
    return ' <span class="gold">gold page</span>' if is_page else ""
