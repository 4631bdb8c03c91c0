"""One example of every Confluence macro, and the text it becomes. `{name}` stands for each of the names."""

from dataclasses import dataclass

BODY = "<ac:rich-text-body><p>Body</p></ac:rich-text-body>"
PAGE_LINK = '<ac:link><ri:page ri:content-title="Rates" ri:space-key="FIN"/></ac:link>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """`inside`: the macro's content. `text`: the blocks of the page, with `A` and `Z` around the macro."""

    names: str
    inside: str
    text: tuple[str, ...]


def parameter(name: str, value: str) -> str:
    """One parameter."""
    return f'<ac:parameter ac:name="{name}">{value}</ac:parameter>'


def code(text: str) -> str:
    """A plain-text body."""
    return f"<ac:plain-text-body><![CDATA[{text}]]></ac:plain-text-body>"


NOISE = parameter("bgColor", "#DEEBFF") + parameter("borderStyle", "solid") + parameter("macroUid", "9f-77-secret")

GOLDENS = (
    Golden(
        names="code code-block codeblock paste-code-macro",
        inside=parameter("language", "python") + parameter("title", "run.py") + NOISE + code("def f():\n\n    pass"),
        text=("A", "run.py", "```python\ndef f():\n\n    pass\n```", "Z"),
    ),
    Golden(names="noformat", inside=NOISE + code("  a\n   b"), text=("A", "```\n  a\n   b\n```", "Z")),
    Golden(
        names="mermaid-macro mermaid plantuml plantumlrender graphviz csv swagger-open-api swagger-integration "
        "open-api unmigrated-wiki-markup unmigrated-inline-wiki-markup",
        inside=parameter("token", "hunter2") + code("a -> b\nb -> c"),
        text=("A", "```\na -> b\nb -> c\n```", "Z"),
    ),
    Golden(names="info", inside=NOISE + BODY, text=("A", "Info: Body", "Z")),
    Golden(names="note", inside=NOISE + BODY, text=("A", "Note: Body", "Z")),
    Golden(names="tip", inside=NOISE + BODY, text=("A", "Tip: Body", "Z")),
    Golden(names="success", inside=NOISE + BODY, text=("A", "Success: Body", "Z")),
    Golden(names="warning", inside=parameter("title", "Stop") + BODY, text=("A", "Warning: Stop", "Body", "Z")),
    Golden(names="error", inside=NOISE + BODY, text=("A", "Error: Body", "Z")),
    Golden(
        names="panel custom-panel", inside=NOISE + parameter("title", "Hours") + BODY, text=("A", "Hours", "Body", "Z")
    ),
    Golden(
        names="expand ui-expand clickable tab tab-pane ui-tab localtab card horizontal-nav-item vertical-nav-item "
        "ui-step auihorizontalnavpage nestedexpand",
        inside=parameter("title", "More") + NOISE + BODY,
        text=("A", "Z", "§ More", "Body"),
    ),
    Golden(
        names="details",
        inside=parameter("hidden", "true") + "<ac:rich-text-body><table><tr><th>Owner</th><td>Ada</td></tr>"
        "<tr><th>Due</th><td><time datetime='2026-05-01'/></td></tr></table></ac:rich-text-body>",
        text=("A", "Owner: Ada\nDue: 2026-05-01", "Z"),
    ),
    Golden(names="quote", inside=BODY, text=("A", "> Body", "Z")),
    Golden(
        names="sv-translation",
        inside=parameter("language", "fr") + BODY,
        text=("A", "Z", "§ Translation: fr", "Body"),
    ),
    Golden(
        names="english french german spanish italian portuguese dutch polish russian japanese chinese korean",
        inside=BODY,
        text=("A", "Z", "§ Translation: {name}", "Body"),
    ),
    Golden(
        names="section column layout div span align center bgcolor highlight legend convertedtoblock tabs-group "
        "tab-group ui-tabs localtab-group deck horizontal-nav-group vertical-nav-group ui-steps auihorizontalnav "
        "auibuttongroup toc-zone excerpt multiexcerpt multiexcerpt-macro scroll-ignore scroll-ignore-inline "
        "scroll-only scroll-only-inline scroll-pdf-ignore scroll-pdf-ignore-inline scroll-pdf-only scroll-title "
        "scroll-landscape scroll-portrait scroll-tablelayout table-filter table-joiner pivot-table tableenhancer chart "
        "table-chart ui-text-box lozenge ul numberedheadings",
        inside=NOISE + parameter("width", "80%") + parameter("name", "hidden-name") + BODY,
        text=("A", "Body", "Z"),
    ),
    Golden(
        names="toc pagetree pagetreesearch rw-pagetree livesearch recently-updated popular-labels contributors gallery "
        "create-from-template space-attachments attachments navmap blog-posts listlabels related-labels favpages "
        "spaces-list children contentbylabel detailssummary tasks-report-macro anchor page-info change-history "
        "loremipsum style javascript bookmark wordpress-sync-info wordpress-metadata author scroll-pagetitle "
        "scroll-exportbutton scroll-indexterm scroll-bookmark scroll-pagebreak mathblock-ref contributors-summary "
        "network activity-stream",
        inside=NOISE + parameter("", "here") + parameter("cql", "label = x") + code("body { color: red }"),
        text=("A", "Z"),
    ),
    Golden(
        names="include excerpt-include multiexcerpt-include multiexcerpt-include-macro scroll-content-block "
        "multiexcerpt-fast-include-block-macro multiexcerpt-fast-include-inline-macro",
        inside=parameter("", PAGE_LINK) + parameter("nopanel", "true") + BODY,
        text=("A", "(see: Rates)", "Z"),
    ),
    Golden(names="status", inside=parameter("colour", "Green") + parameter("title", "DONE"), text=("A", "[DONE]", "Z")),
    Golden(
        names="jira",
        inside=parameter("server", "Jira") + parameter("serverId", "5e1f-22") + parameter("key", "OPS-7"),
        text=("A", "OPS-7", "Z"),
    ),
    Golden(
        names="jira jiraissues jirachart",
        inside=parameter("serverId", "5e1f-22")
        + parameter("columns", "key,type")
        + parameter("jqlQuery", "project = A"),
        text=("A", "Jira: project = A", "Z"),
    ),
    Golden(
        names="roadmap",
        inside=parameter("title", "Plan")
        + parameter(
            "source",
            "%7B%22title%22%3A%22Plan%22%2C%22lanes%22%3A%5B%7B%22title%22%3A%22Web%22%2C%22bars%22%3A"
            "%5B%7B%22title%22%3A%22Login%22%2C%22id%22%3A%22b1%22%7D%5D%7D%5D%7D",
        ),
        text=("A", "Plan", "- Web: Login", "Z"),
    ),
    Golden(
        names="drawio inc-drawio drawio-sketch gliffy lucidchart mermaid-cloud",
        inside=parameter("diagramName", "Network.drawio") + parameter("custContentId", "1234567") + NOISE,
        text=("A", "[Diagram: Network]", "Z"),
    ),
    Golden(
        names="mathinline eazy-math-inline easy-math-inline latex unit",
        inside=parameter("body", "--uriencoded--x%5E2") + parameter("anchor", "eq1"),
        text=("A", "$x^2$", "Z"),
    ),
    Golden(
        names="mathblock easy-math-block",
        inside=parameter("anchor", "eq1") + code("a = b \\\\\nc = d"),
        text=("A", "$a = b \\\\\nc = d$", "Z"),
    ),
    Golden(
        names="markdown",
        inside=code("# Setup\n\nRun *it*.\n\n- one"),
        text=("A", "Z", "§ Setup", "Run it.", "- one"),
    ),
    Golden(
        names="html",
        inside=code("<style>p{color:red}</style><p>Shown</p><script>alert(1)</script>"),
        text=("A", "Shown", "Z"),
    ),
    Golden(
        names="view-file viewfile viewpdf viewxls viewdoc viewppt multimedia excel",
        inside=parameter("name", '<ri:attachment ri:filename="plan.pdf"/>') + parameter("height", "250"),
        text=("A", "[File: plan.pdf]", "Z"),
    ),
    Golden(
        names="widget iframe embed youtube gadget html-include",
        inside=parameter("url", '<ri:url ri:value="https://video.example/1"/>') + parameter("width", "400"),
        text=("A", "https://video.example/1", "Z"),
    ),
    Golden(
        names="profile profile-picture",
        inside=parameter("user", '<ri:user ri:account-id="abc"/>') + parameter("size", "64"),
        text=("A", "@Ada Lovelace", "Z"),
    ),
    Golden(names="time date", inside=parameter("datetime", "2026-05-01"), text=("A", "2026-05-01", "Z")),
    Golden(
        names="ui-button",
        inside=parameter("color", "red") + parameter("title", "Order now") + parameter("url", "https://shop.example"),
        text=("A", "Order now", "Z"),
    ),
    Golden(
        names="tooltip cfm-tooltip cfm-footnote",
        inside=parameter("id", "0s1ra5") + parameter("text", "As of May"),
        text=("A", "(note: As of May)", "Z"),
    ),
    Golden(names="footnote", inside=NOISE + BODY, text=("A", "(note: Body)", "Z")),
    Golden(
        names="tasklist",
        inside=parameter("title", "To do")
        + parameter("width", "80%")
        + code(
            "||Completed||Priority||Locked||CreatedDate||CompletedDate||Assignee||Name||\n"
            "|F|M|F|1744620516591| |ada|Call|\n|T|M|F|1744620516591|1744620516592|ada|Write|\n"
        ),
        text=("A", "To do", "- [ ] Call\n- [x] Write", "Z"),
    ),
    Golden(names="show-if hide-if", inside=parameter("group", "board") + BODY, text=("A", "Z")),
)
