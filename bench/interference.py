"""Non-interference: does anything that a person gets depend on pages that the person may not see?

Random pages for random audiences, edited, opened, closed and deleted for some rounds. After each round, for each
person: the same questions over all pages, and over a second knowledge base that never held what this person may not
see. Searches (texts, scores, order, counts) and answers (sentences, citations, closest pages) must be equal.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.answering.types import Question, SearchScope
from app.chat_models.scripted import Config as ScriptedConfig
from app.chat_models.scripted import ScriptedModel
from app.contract import AnswerBody, PassageBody
from app.settings import AnsweringTable, Settings
from app.wiring import AnswerSide, assemble
from ingest.changes import Change, Checkpoint, Listing
from ingest.report import Silent
from ingest.sync import SourceSync
from kb.access import Audience
from kb.documents import Block, Document, Section
from kb.settings import EmbedderTable, IndexTable
from kb.wiring import open_knowledge_base

TENANT, SOURCE = "acme", "wiki"
PEOPLE = tuple(f"p{number}@acme.test" for number in range(6))
GROUPS: Mapping[str, tuple[str, ...]] = {
    "staff": PEOPLE[:4],
    "board": PEOPLE[:1] + PEOPLE[4:5],
    "ops": (PEOPLE[1], PEOPLE[2], "group:board"),
}
WORDS = "pump valve alarm leave salary merger codename launch budget pressure holiday server token roof water".split()
# Share of the questions with a letter too many, and of those with an abbreviation.
SLIPS = 0.4
SHORT = 0.2
RARE = tuple(f"zebra{number}" for number in range(12))
START = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """What the source holds. Every change is random, and the same for the same seed."""

    def __init__(self, chance: random.Random, *, pages: int) -> None:
        self.chance = chance
        self.pages: dict[str, Document] = {}
        self._edits = 0
        for number in range(pages):
            self.write(f"d{number}")

    def write(self, name: str) -> None:
        """A page of this name, new or edited; sometimes word for word what another page says."""
        self._edits += 1
        texts = [self._text() for _ in range(self.chance.randint(1, 4))]
        if self.pages and self.chance.random() < 0.3:
            other = self.chance.choice(list(self.pages.values()))
            texts[0] = other.sections[0].text
        known = self.pages.get(name)
        audience = known.audience if known is not None and self.chance.random() < 0.5 else self.audience()
        self.pages[name] = Document(
            tenant=TENANT,
            source_id=SOURCE,
            native_id=name,
            space=self.chance.choice(["OPS", "HR"]),
            # A page keeps its title: after a rename the vectors of its own past stay, which a new base would not have.
            title=known.title if known is not None else self._title(),
            url=f"https://wiki.test/{name}",
            version=str(self._edits),
            updated_at=START + timedelta(days=self.chance.randrange(300)),
            audience=audience,
            sections=tuple(_section(number, text) for number, text in enumerate(texts)),
            labels=tuple(self.chance.sample(["policy", "draft"], self.chance.randrange(2))),
        )

    def change(self) -> None:
        """One edit, opening, closing or deletion, or a new page."""
        name = self.chance.choice(list(self.pages))
        self._edits += 1
        match self.chance.randrange(5):
            case 0:
                self.write(f"d{len(self.pages)}-{self._edits}")
            case 1:
                self.write(name)
            case 2 if len(self.pages) > 3:
                del self.pages[name]
            case _:
                self.pages[name] = replace(self.pages[name], audience=self.audience(), version=str(self._edits))

    def audience(self) -> Audience:
        """One layer or two, of people and groups."""
        choices = ["everyone", *(f"group:{name}" for name in GROUPS), *PEOPLE]
        layers = [self.chance.sample(choices, self.chance.randint(1, 2)) for _ in range(self.chance.randint(1, 2))]
        return Audience.of(["everyone"]) if self.chance.random() < 0.35 else Audience.of(*layers)

    def question(self) -> str:
        """Words of any page, seen or not, sometimes with a slip in one, an abbreviation or a filter."""
        words = self.chance.sample([*WORDS, *RARE], self.chance.randint(1, 3))
        if self.chance.random() < SHORT:
            words.append(_shortened(self.chance.sample(WORDS, 2)))
        if self.chance.random() < SLIPS:
            place = self.chance.randrange(1, len(words[0]) - 1)
            words[0] = words[0][:place] + words[0][place] + words[0][place:]
        asked = self.chance.choice(["{}", "What is the {}?", "in:HR {}", "label:policy {}", "updated:2026-05 {}"])
        return asked.format(" ".join(words))

    def _title(self) -> str:
        return " ".join(self.chance.sample([*WORDS, *RARE], 2)).title()

    def _text(self) -> str:
        sentences = []
        for _ in range(self.chance.randint(1, 3)):
            some = self.chance.choices(WORDS, k=6) + self.chance.sample(RARE, self.chance.randrange(2))
            # What it stands for differs from page to page.
            short = f" ({_shortened(some[4:6])})" if self.chance.random() < SHORT else ""
            sentences.append(f"The {' '.join(some[:6])}{short} {' '.join(some[6:])} is {self.chance.randrange(90)}.")
        return " ".join(sentences)


@dataclass
class Given:
    """A source that gives these documents."""

    documents: Mapping[str, Document]
    request_count: int = 0

    async def changes(self, since: Checkpoint | None, *, known: Mapping[str, str]) -> AsyncIterator[Change]:
        yield Listing(titles={name: page.title for name, page in self.documents.items()}, is_complete=True)
        for name, page in self.documents.items():
            if known.get(name) != page.version:
                yield page

    async def confirm_removed(self, native_id: str) -> str | None:
        return "deleted"

    async def verify(self) -> str:
        return ""

    async def close(self) -> None:
        return None


@dataclass(slots=True)
class Findings:
    """Pairs of a person and a question that were compared, and where the two differed."""

    pairs: int = 0
    passages: int = 0
    answered: int = 0
    differences: list[str] = field(default_factory=list)


@asynccontextmanager
async def opened(data_dir: Path, *, tenant: str, index: str) -> AsyncIterator[AnswerSide]:
    """An answer side without models over an empty knowledge base."""
    settings = Settings(
        tenant=tenant,
        data_dir=data_dir,
        index=IndexTable(kind=index),
        embedder=EmbedderTable(kind="hashing", dimension=64),  # type: ignore[call-arg]  # the plugin's own key
        groups=dict(GROUPS),
        answering=AnsweringTable(mode="strict", answerable_above=0.2),
    )
    async with open_knowledge_base(settings) as base:
        yield assemble(base, ScriptedModel(ScriptedConfig()), settings)


async def sync(side: AnswerSide, documents: Mapping[str, Document]) -> None:
    """Bring the knowledge base to what the source holds. Raises AssertionError if it says that it did not."""
    tenant = side.settings.tenant
    own = {name: replace(page, tenant=tenant) for name, page in documents.items()}
    run = SourceSync(side.knowledge_base, Given(own), source_id=SOURCE, progress=Silent(), may_remove_many=True)
    report = await run.run(is_full=False)
    if report.reason:
        raise AssertionError(report.reason)


async def compare(
    all_pages: AnswerSide, visible: AnswerSide, *, email: str | None, questions: list[str], findings: Findings
) -> None:
    """Ask both the same, as the same person."""
    for question in questions:
        one = await seen(all_pages, email, question, findings)
        other = await seen(visible, email, question, findings)
        findings.pairs += 1
        findings.differences += [f"{email}: {question}: {name}" for name in one if one[name] != other[name]]


async def seen(side: AnswerSide, email: str | None, question: str, findings: Findings) -> dict[str, object]:
    """Everything that somebody can see of a search and an answer."""
    principal = await side.knowledge_base.catalogue.access.principal(side.settings.tenant, email)
    passages = await side.answerer.search(question, principal, scope=SearchScope(), count=20)
    answer = await side.answerer.answer(Question(text=question), principal)
    findings.passages += len(passages)
    findings.answered += answer.status == "answered"
    told = AnswerBody.of(answer).model_dump(mode="json")
    for random_or_timed in ("answer_id", "conversation_id", "timings_ms"):
        told.pop(random_or_timed, None)
    # The score as it is, not as it is shown.
    found = [PassageBody.of(each).model_dump(mode="json") | {"score": each.score} for each in passages]
    return {"search": found, "answer": told}


async def visible_to(side: AnswerSide, world: World, email: str | None) -> dict[str, Document]:
    """The pages that this person may see, by the rules themselves."""
    principal = await side.knowledge_base.catalogue.access.principal(side.settings.tenant, email)
    return {name: page for name, page in world.pages.items() if page.audience.admits(principal)}


async def run(
    directory: Path, *, seed: int, rounds: int, questions: int, pages: int = 40, index: str = "memory"
) -> Findings:
    """The whole experiment."""
    world, findings = World(random.Random(seed), pages=pages), Findings()
    async with opened(directory / "all", tenant=TENANT, index=index) as everything:
        for number in range(rounds):
            await sync(everything, world.pages)
            asked = [world.question() for _ in range(questions)]
            for place, email in enumerate([None, *PEOPLE]):
                shadow = f"shadow-{number}-{place}"
                async with opened(directory / "shadows", tenant=shadow, index=index) as alone:
                    await sync(alone, await visible_to(everything, world, email))
                    await compare(everything, alone, email=email, questions=asked, findings=findings)
            for _ in range(pages // 3):
                world.change()
    return findings


def _shortened(words: Sequence[str]) -> str:
    return "".join(word[0] for word in words).upper()


def _section(number: int, text: str) -> Section:
    return Section(
        id=f"#part-{number}",
        heading_path=(f"Part {number}",),
        anchor=f"part-{number}",
        url=f"https://wiki.test/page#part-{number}",
        blocks=(Block(kind="paragraph", text=text),),
    )


async def main() -> None:
    """Print the table; exit code 1 if anything differed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--index", choices=["memory", "edge"], default="edge")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        findings = await run(
            Path(directory),
            seed=given.seed,
            rounds=given.rounds,
            questions=given.questions,
            pages=given.pages,
            index=given.index,
        )
    table = Table("what unseen pages change", "", title=f"non-interference, index {given.index}")
    table.add_row("(person, question) pairs", f"{findings.pairs:,}")
    table.add_row("passages and answers compared", f"{findings.passages // 2:,} and {findings.answered // 2:,}")
    table.add_row("pairs that differ", str(len(findings.differences)))
    Console().print(table)
    for difference in findings.differences[:10]:
        print(difference)
    sys.exit(1 if findings.differences else 0)


if __name__ == "__main__":
    asyncio.run(main())
