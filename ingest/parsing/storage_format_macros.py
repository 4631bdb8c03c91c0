"""What each Confluence macro becomes: one table. docs/confluence.md shows it, with a test for every row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from ingest.parsing import storage_format_macro_text as text
from ingest.parsing.storage_format_macro_text import Macro, Page


class Body(Enum):
    """What becomes of a macro's rich body."""

    SHOWN = "shown as if the macro were not there"
    INLINE = "shown in the sentence it stands in"
    LEFT_OUT = "not shown"
    PANEL = "shown behind the label and the title"
    PART = "a section under the title"
    PROPERTIES = "its tables as `name: value` lines"
    QUOTE = "a block quote"
    NOTE = "in brackets where it stands"


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroRule:
    """`write`: adds the macro's own text once it ends. `is_withheld`: not every reader of the page may see it."""

    body: Body = Body.SHOWN
    label: str = ""
    write: Callable[[Macro, Page], None] | None = None
    is_withheld: bool = False


# For a macro that is not in the table, which is counted: its body, whatever it means.
UNKNOWN = MacroRule(body=Body.INLINE, write=text.fenced)

_SHOWN = MacroRule()
_NOTHING = MacroRule(body=Body.LEFT_OUT)
_PART = MacroRule(body=Body.PART)
_CODE = MacroRule(write=text.code)
_FENCED = MacroRule(write=text.fenced)
_REFERENCE = MacroRule(body=Body.LEFT_OUT, write=text.reference)
_FILE = MacroRule(body=Body.LEFT_OUT, write=text.file)
_URL = MacroRule(body=Body.LEFT_OUT, write=text.address)
_DIAGRAM = MacroRule(body=Body.LEFT_OUT, write=text.diagram)
_WITHHELD = MacroRule(body=Body.LEFT_OUT, is_withheld=True)


_GROUPS: tuple[tuple[MacroRule, str], ...] = (
    (_CODE, "code code-block codeblock paste-code-macro noformat"),
    (
        _FENCED,
        "mermaid-macro mermaid plantuml plantumlrender graphviz csv swagger-open-api swagger-integration open-api "
        "unmigrated-wiki-markup unmigrated-inline-wiki-markup",
    ),
    (MacroRule(body=Body.PANEL, label="Info"), "info"),
    (MacroRule(body=Body.PANEL, label="Note"), "note"),
    (MacroRule(body=Body.PANEL, label="Tip"), "tip"),
    (MacroRule(body=Body.PANEL, label="Success"), "success"),
    (MacroRule(body=Body.PANEL, label="Warning"), "warning"),
    (MacroRule(body=Body.PANEL, label="Error"), "error"),
    (MacroRule(body=Body.PANEL), "panel custom-panel"),
    (
        _PART,
        "expand ui-expand clickable tab tab-pane ui-tab localtab card horizontal-nav-item vertical-nav-item "
        "ui-step auihorizontalnavpage nestedexpand",
    ),
    (MacroRule(body=Body.PROPERTIES), "details"),
    (MacroRule(body=Body.QUOTE), "quote"),
    (
        MacroRule(body=Body.PART, label="Translation"),
        "sv-translation english french german spanish italian portuguese dutch polish russian japanese chinese korean",
    ),
    (
        _SHOWN,
        "section column layout div align center bgcolor legend convertedtoblock tabs-group tab-group ui-tabs "
        "localtab-group deck horizontal-nav-group vertical-nav-group ui-steps auihorizontalnav auibuttongroup toc-zone "
        "excerpt multiexcerpt multiexcerpt-macro scroll-ignore scroll-only scroll-pdf-ignore scroll-pdf-only "
        "scroll-title scroll-landscape scroll-portrait scroll-tablelayout table-filter table-joiner pivot-table "
        "tableenhancer chart table-chart ui-text-box ul numberedheadings",
    ),
    (
        MacroRule(body=Body.INLINE),
        "span highlight lozenge scroll-ignore-inline scroll-only-inline scroll-pdf-ignore-inline",
    ),
    (
        _NOTHING,
        "toc pagetree pagetreesearch rw-pagetree livesearch recently-updated popular-labels contributors gallery "
        "create-from-template space-attachments attachments navmap blog-posts listlabels related-labels favpages "
        "spaces-list children contentbylabel detailssummary tasks-report-macro anchor page-info change-history "
        "loremipsum style javascript bookmark wordpress-sync-info wordpress-metadata author scroll-pagetitle "
        "scroll-exportbutton scroll-indexterm scroll-bookmark scroll-pagebreak mathblock-ref contributors-summary "
        "network activity-stream",
    ),
    (
        _REFERENCE,
        "include excerpt-include multiexcerpt-include multiexcerpt-include-macro scroll-content-block "
        "multiexcerpt-fast-include-block-macro multiexcerpt-fast-include-inline-macro",
    ),
    (MacroRule(body=Body.LEFT_OUT, write=text.status), "status"),
    (MacroRule(body=Body.LEFT_OUT, write=text.jira), "jira jiraissues jirachart"),
    (MacroRule(body=Body.LEFT_OUT, write=text.roadmap), "roadmap"),
    (_DIAGRAM, "drawio inc-drawio drawio-sketch gliffy lucidchart mermaid-cloud"),
    (MacroRule(write=text.math), "mathinline eazy-math-inline easy-math-inline latex unit"),
    (MacroRule(write=text.math_block), "mathblock easy-math-block"),
    (MacroRule(write=text.markdown), "markdown"),
    (MacroRule(write=text.html), "html"),
    (_FILE, "view-file viewfile viewpdf viewxls viewdoc viewppt multimedia excel"),
    (_URL, "widget iframe embed youtube gadget html-include"),
    (MacroRule(body=Body.LEFT_OUT, write=text.person), "profile profile-picture"),
    (MacroRule(body=Body.LEFT_OUT, write=text.date), "time date"),
    (MacroRule(write=text.title), "ui-button"),
    (MacroRule(body=Body.INLINE, write=text.note), "tooltip cfm-tooltip"),
    (MacroRule(body=Body.NOTE, write=text.note), "footnote cfm-footnote"),
    (MacroRule(write=text.tasks), "tasklist"),
    (_WITHHELD, "show-if hide-if"),
)


RULES: Mapping[str, MacroRule] = {name: rule for rule, names in _GROUPS for name in names.split()}


def rule_of(macro: Macro) -> MacroRule:
    """The macro's rule; `UNKNOWN` if it is not in the table."""
    return RULES.get(macro.name.lower(), UNKNOWN)
