"""Whatever happens to a workspace in whatever order: after one sync, what is known is what can be read."""

import random

import pytest

from tests.contract.notion.synced import Follower
from tests.fakes.notion import FakeNotion
from tests.fakes.notion_json import block, paragraph
from tests.fakes.notion_workspace import Workspace

STEPS = 12


class History:
    """A workspace that changes at random, always in the same way for a seed."""

    def __init__(self, space: Workspace, seed: int) -> None:
        self._space = space
        self._random = random.Random(seed)
        self._count = 0
        # Pages, and blocks that pages can stand in.
        self._places: list[str] = [""]
        self._pages: list[str] = []
        self.texts: dict[str, str] = {}
        database = space.add_database("Log", ("Log", {}))
        self._source = space.source_of(database)
        for _ in range(6):
            self.add()

    def change(self) -> str:
        """One change. Returns what it was."""
        kinds = [self.add, self.add, self.edit, self.edit, self.move, self.trash, self.restore, self.share, self.hide]
        step = self._random.choice(kinds)
        step()
        return step.__name__

    def add(self) -> None:
        self._count += 1
        parent = self._random.choice([*self._places, self._source])
        title, text = f"Page {self._count}", f"Text {self._count}."
        page = self._space.add_page(title, paragraph(text), block("toggle", "More", paragraph("inside")), parent=parent)
        self.texts[page] = text
        self._pages.append(page)
        self._places += [page, self._space.blocks_of(page)[-1]]

    def edit(self) -> None:
        page = self._random.choice(self._pages)
        self.texts[page] = f"Text {self._random.random()}."
        toggle = self._space.blocks_of(page)[-1]
        own = next(
            each for each in self._space.blocks_of(page) if self._space.things[each].body.get("type") == "paragraph"
        )
        assert toggle != own
        self._space.edit_block(own, self.texts[page])

    def move(self) -> None:
        page = self._random.choice(self._pages)
        place = self._random.choice(self._places)
        is_row = self._space.things[page].parent["type"] == "data_source_id"
        if not is_row and not self._is_inside(place, page):
            self._space.move(page, place)

    def trash(self) -> None:
        self._space.trash(self._random.choice(self._pages))

    def restore(self) -> None:
        for page in self._pages:
            if self._space.things[page].is_trashed:
                self._space.restore(page)
                return

    def share(self) -> None:
        page = self._random.choice(self._pages)
        self._space.set_shared(page, is_shared=not self._space.things[page].is_shared)

    def hide(self) -> None:
        page = self._random.choice(self._pages)
        self._space.unsearchable ^= {page}

    def readable(self) -> dict[str, str]:
        """Title → text of all that the connection may read and that is not, as far as it can see, in the trash."""
        return {
            f"Page {number}": self.texts[page]
            for number, page in enumerate(self._pages, start=1)
            if self._space.is_visible(page) and not self._is_seen_in_trash(page)
        }

    def _is_seen_in_trash(self, page: str) -> bool:
        """What is trashed above something that is not shared cannot be seen."""
        thing = self._space.things.get(page)
        while thing is not None and thing.is_shared:
            if thing.is_trashed:
                return True
            thing = self._space.things.get(str(thing.parent.get(str(thing.parent["type"]))))
        return False

    def _is_inside(self, place: str, page: str) -> bool:
        thing = self._space.things.get(place)
        while thing is not None:
            if thing.id == page:
                return True
            thing = self._space.things.get(str(thing.parent.get(str(thing.parent["type"]))))
        return False


@pytest.mark.parametrize("seed", range(6))
async def test_after_one_sync_what_is_known_is_what_can_be_read(notion: FakeNotion, seed: int) -> None:
    history = History(notion.workspace, seed)
    follower = Follower(notion)
    done = []
    for _ in range(STEPS):
        done.append(history.change())
        listing = await follower.sync()
        known = {
            document.title: document.sections[0].text
            for document in follower.documents.values()
            if document.title != "Log"
        }
        readable = history.readable()
        assert set(known) <= set(readable), done
        # What search hides can be found only through what stands around it, and that may not be readable.
        assert all(is_hidden(notion.workspace, title) for title in readable if title not in known), done
        assert all(readable[title] in text for title, text in known.items()), done
        assert listing.is_complete, done


def is_hidden(space: Workspace, title: str) -> bool:
    """Does search leave the page out?"""
    page = next(
        each
        for each in space.things.values()
        if each.kind == "page" and str(each.body["url"]).startswith(f"https://www.notion.so/{title.replace(' ', '-')}-")
    )
    return page.id in space.unsearchable or space.is_below_trash(page.id)
